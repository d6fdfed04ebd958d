/**
 * Attempts until one answers.
 *
 * Invariants: A1 a stream shows the words of one attempt, unless a `stream.reset` says that those so far are void.
 * A2 calls come with the last event of a good stream only: half a call is never executed. A3 an answer that was refused
 * is the answer where nobody else gives one.
 */
import { ModelRefusalError } from '../../protocol/errors.ts';
import type { ModelResponse, StreamEvent } from '../../protocol/model.ts';
import type { RouteCall } from './call.ts';
import { race, type Racer } from './race.ts';
import { StreamedAttempt, type Telling } from './streamed.ts';
import type { Trying } from './trying.ts';

/** A whole answer. */
export async function answer(call: RouteCall): Promise<ModelResponse> {
  await call.prepare();
  const refusals: ModelResponse[] = [];
  const begin = (trying: Trying): PlainAttempt => new PlainAttempt(call, trying, refusals);
  try {
    for (;;) {
      const first = begin(await call.begin());
      const ended = await race<ModelResponse, PlainAttempt>(call, first, begin);
      const { trying } = ended.racer;
      if (ended.ok) {
        call.succeeded(trying);
        return ended.value;
      }
      await call.failed(trying, ended.error, false);
    }
  } catch (error) {
    const refused = refusals.at(-1);
    if (refused && !isAbort(error)) return refused;
    throw error;
  }
}

class PlainAttempt implements Racer<ModelResponse> {
  readonly trying: Trying;
  readonly #call: RouteCall;
  readonly #refusals: ModelResponse[];

  constructor(call: RouteCall, trying: Trying, refusals: ModelResponse[]) {
    this.#call = call;
    this.trying = trying;
    this.#refusals = refusals;
  }

  async run(): Promise<ModelResponse> {
    const { guard, model, request } = this.trying;
    const response = await guard.within(model.getResponse(request));
    this.#call.price(this.trying, response);
    const refusal = this.#call.refusalOf(response.output);
    if (refusal === undefined) return response;
    this.#refusals.push(response);
    throw new ModelRefusalError(refusal);
  }

  drop(): void {
    // Its signal was aborted; what it still says, nobody hears.
  }
}

/** A streamed answer. */
export async function* events(call: RouteCall): AsyncGenerator<StreamEvent> {
  await call.prepare();
  const telling: Telling = { shown: undefined, refused: undefined };
  const begin = (trying: Trying): StreamedAttempt => new StreamedAttempt(call, trying, telling);
  try {
    for (;;) {
      const first = begin(await call.begin());
      let attempt = first;
      try {
        const ended = await race<void, StreamedAttempt>(call, first, begin);
        attempt = ended.racer;
        if (!ended.ok) throw ended.error;
        for (let event = attempt.open(); event; event = await attempt.next()) yield event;
        return;
      } catch (error) {
        if (attempt.answered) return;
        await call.failed(attempt.trying, error, attempt.emitted);
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
