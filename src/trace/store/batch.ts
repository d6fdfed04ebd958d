/** What a process sends to the store: traces, beginnings of runs, ended spans, and what was said in them. Plain JSON. */
import type { SpanDetails, SpanError } from '../types.ts';

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

export type SpanRecord = {
  readonly id: string;
  readonly traceId: string;
  readonly parentId: string | null;
  /** In which order the spans of the trace began, as far as the process knows it. */
  readonly seq: number;
  readonly type: string;
  readonly name: string;
  readonly at: number;
  readonly endedAt: number;
  readonly error?: SpanError;
  /** Span data without what was said. */
  readonly data: { readonly [key: string]: unknown };
  /** The run that it is in. */
  readonly runId?: string;
  /** Absent on spans that user code made. */
  readonly details?: Omit<SpanDetails, 'instructions'>;
  /** Numbers of contents, by what they are in the span, and whose numbers they are. */
  readonly refs?: Refs;
  readonly part?: number;
  /** It was told of while it was open. */
  readonly told?: true;
};

/** A span that is open: it began before this batch and did not end in it. */
export type OpenRecord = Pick<SpanRecord, 'id' | 'traceId' | 'parentId' | 'seq' | 'type' | 'name' | 'at' | 'runId'> & {
  readonly agent?: string;
};

/** By what they are in the span: a list of contents, or one. */
export type Refs = { readonly [key: string]: number | readonly number[] };

/** Numbered within the trace and the part that says it. */
export type ContentRecord = {
  readonly traceId: string;
  readonly part: number;
  readonly n: number;
  readonly item: unknown;
};

export type Batch = {
  /** Who writes, a number of its own, and when: that it lives. */
  readonly writer: number;
  readonly at: number;
  readonly open: readonly OpenRecord[];
  readonly traces: readonly TraceRecord[];
  readonly runs: readonly RunRecord[];
  readonly spans: readonly SpanRecord[];
  readonly contents: readonly ContentRecord[];
};
