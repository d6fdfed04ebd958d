/**
 * One attempt at a streamed answer: read until there is something to show, then shown.
 *
 * S1: until `open` nobody has seen anything of it, so that it can be dropped without a trace.
 */
import { ModelRefusalError } from '../../protocol/errors.ts';
import type { StreamEvent, StreamEventResponseCompleted } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { truncatedStream } from '../../wire/index.ts';
import type { RouteCall } from './call.ts';
import { showsContent } from './content.ts';
import type { Racer } from './race.ts';
import type { Target } from './targets.ts';
import type { Trying } from './trying.ts';
import { ROUTER_EVENT_SOURCE, type StreamReset } from './types.ts';

/** What the reader has seen, over all attempts. */
export type Telling = { shown: Target | undefined; refused: StreamEvent[] | undefined };

export class StreamedAttempt implements Racer<void> {
  readonly trying: Trying;
  readonly #call: RouteCall;
  readonly #telling: Telling;
  #iterator: AsyncIterator<StreamEvent> | undefined;
  /** What is to be shown before anything else is read. */
  #held: StreamEvent[] = [];
  #shown = 0;
  #over = false;
  /** Something of it was shown. */
  emitted = false;
  /** The whole answer was given. */
  answered = false;

  constructor(call: RouteCall, trying: Trying, telling: Telling) {
    this.#call = call;
    this.trying = trying;
    this.#telling = telling;
  }

  /** Reads until there is content. @throws what ends the attempt; then it is over */
  async run(): Promise<void> {
    const { model, request } = this.trying;
    try {
      this.#iterator = model.getStreamedResponse(request)[Symbol.asyncIterator]();
      for (;;) {
        const event = await this.#read();
        // Dropped, and heard of once more: no timer may start again.
        if (this.#over) return;
        if (!event) throw truncatedStream(this.trying.target.label);
        this.#held.push(event);
        if (this.#shows(event)) break;
      }
      // A reply without a text has its first content with its end.
      this.trying.firstTokenMs = this.#call.engine.now() - this.trying.startedAt;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** From now on the reader sees this attempt. Gives the first event. */
  open(): StreamEvent | undefined {
    const { shown } = this.#telling;
    this.emitted = true;
    this.#telling.shown = this.trying.target;
    if (shown) this.#held.unshift(this.#reset(shown));
    return this.#heldEvent();
  }

  /** The next event; `undefined` after the last one. @throws what ends the attempt; then it is over */
  next(): Promise<StreamEvent | undefined> {
    if (this.#shown < this.#held.length) return Promise.resolve(this.#heldEvent());
    if (this.#held.length > 0) this.#held = [];
    if (!this.#iterator) return Promise.resolve(undefined);
    // No function of its own waits here: there are as many events as tokens.
    return this.trying.guard.within(this.#iterator.next()).then(this.#take, this.#fail);
  }

  readonly #take = ({ done, value }: IteratorResult<StreamEvent, unknown>): StreamEvent | undefined => {
    try {
      if (done) {
        if (!this.answered) throw truncatedStream(this.trying.target.label);
        this.#over = true;
        return undefined;
      }
      this.trying.guard.heard(true);
      if (value.type !== 'response_done') return value;
      const event = this.#finish(value);
      this.#answer();
      return event;
    } catch (error) {
      return this.#fail(error);
    }
  };

  readonly #fail = (error: unknown): never => {
    this.#end();
    throw error;
  };

  #heldEvent(): StreamEvent | undefined {
    const event = this.#held[this.#shown++];
    if (event?.type === 'response_done') this.#answer();
    return event;
  }

  async #read(): Promise<StreamEvent | undefined> {
    if (!this.#iterator) return undefined;
    const { done, value } = await this.trying.guard.within(this.#iterator.next());
    if (done) return undefined;
    return value.type === 'response_done' ? this.#finish(value) : value;
  }

  #shows(event: StreamEvent): boolean {
    const content = showsContent(event, this.#call.route.refusal !== undefined);
    this.trying.guard.heard(content);
    return content;
  }

  #reset(from: Target): StreamEvent {
    const { label: to } = this.trying.target;
    const { engine, route } = this.#call;
    engine.emit?.({ type: 'stream.restarted', route: route.name, from: from.label, to });
    const event: StreamReset = { type: 'stream.reset', from: from.label, to };
    return { type: 'model', event, providerData: { rawModelEventSource: ROUTER_EVENT_SOURCE } };
  }

  /** The whole answer is there. @throws ModelRefusalError where another chain may give another one */
  #finish(event: StreamEventResponseCompleted): StreamEventResponseCompleted {
    const { response } = event;
    const call = this.#call;
    call.price(this.trying, { ...response, usage: new Usage({ requests: 1, ...response.usage }) });
    const { rawUsage, ...rest } = response;
    const told = rawUsage && call.hidesRawUsage ? { ...event, response: rest } : event;
    const refusal = this.emitted ? undefined : call.refusalOf(response.output);
    if (refusal !== undefined) {
      this.#telling.refused = [...this.#held, told];
      throw new ModelRefusalError(refusal);
    }
    return told;
  }

  #answer(): void {
    if (this.answered) return;
    this.answered = true;
    this.#call.succeeded(this.trying);
  }

  /** A model that does not listen to its signal must not hold us up; what it says on closing interests nobody. */
  #end(): void {
    this.#over = true;
    this.#iterator?.return?.()?.then(undefined, () => undefined);
  }

  /** Another one was faster. */
  drop(): void {
    if (!this.#over) this.#end();
  }

  /** Where the reader left in the middle. */
  close(): void {
    if (this.#over) return;
    this.#end();
    if (!this.answered) this.#call.abandoned(this.trying);
  }
}
