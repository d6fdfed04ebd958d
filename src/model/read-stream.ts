/**
 * Turns a provider's events into stream events. Written by hand instead of as nested generators: a batch that the
 * network brought is handed out without waiting between its events, which halves the cost of a token.
 *
 * Invariants: S1 nothing is sent before the first `next`. S2 what a batch gave before it failed is handed out before
 * the error. S3 leaving early, failing and ending all close the source.
 */
import type { StreamEvent } from '../protocol/model.ts';

/** Events that can be had without waiting. */
export interface Ready {
  /** The next event, where it is there already; it is not given again. */
  ready(): StreamEvent | undefined;
}

/** What is to be had of a stream without waiting, where it can tell. */
export function readyOf(stream: AsyncIterator<StreamEvent>): Ready | undefined {
  return stream instanceof StreamReader ? stream : undefined;
}

/** A started stream and the id of its request. */
export type Opened = { events: AsyncIterable<unknown>; requestId?: string };

/** Reads events of one stream. Throws to end the stream with an error. */
export type EventReader = {
  read(event: unknown, out: StreamEvent[]): void;
  /** The source has ended. */
  end(out: StreamEvent[]): void;
};

/** Opens a stream when it is first asked for, and reads it. */
export function readStream(
  open: () => Promise<Opened>,
  reader: (opened: Opened) => EventReader,
): AsyncIterableIterator<StreamEvent> {
  return new StreamReader(open, reader);
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

class StreamReader implements AsyncIterableIterator<StreamEvent>, Ready {
  readonly #open: () => Promise<Opened>;
  readonly #makeReader: (opened: Opened) => EventReader;
  #reader: EventReader | undefined;
  #source: AsyncIterator<readonly unknown[]> | undefined;
  #queue: StreamEvent[] = [];
  #at = 0;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #pulling: Promise<void> | undefined;

  constructor(open: () => Promise<Opened>, makeReader: (opened: Opened) => EventReader) {
    this.#open = open;
    this.#makeReader = makeReader;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  ready(): StreamEvent | undefined {
    const value = this.#queue[this.#at];
    if (value !== undefined) this.#at++;
    return value;
  }

  next(): Promise<IteratorResult<StreamEvent>> {
    const value = this.ready();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve(END);
    this.#pulling ??= this.#pull();
    return this.#pulling.then(this.#again);
  }

  readonly #again = (): Promise<IteratorResult<StreamEvent>> => this.next();

  async return(): Promise<IteratorResult<StreamEvent>> {
    this.#ended = true;
    this.#queue = [];
    this.#failure = undefined;
    await this.#source?.return?.();
    return END;
  }

  /** Fills the queue, or notes the end or the failure. Never rejects. */
  async #pull(): Promise<void> {
    const queue: StreamEvent[] = [];
    try {
      if (!this.#source || !this.#reader) {
        const opened = await this.#open();
        this.#reader = this.#makeReader(opened);
        this.#source = batchesOf(opened.events);
        if (this.#ended) leaveUnread(this.#source);
      }
      while (queue.length === 0 && !this.#ended) {
        const { done, value } = await this.#source.next();
        if (done) {
          this.#ended = true;
          this.#reader.end(queue);
        } else for (const event of value) this.#reader.read(event, queue);
      }
    } catch (error) {
      this.#ended = true;
      this.#failure = { error };
      // The error that ended it counts; what closing says does not.
      await this.#source?.return?.().catch(() => undefined);
    }
    this.#queue = queue;
    this.#at = 0;
    this.#pulling = undefined;
  }
}

/**
 * Closes a source whose reader left while we waited for its headers. It is begun for that: a generator that was not ends
 * without its `finally`, and the connection stays. What it says, nobody hears.
 */
function leaveUnread(source: AsyncIterator<unknown>): void {
  source
    .next()
    .then(() => source.return?.())
    .catch(() => undefined);
}

function batchesOf(events: AsyncIterable<unknown>): AsyncIterator<readonly unknown[]> {
  // Ours come in batches already.
  if ('batches' in events && isIterator(events.batches)) return events.batches;
  return singly(events);
}

function isIterator(value: unknown): value is AsyncIterator<readonly unknown[]> {
  return typeof value === 'object' && value !== null && 'next' in value;
}

async function* singly(events: AsyncIterable<unknown>): AsyncGenerator<readonly unknown[], void, undefined> {
  for await (const event of events) yield [event];
}
