/**
 * What one process knows of a trace while it writes: which runs and spans are open, and which contents have a number.
 * Contents are known by identity: history is made of the same objects turn after turn.
 */
import { runOf, startedMs } from '../span.ts';
import type { Span } from '../types.ts';
import type { RunRecord } from './batch.ts';

/** An open span: the run that it is in, its own or that of the span above, and in which order they began. */
export type Opened = {
  readonly span: Span;
  readonly runId: string | undefined;
  readonly seq: number;
  /** The store was told of it while it was open. */
  isTold: boolean;
};

type Told = {
  readonly open: Map<string, Opened>;
  readonly segments: Map<string, string>;
  readonly objects: WeakMap<object, number>;
  readonly texts: Map<string, number>;
};
const nothingTold = (): Told => ({ open: new Map(), segments: new Map(), objects: new WeakMap(), texts: new Map() });

export class TracePlace {
  /** Tells the numbers of this place from those of others of the same trace: other processes, or later segments. */
  readonly id = Math.floor(Math.random() * 2 ** 48);
  readonly traceId: string;
  /** Made with the first span that is told: most traces are of one run, which is not told in spans. */
  #told: Told | undefined;
  /** Spans that began since the store was told of all of them. */
  #untold = 0;
  #count = 0;
  #spans = 0;
  #parts = 0;

  constructor(traceId: string) {
    this.traceId = traceId;
  }

  /** The segment that begins with this span, if one does. */
  started(span: Span): RunRecord | undefined {
    const { details, parentId, spanId, traceId } = span;
    const { open, segments } = (this.#told ??= nothingTold());
    const above = parentId === null ? undefined : open.get(parentId)?.runId;
    const runId = details?.runId ?? above ?? runOf(span);
    open.set(spanId, { span, runId, seq: this.#spans++, isTold: false });
    this.#untold += 1;
    if (runId === undefined || details?.runId === undefined || segments.get(runId) === details.segmentId)
      return undefined;
    segments.set(runId, details.segmentId ?? '');
    const parent = above !== undefined && above !== runId ? { parentRunId: above } : undefined;
    return { runId, traceId, at: startedMs(span), ...parent };
  }

  hasUntold(): boolean {
    if (this.#untold > 0) for (const { isTold } of this.#told?.open.values() ?? []) if (!isTold) return true;
    return false;
  }

  /** Open spans of which the store was not told; it is now. */
  untold(): Opened[] {
    if (this.#untold === 0) return [];
    this.#untold = 0;
    const open = [...(this.#told?.open.values() ?? [])].filter(({ isTold }) => !isTold);
    for (const one of open) one.isTold = true;
    return open;
  }

  /** What was known of the span since it began. */
  ended(span: Span): Opened {
    const opened = this.#told?.open.get(span.spanId);
    if (!opened) return { span, runId: runOf(span), seq: this.#spans++, isTold: false };
    this.#told?.open.delete(span.spanId);
    return opened;
  }

  /** How many parts there were. */
  nextPart(): number {
    return this.#parts++;
  }

  /** How many contents have a number. */
  get count(): number {
    return this.#count;
  }

  /** The number of a content; `add` gets it where it is new, which takes the next number. */
  number(item: unknown, add: (item: unknown) => void): number {
    const known = this.#known(item);
    if (known !== undefined) return known;
    const n = this.#count++;
    const { objects, texts } = (this.#told ??= nothingTold());
    if (typeof item === 'object' && item !== null) objects.set(item, n);
    else if (typeof item === 'string') texts.set(item, n);
    add(item);
    return n;
  }

  #known(item: unknown): number | undefined {
    if (typeof item === 'object' && item !== null) return this.#told?.objects.get(item);
    return typeof item === 'string' ? this.#told?.texts.get(item) : undefined;
  }
}
