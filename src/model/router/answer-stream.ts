/**
 * Attempts until one streams an answer. Written by hand instead of as a generator, which costs three promises an event:
 * what an attempt has ready is handed out as it is, and what must be waited for costs one promise more than the model's.
 *
 * Invariants: A1 a stream shows the words of one attempt, unless a `stream.reset` says that those so far are void.
 * A2 calls come with the last event of a good stream only: half a call is never executed. A3 an answer that was refused
 * is the answer where nobody else gives one, and never after words of another one. A4 one event is asked for at a time:
 * who asks for several gets them in order.
 */
import type { StreamEvent } from '../../protocol/model.ts';
import type { RouteCall } from './call.ts';
import { isCalledOff } from './failure.ts';
import { race } from './race.ts';
import { StreamedAttempt, type Telling } from './streamed.ts';
import type { Trying } from './trying.ts';

type Result = IteratorResult<StreamEvent, undefined>;

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** A streamed answer. Nothing is asked before its first event is. */
export const events = (call: RouteCall): AsyncIterableIterator<StreamEvent, undefined> => new AnswerStream(call);

class AnswerStream implements AsyncIterableIterator<StreamEvent, undefined> {
  readonly #call: RouteCall;
  readonly #telling: Telling = { shown: undefined, refused: undefined };
  #prepared = false;
  #over = false;
  /** The one whose events are given. */
  #attempt: StreamedAttempt | undefined;
  /** What is given when nobody else answers. */
  #refused: StreamEvent[] | undefined;
  /** The event that was asked for. */
  #busy: Promise<Result> | undefined;

  constructor(call: RouteCall) {
    this.#call = call;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#busy) return this.#nextAfter(this.#busy);
    if (this.#over) return Promise.resolve(END);
    const attempt = this.#attempt;
    if (!attempt) return (this.#busy = this.#begin());
    try {
      const value = attempt.ready();
      if (value) return Promise.resolve({ done: false, value });
    } catch (error) {
      return (this.#busy = this.#failed(error));
    }
    return (this.#busy = attempt.pull().then(this.#take, this.#fail));
  }

  /** The reader leaves. */
  return(): Promise<Result> {
    if (this.#busy) return this.#returnAfter(this.#busy);
    this.#over = true;
    this.#attempt?.close();
    return Promise.resolve(END);
  }

  async #nextAfter(busy: Promise<Result>): Promise<Result> {
    await this.#settled(busy);
    return this.next();
  }

  async #returnAfter(busy: Promise<Result>): Promise<Result> {
    await this.#settled(busy);
    return this.return();
  }

  async #settled(busy: Promise<Result>): Promise<void> {
    try {
      await busy;
    } catch {
      // Whoever asked for it was told.
    }
    if (this.#busy === busy) this.#busy = undefined;
  }

  readonly #take = (result: IteratorResult<StreamEvent, unknown>): Result | Promise<Result> => {
    try {
      const value = this.#attempt?.take(result);
      this.#busy = undefined;
      return value ? { done: false, value } : this.#end();
    } catch (error) {
      return this.#failed(error);
    }
  };

  readonly #fail = (error: unknown): Promise<Result> => this.#failed(error);

  async #failed(error: unknown): Promise<Result> {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.end();
    // It has said all that it had to say.
    if (!attempt || attempt.answered) return this.#end();
    try {
      await this.#call.failed(attempt.trying, error, attempt.emitted);
    } catch (final) {
      this.#end();
      throw final;
    }
    return this.#begin();
  }

  #end(): Result {
    this.#busy = undefined;
    this.#over = true;
    return END;
  }

  /** Asks until there is something to show. */
  async #begin(): Promise<Result> {
    if (this.#refused) return this.#nextOf(this.#refused);
    const call = this.#call;
    try {
      if (!this.#prepared) await call.prepare();
      this.#prepared = true;
      for (;;) {
        const begin = (trying: Trying): StreamedAttempt => new StreamedAttempt(call, trying, this.#telling);
        const ended = await race<void, StreamedAttempt>(call, begin(await call.begin()), begin);
        const { racer } = ended;
        if (!ended.ok) {
          racer.end();
          await call.failed(racer.trying, ended.error, false);
          continue;
        }
        this.#attempt = racer;
        const value = racer.open();
        this.#busy = undefined;
        return value ? { done: false, value } : this.#end();
      }
    } catch (error) {
      const { refused, shown } = this.#telling;
      if (refused && !shown && !isCalledOff(error)) return this.#nextOf((this.#refused = refused));
      this.#end();
      throw error;
    }
  }

  #nextOf(refused: StreamEvent[]): Result {
    const value = refused.shift();
    this.#busy = undefined;
    return value ? { done: false, value } : this.#end();
  }
}
