/**
 * Ended spans as text: `[segments, spans]`, each span a list, and what many have in common once.
 *
 * S1: reading gives what was written. The text is what the file keeps, so its form is a part of the schema: it may grow
 *     at the end of a list, no more.
 */
import type { Refs, SpanFacts, SpanRecord } from './batch.ts';
import type { SpanData, SpanError } from '../types.ts';
import { packed, type PackedData, unpacked } from './span-data.ts';

/** An agent in a segment of a run. Null: no agent, or a span that user code made within the run. */
type Segment = readonly [runId: string, segmentId: string | null, agent: string | null];
/** 0 stands for what is not there; times are the first and how many milliseconds later the last. */
type Row = readonly [
  id: string,
  parentId: string | 0,
  seq: number,
  type: string,
  /** 0: as its type. */
  name: string | 0,
  at: number,
  ms: number,
  segment: number,
  error: SpanError | 0,
  data: PackedData,
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

  /** `data` is span data: what was said in it is not looked at. */
  add(span: Omit<SpanRecord, 'data'>, data: SpanData): void {
    const { type, name, error, agent, details, refs, at } = span;
    this.#rows.push([
      span.id,
      span.parentId ?? 0,
      span.seq,
      type,
      name === type ? 0 : name,
      at,
      span.endedAt - at,
      this.#segment(span.runId, span.segmentId ?? null, agent ?? null),
      error ?? 0,
      packed(data, { name, agent, details }),
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

  #segment(runId: string | undefined, segmentId: string | null, agent: string | null): number {
    if (runId === undefined) return -1;
    const known = this.#segments.findLastIndex(
      ([run, segment, name]) => run === runId && segment === segmentId && name === agent,
    );
    return known >= 0 ? known : this.#segments.push([runId, segmentId, agent]) - 1;
  }
}

export function spansIn(text: string): SpanRecord[] {
  // The word of SpanText, which wrote it.
  const [segments, rows] = JSON.parse(text) as [Segment[], Row[]];
  return rows.map((row): SpanRecord => {
    const [id, parentId, seq, type, said, at, ms, segment, error, data, facts, refs, told] = row;
    const [runId, segmentId, who] = segments[segment] ?? NO_SEGMENT;
    const [name, agent, details] = [said === 0 ? type : said, who ?? undefined, facts === 0 ? undefined : facts];
    return {
      id,
      parentId: parentId === 0 ? null : parentId,
      seq,
      type,
      name,
      at,
      endedAt: at + ms,
      error: error === 0 ? undefined : error,
      data: unpacked(type, data, { name, agent, details }),
      agent,
      runId,
      segmentId: segmentId ?? undefined,
      details,
      refs: refs === 0 ? undefined : refs,
      told: told === 1,
    };
  });
}

const NO_SEGMENT: readonly undefined[] = [];

export function textOf(spans: readonly SpanRecord[]): string {
  const text = new SpanText();
  // Data that was read is that of its type.
  for (const span of spans) text.add(span, { type: span.type, ...span.data } as SpanData);
  return text.toText();
}
