/**
 * Ended spans as text: `[segments, spans]`, each span a list, and what many have in common once.
 *
 * S1: reading gives what was written. The text is what the file keeps, so its form is a part of the schema: it may grow
 *     at the end of a list, no more.
 */
import type { Refs, SpanFacts, SpanRecord } from './batch.ts';
import type { SpanError } from '../types.ts';

/** A segment of a run; null for spans that user code made within the run. */
type Segment = readonly [runId: string, segmentId: string | null];
/** 0 stands for what is not there; times are the first and how many milliseconds later the last. */
type Row = readonly [
  id: string,
  parentId: string | 0,
  seq: number,
  type: string,
  name: string,
  at: number,
  ms: number,
  segment: number,
  error: SpanError | 0,
  data: SpanRecord['data'] | 0,
  details: SpanFacts | 0,
  refs: Refs | 0,
  told: 0 | 1,
];

/** Collects the spans of one part. */
export class SpanText {
  readonly #segments: Segment[] = [];
  readonly #rows: Row[] = [];

  get size(): number {
    return this.#rows.length;
  }

  add(span: SpanRecord): void {
    const { error, data, details, refs, at } = span;
    this.#rows.push([
      span.id,
      span.parentId ?? 0,
      span.seq,
      span.type,
      span.name,
      at,
      span.endedAt - at,
      this.#segment(span.runId, span.segmentId ?? null),
      error ?? 0,
      data ?? 0,
      details ?? 0,
      refs ?? 0,
      span.told ? 1 : 0,
    ]);
  }

  /** @param safe makes of a value that JSON has no word for one that it has */
  toText(safe: <T>(value: T) => T = (value) => value): string {
    try {
      return JSON.stringify([this.#segments, this.#rows]);
    } catch {
      return JSON.stringify([this.#segments, this.#rows.map(safe)]);
    }
  }

  #segment(runId: string | undefined, segmentId: string | null): number {
    if (runId === undefined) return -1;
    const known = this.#segments.findLastIndex(([run, segment]) => run === runId && segment === segmentId);
    return known >= 0 ? known : this.#segments.push([runId, segmentId]) - 1;
  }
}

export function spansIn(text: string): SpanRecord[] {
  // The word of SpanText, which wrote it.
  const [segments, rows] = JSON.parse(text) as [Segment[], Row[]];
  return rows.map((row): SpanRecord => {
    const [id, parentId, seq, type, name, at, ms, segment, error, data, details, refs, told] = row;
    const [runId, segmentId] = segments[segment] ?? NO_SEGMENT;
    return {
      id,
      parentId: parentId === 0 ? null : parentId,
      seq,
      type,
      name,
      at,
      endedAt: at + ms,
      error: error === 0 ? undefined : error,
      data: data === 0 ? undefined : data,
      runId,
      segmentId: segmentId ?? undefined,
      details: details === 0 ? undefined : details,
      refs: refs === 0 ? undefined : refs,
      told: told === 1,
    };
  });
}

const NO_SEGMENT: readonly [undefined, undefined] = [undefined, undefined];

export function textOf(spans: readonly SpanRecord[]): string {
  const text = new SpanText();
  for (const span of spans) text.add(span);
  return text.toText();
}
