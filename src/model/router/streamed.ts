/**
 * One attempt at a streamed answer: read until there is something to show, then shown.
 *
 * S1: until `open` nobody has seen anything of it, so that it can be dropped without a trace. S2: what the model has
 * ready is passed on without a promise of its own: there are as many events as tokens.
 */
import { ModelRefusalError } from '../../protocol/errors.ts';
import type { StreamEvent, StreamEventResponseCompleted } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { truncatedStream } from '../../wire/index.ts';
import { readyOf, type Ready } from '../read-stream.ts';
import type { RouteCall } from './call.ts';
import { showsContent } from './content.ts';
import type { Racer } from './race.ts';
import type { Target } from './targets.ts';
import type { Trying } from './trying.ts';
import { ROUTER_EVENT_SOURCE, type StreamReset } from './types.ts';

/** What the reader has seen, over all attempts. */
export type Telling = { shown: Target | undefined; refused: StreamEvent[] | undefined };

const NOTHING: IteratorReturnResult<undefined> = { done: true, value: undefined };

export class StreamedAttempt implements Racer<void> {
  readonly trying: Trying;
  readonly #call: RouteCall;
  readonly #telling: Telling;
  #iterator: AsyncIterator<StreamEvent> | undefined;
  #source: Ready | undefined;
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
      const iterator = (this.#iterator = model.getStreamedResponse(request)[Symbol.asyncIterator]());
      const source = (this.#source = readyOf(iterator));
      for (;;) {
        const event = this.#finished(source?.ready() ?? (await this.#read(iterator)));
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

  /** The next event, where it need not be waited for. @throws what ends the attempt */
  ready(): StreamEvent | undefined {
    if (this.#shown < this.#held.length) return this.#heldEvent();
    const event = this.#source?.ready();
    return event && this.#heard(event);
  }

  /** Waits for the next event: what comes is for `take`. */
  pull(): Promise<IteratorResult<StreamEvent, unknown>> {
    return this.#iterator ? this.trying.guard.within(this.#iterator.next()) : Promise.resolve(NOTHING);
  }

  /** The next event; `undefined` after the last one. @throws what ends the attempt */
  take({ done, value }: IteratorResult<StreamEvent, unknown>): StreamEvent | undefined {
    if (!done) return this.#heard(value);
    if (!this.answered) throw truncatedStream(this.trying.target.label);
    this.#over = true;
    return undefined;
  }

  #heard(event: StreamEvent): StreamEvent {
    this.trying.guard.heard(true);
    if (event.type !== 'response_done') return event;
    const last = this.#finish(event);
    this.#answer();
    return last;
  }

  /** Ends it, where it is not over. */
  end(): void {
    if (!this.#over) this.#end();
  }

  #heldEvent(): StreamEvent | undefined {
    const event = this.#held[this.#shown++];
    if (event?.type === 'response_done') this.#answer();
    return event;
  }

  async #read(iterator: AsyncIterator<StreamEvent>): Promise<StreamEvent | undefined> {
    const { done, value } = await this.trying.guard.within(iterator.next());
    return done ? undefined : value;
  }

  #finished(event: StreamEvent | undefined): StreamEvent | undefined {
    return event?.type === 'response_done' ? this.#finish(event) : event;
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
    this.end();
  }

  /** Where the reader left in the middle. */
  close(): void {
    if (this.#over) return;
    this.#end();
    if (!this.answered) this.#call.abandoned(this.trying);
  }
}
