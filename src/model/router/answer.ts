/**
 * Attempts until one answers.
 *
 * Invariants: A1 a stream shows the words of one attempt, unless a `stream.reset` says that those so far are void.
 * A2 calls come with the last event of a good stream only: half a call is never executed. A3 an answer that was refused
 * is the answer where nobody else gives one.
 */
import { ModelRefusalError } from '../../protocol/errors.ts';
import type { ModelResponse, StreamEvent, StreamEventResponseCompleted } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { truncatedStream } from '../../wire/index.ts';
import type { RouteCall, Trying } from './call.ts';
import { showsContent } from './content.ts';
import type { Target } from './targets.ts';
import { ROUTER_EVENT_SOURCE, type StreamReset } from './types.ts';

/** A whole answer. */
export async function answer(call: RouteCall): Promise<ModelResponse> {
  await call.prepare();
  let refused: ModelResponse | undefined;
  try {
    for (;;) {
      const trying = await call.begin();
      try {
        const response = await trying.guard.within(trying.model.getResponse(trying.request));
        call.price(trying, response);
        const refusal = call.refusalOf(response.output);
        if (refusal !== undefined) {
          refused = response;
          throw new ModelRefusalError(refusal);
        }
        call.succeeded(trying);
        return response;
      } catch (error) {
        await call.failed(trying, error, false);
      }
    }
  } catch (error) {
    if (refused && !isAbort(error)) return refused;
    throw error;
  }
}

/** A streamed answer. */
export async function* events(call: RouteCall): AsyncGenerator<StreamEvent> {
  await call.prepare();
  const telling: Telling = { shown: undefined, refused: undefined };
  try {
    for (;;) {
      const trying = await call.begin();
      const attempt = new StreamedAttempt(call, trying, telling);
      try {
        yield* attempt.events();
        return;
      } catch (error) {
        if (attempt.answered) return;
        await call.failed(trying, error, attempt.emitted);
      } finally {
        attempt.close();
      }
    }
  } catch (error) {
    // Never after words of another one.
    if (!telling.refused || telling.shown || isAbort(error)) throw error;
  }
  yield* telling.refused;
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** What the reader has seen, over all attempts. */
type Telling = { shown: Target | undefined; refused: StreamEvent[] | undefined };

class StreamedAttempt {
  readonly #call: RouteCall;
  readonly #trying: Trying;
  readonly #telling: Telling;
  #iterator: AsyncIterator<StreamEvent> | undefined;
  #over = false;
  /** Something of it was shown. */
  emitted = false;
  /** The whole answer was there. */
  answered = false;

  constructor(call: RouteCall, trying: Trying, telling: Telling) {
    this.#call = call;
    this.#trying = trying;
    this.#telling = telling;
  }

  /** @throws what ends the attempt; then it is over */
  async *events(): AsyncGenerator<StreamEvent> {
    const { model, request, guard, target } = this.#trying;
    const held: StreamEvent[] = [];
    try {
      this.#iterator = model.getStreamedResponse(request)[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await guard.within(this.#iterator.next());
        if (done) break;
        const event = value.type === 'response_done' ? this.#finish(value, held) : value;
        if (!this.emitted && !this.#shows(event)) {
          held.push(event);
          continue;
        }
        if (this.emitted) guard.heard(true);
        else yield* this.#open(held);
        yield event;
      }
      if (!this.answered) throw truncatedStream(target.label);
      this.#over = true;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #shows(event: StreamEvent): boolean {
    const content = showsContent(event, this.#call.route.refusal !== undefined);
    this.#trying.guard.heard(content);
    return content;
  }

  /** The first content is there: from now on the reader sees this attempt. */
  *#open(held: readonly StreamEvent[]): Generator<StreamEvent> {
    const { target, startedAt } = this.#trying;
    const { shown } = this.#telling;
    this.emitted = true;
    this.#telling.shown = target;
    // A reply without a text has its first content with its end, where it was noted before.
    this.#trying.firstTokenMs ??= this.#call.engine.now() - startedAt;
    if (shown) yield this.#reset(shown);
    yield* held;
  }

  #reset(from: Target): StreamEvent {
    const { label: to } = this.#trying.target;
    const { engine, route } = this.#call;
    engine.emit?.({ type: 'stream.restarted', route: route.name, from: from.label, to });
    const event: StreamReset = { type: 'stream.reset', from: from.label, to };
    return { type: 'model', event, providerData: { rawModelEventSource: ROUTER_EVENT_SOURCE } };
  }

  /** The whole answer is there. @throws ModelRefusalError where another chain may give another one */
  #finish(event: StreamEventResponseCompleted, held: readonly StreamEvent[]): StreamEventResponseCompleted {
    const { response } = event;
    const call = this.#call;
    const trying = this.#trying;
    call.price(trying, { ...response, usage: new Usage({ requests: 1, ...response.usage }) });
    const { rawUsage, ...rest } = response;
    const told = rawUsage && call.hidesRawUsage ? { ...event, response: rest } : event;
    const refusal = this.emitted ? undefined : call.refusalOf(response.output);
    if (refusal !== undefined) {
      this.#telling.refused = [...held, told];
      throw new ModelRefusalError(refusal);
    }
    if (!this.emitted) trying.firstTokenMs = call.engine.now() - trying.startedAt;
    this.answered = true;
    call.succeeded(trying);
    return told;
  }

  /** A model that does not listen to its signal must not hold us up; what it says on closing interests nobody. */
  #end(): void {
    this.#over = true;
    this.#iterator?.return?.()?.then(undefined, () => undefined);
  }

  /** Where the reader left in the middle. */
  close(): void {
    if (this.#over) return;
    this.#end();
    if (!this.answered) this.#call.abandoned(this.#trying);
  }
}
