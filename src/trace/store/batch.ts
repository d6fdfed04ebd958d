/** What a process sends to the store: traces, beginnings of runs, ended spans, and what was said in them. */
import type { SpanDetails, SpanError, SpanOutcome } from '../types.ts';
import type { UsageTally } from './tally.ts';

export type TraceRecord = {
  readonly traceId: string;
  readonly name: string;
  readonly groupId: string | null;
  readonly metadata?: { readonly [key: string]: unknown };
  readonly at: number;
};

/** A segment of a run begins. */
export type RunRecord = {
  readonly runId: string;
  readonly traceId: string;
  /** The run whose tool call this one carries out. */
  readonly parentRunId?: string;
  readonly at: number;
};

/** A span that ended, as its text tells it: see span-text.ts. */
export type SpanRecord = {
  readonly id: string;
  readonly parentId: string | null;
  /** In which order the spans of the trace began, as far as the process knows it. */
  readonly seq: number;
  readonly type: string;
  readonly name: string;
  readonly at: number;
  readonly endedAt: number;
  readonly error: SpanError | undefined;
  /** Span data without its type and what was said. */
  readonly data: { readonly [key: string]: unknown };
  /** The run that it is in, and the segment; a span that user code made is in none. */
  readonly runId: string | undefined;
  readonly segmentId: string | undefined;
  /** The one that was active. */
  readonly agent: string | undefined;
  /** Undefined on spans that user code made. */
  readonly details: SpanFacts | undefined;
  /** Numbers of contents, by what they are in the span. */
  readonly refs: Refs | undefined;
  /** It was told of while it was open. */
  readonly told: boolean;
};

/** Details without what the record has beside them, and without what was said. */
export type SpanFacts = Omit<SpanDetails, 'instructions' | 'runId' | 'segmentId' | 'agent'>;

/** A span that is open: it began before this batch and did not end in it. */
export type OpenRecord = Pick<SpanRecord, 'id' | 'parentId' | 'seq' | 'type' | 'name' | 'at'> & {
  readonly traceId: string;
  readonly runId?: string;
  readonly agent?: string;
};

/** How a segment ended. */
export type SegmentEnd = { readonly status: SpanOutcome; readonly at: number; readonly error?: SpanError };

/**
 * What a segment of a run adds to what is known of the run since its part before; its entries since then are a text
 * beside it (see segment-log.ts).
 */
export type SegmentRecord = {
  readonly traceId: string;
  readonly runId: string;
  readonly segmentId: string;
  readonly parentRunId: string | undefined;
  /** When the segment began, and the newest that is known. */
  readonly at: number;
  readonly touchedAt: number;
  /** Who numbers its parts, the number of this one among all that are of the place, and which entry is its first. */
  readonly place: number;
  readonly n: number;
  readonly first: number;
  /** The agent that it began with, and the one that was active last. */
  readonly agent: string | undefined;
  readonly lastAgent: string | undefined;
  readonly turns: number;
  readonly tools: number;
  readonly usage: readonly UsageTally[];
  readonly end: SegmentEnd | undefined;
};

/** By what they are in the span: a list of contents, or one. */
export type Refs = { readonly [key: string]: number | readonly number[] };

/** What a batch says beside its parts. */
export type Head = {
  /** Who writes, a number of its own, and when: that it lives. */
  readonly writer: number;
  readonly at: number;
  readonly open: readonly OpenRecord[];
  readonly traces: readonly TraceRecord[];
  readonly runs: readonly RunRecord[];
  readonly segments: readonly SegmentRecord[];
};

/**
 * Spans of one trace that ended since the part before, and what was said in them for the first time. Texts: they are
 * made once, by the process that traces, and go into the file as they are.
 */
export type Part = {
  readonly traceId: string;
  /** Who numbers: the contents, and its own parts from 0. */
  readonly place: number;
  readonly n: number;
  /** See span-text.ts. */
  readonly spans: string;
  /** A list of contents, and the number of its first one; undefined where there is none. */
  readonly said: string | undefined;
  readonly first: number;
};

/** `head` is a `Head` as JSON; `segments` are the texts of its segments: lists of entries. */
export type Batch = { readonly head: string; readonly segments: readonly string[]; readonly parts: readonly Part[] };
