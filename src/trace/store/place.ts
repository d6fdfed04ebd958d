/**
 * What one process knows of a trace while it writes: which runs and spans are open, and which contents have a number.
 * Contents are known by identity: history is made of the same objects turn after turn.
 */
import type { Span } from '../types.ts';
import type { RunRecord } from './batch.ts';

export type Opened = { readonly runId: string | undefined; readonly seq: number; readonly isTold?: true };

export class TracePlace {
  /** Tells the numbers of this place from those of others of the same trace: other processes, or later segments. */
  readonly part = Math.floor(Math.random() * 2 ** 48);
  /** Of open spans: the run that they are in, their own or that of the span above, and in which order they began. */
  readonly #open = new Map<string, Opened>();
  readonly #segments = new Map<string, string>();
  readonly #objects = new WeakMap<object, number>();
  readonly #texts = new Map<string, number>();
  #count = 0;
  #spans = 0;

  /** The segment that begins with this span, if one does. */
  started(span: Span): RunRecord | undefined {
    const { details, parentId, spanId, traceId } = span;
    const above = parentId === null ? undefined : this.#open.get(parentId)?.runId;
    const runId = details?.runId ?? above;
    this.#open.set(spanId, { runId, seq: this.#spans++ });
    if (runId === undefined || details?.runId === undefined || this.#segments.get(runId) === details.segmentId)
      return undefined;
    this.#segments.set(runId, details.segmentId ?? '');
    const at = Date.parse(span.startedAt ?? '');
    return { runId, traceId, at, ...(above !== undefined && above !== runId && { parentRunId: above }) };
  }

  /** What is known of an open span, which is told to the store. */
  tell({ spanId, details }: Span): Opened {
    const opened = this.#open.get(spanId) ?? { runId: details?.runId, seq: this.#spans++ };
    this.#open.set(spanId, { ...opened, isTold: true });
    return opened;
  }

  /** What was known of the span since it began. */
  ended({ spanId, details }: Span): Opened {
    const opened = this.#open.get(spanId) ?? { runId: details?.runId, seq: this.#spans++ };
    this.#open.delete(spanId);
    return opened;
  }

  /** The number of a content; `add` gets it where it is new. */
  number(item: unknown, add: (n: number, item: unknown) => void): number {
    const known = this.#known(item);
    if (known !== undefined) return known;
    const n = this.#count++;
    if (typeof item === 'object' && item !== null) this.#objects.set(item, n);
    else if (typeof item === 'string') this.#texts.set(item, n);
    add(n, item);
    return n;
  }

  #known(item: unknown): number | undefined {
    if (typeof item === 'object' && item !== null) return this.#objects.get(item);
    return typeof item === 'string' ? this.#texts.get(item) : undefined;
  }
}
