/**
 * Attempts until one gives a whole answer. Streams: answer-stream.ts.
 *
 * Invariant: A1 an answer that was refused is the answer where nobody else gives one.
 */
import { ModelRefusalError } from '../../protocol/errors.ts';
import type { ModelResponse } from '../../protocol/model.ts';
import type { RouteCall } from './call.ts';
import { isCalledOff } from './failure.ts';
import { race, type Racer } from './race.ts';
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
    if (refused && !isCalledOff(error)) return refused;
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
