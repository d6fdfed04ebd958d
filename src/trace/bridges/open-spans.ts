/**
 * Spans that another system has open for ours: found by the ids of ours, bounded, whatever user code forgets to end.
 */
import type { Trace } from '../types.ts';
import type { TraceFacts } from '../export/describe.ts';

/** A span that is never ended must not be kept for ever. */
const MOST_OPEN = 10_000;
const MOST_TRACES = 10_000;

export class Newest<T> {
  readonly #items = new Map<string, T>();
  readonly #most: number;

  constructor(most: number = MOST_OPEN) {
    this.#most = most;
  }

  get(id: string | null | undefined): T | undefined {
    return id === null || id === undefined ? undefined : this.#items.get(id);
  }

  set(id: string, item: T): void {
    this.#items.delete(id);
    this.#items.set(id, item);
    if (this.#items.size <= this.#most) return;
    for (const oldest of this.#items.keys()) {
      this.#items.delete(oldest);
      return;
    }
  }

  /** Forgets it, and says what it was. */
  take(id: string): T | undefined {
    const item = this.#items.get(id);
    this.#items.delete(id);
    return item;
  }
}

/** What is known of traces, for facts that spans do not have. A trace may end before its last span, or never. */
export class KnownTraces {
  readonly #traces = new Newest<TraceFacts>(MOST_TRACES);

  add({ traceId, name, groupId, metadata }: Trace): void {
    this.#traces.set(traceId, { name, groupId, metadata: metadata ?? {} });
  }

  get(traceId: string): TraceFacts | undefined {
    return this.#traces.get(traceId);
  }
}

/**
 * When something of ours happened, in milliseconds; undefined where that is now, as far as a clock of milliseconds can
 * tell. Spans of others, which nest in ours, are measured more finely: what is live takes their clock, or a parent would
 * end a fraction of a millisecond before its child. What is told of later, such as after a crash, keeps its time.
 */
export function unlessNow(time: string | null): number | undefined {
  const at = Date.parse(time ?? '');
  if (!Number.isFinite(at) || Math.abs(Date.now() - at) <= 1) return undefined;
  return at;
}
