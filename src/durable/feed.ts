/**
 * What a run in this process tells those who look on, in the order in which it happens: what was committed, and what
 * its model says until that is committed.
 */
import type { RunStreamEvent } from '../agent/index.ts';
import type { Committed, RunEvent } from '../kernel/index.ts';
import type { ResponseStreamEvent } from '../protocol/model.ts';
import { EventQueue } from '../run/event-queue.ts';

/** What `store.stream` gives. */
export type RunStreamPart =
  /** An event of the log. To go on later, pass the position after the newest one. */
  | { type: 'event'; position: number; at: number; event: RunEvent }
  /** What the model says now, and no log holds. Void when the event comes that answers `effect`, such as `m2`. */
  | { type: 'delta'; effect: string; data: ResponseStreamEvent }
  /** All deltas of that model call until now are void: it is made again, or told again from its beginning. */
  | { type: 'reset'; effect: string };

type Delta = Extract<RunStreamPart, { type: 'delta' }>;
/** A model call under way, and what it said. */
type Call = { readonly effect: string; deltas: Delta[] };

export class Feed {
  readonly #readers = new Set<EventQueue<RunStreamPart>>();
  #call: Call | undefined;
  #isOver = false;

  committed(position: number, at: number, events: readonly Committed[]): void {
    events.forEach((event, n) => {
      if (event.type === 'effect.requested' && event.effect.do === 'call_model') {
        this.#call = { effect: event.effect.id, deltas: [] };
      } else if (this.#call && 'id' in event && event.id === this.#call.effect) this.#call = undefined;
      this.#tell({ type: 'event', position: position + n, at, event });
    });
  }

  streamed(event: RunStreamEvent): void {
    const call = this.#call;
    if (!call || event.type !== 'raw_model_stream_event') return;
    const { effect } = call;
    if (isReset(event.data)) {
      call.deltas = [];
      return this.#tell({ type: 'reset', effect });
    }
    const delta: Delta = { type: 'delta', effect, data: event.data };
    // For who comes in the middle of a call.
    call.deltas.push(delta);
    this.#tell(delta);
  }

  /** The run is not in this process any more. */
  end(): void {
    this.#isOver = true;
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
  }

  /** What the call under way said until now, and what comes. */
  join(): { parts: EventQueue<RunStreamPart>; leave: () => void } {
    const parts = new EventQueue<RunStreamPart>();
    const { effect, deltas } = this.#call ?? { effect: '', deltas: [] };
    if (deltas.length > 0) parts.push({ type: 'reset', effect });
    for (const delta of deltas) parts.push(delta);
    if (this.#isOver) parts.close();
    else this.#readers.add(parts);
    return { parts, leave: () => void this.#readers.delete(parts) };
  }

  #tell(part: RunStreamPart): void {
    for (const reader of this.#readers) reader.push(part);
  }
}

const isReset = (data: ResponseStreamEvent): boolean => {
  if (data.type !== 'model') return false;
  const { event } = data as { event?: unknown };
  return typeof event === 'object' && event !== null && 'type' in event && event.type === 'stream.reset';
};
