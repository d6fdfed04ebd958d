/** Spans of segments, derived of the entries that the file keeps. */
import { DONE } from '../done.ts';
import type { Reading } from '../reading.ts';
import { type Entry, SegmentReader } from '../segment-log.ts';
import { endedMs, type Span, startedMs } from '../span.ts';
import type { SpanRecord } from './batch.ts';
import { detailsOf, nameOf } from './record.ts';
import { packed, unpacked } from './span-data.ts';

/** A part of a segment, as its row has it. */
export type SegmentText = {
  readonly segment: string;
  readonly place: number;
  readonly first: number;
  readonly text: string;
  readonly hasSaid: boolean;
};

/** A segment as far as it is known: its spans in the order in which they began, ended or open. */
export type Derived = { readonly segment: string; readonly spans: readonly Span[]; readonly hasSaid: boolean };

/** @param texts in the order in which they were written */
export function derivedOf(texts: readonly SegmentText[]): Derived[] {
  const chains = new Map<string, SegmentText[]>();
  for (const one of texts) {
    const key = `${one.place} ${one.segment}`;
    // What begins anew tells all of it.
    if (one.first === 0) chains.set(key, []);
    chains.get(key)?.push(one);
  }
  const tasks: Reading['tasks'] = new Map();
  // Sub-agents first, which began after their callers: what they used counts for the calls that they carry out.
  return [...chains.values()]
    .toReversed()
    .map((chain) => derive(chain, tasks))
    .toReversed();
}

function derive(chain: readonly SegmentText[], tasks: Reading['tasks']): Derived {
  const spans: Span[] = [];
  const listener = { onSpanStart: (span: Span) => (spans.push(span), DONE), onSpanEnd: () => DONE };
  const reader = new SegmentReader({ runId: '' }, listener, tasks);
  let count = 0;
  for (const { first, text } of chain) {
    // One in between did not arrive.
    if (first !== count) break;
    // The word of segment-part.ts, which wrote it.
    const entries = JSON.parse(text) as Entry[];
    for (const entry of entries) reader.read(entry);
    count += entries.length;
  }
  const [one] = chain;
  return { segment: one?.segment ?? '', spans, hasSaid: chain.every(({ hasSaid }) => hasSaid) };
}

/** A derived span as its own part would tell it, without what was said. One that is open ends with what is known. */
export function recordOf(span: Span): SpanRecord {
  const { spanId, parentId, spanData, error, details, endedAt } = span;
  const [name, agent, facts] = [nameOf(spanData), details?.agent, details && detailsOf(details)];
  const at = startedMs(span);
  return {
    id: spanId,
    parentId,
    seq: 0,
    type: spanData.type,
    name,
    at,
    endedAt: endedAt === null ? at : endedMs(span),
    error: error ?? undefined,
    data: unpacked(spanData.type, packed(spanData, { name, agent, details: facts }), { name, agent, details: facts }),
    runId: details?.runId,
    segmentId: details?.segmentId,
    agent,
    details: facts,
    refs: undefined,
    told: false,
  };
}

/** Spans that ended in segments. */
export const endedIn = (texts: readonly SegmentText[]): SpanRecord[] =>
  derivedOf(texts).flatMap(({ spans }) => spans.filter(({ endedAt }) => endedAt !== null).map(recordOf));
