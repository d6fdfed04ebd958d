/**
 * A model that answers from a script, for tests without a network, a key or a cost.
 *
 * Invariants:
 * M1 One step a call, in the order of the calls; a call that is aborted before it is made takes no step.
 * M2 A recorded request never changes after the call; a scripted response never changes after it was given.
 * M3 The step of a streamed call is taken when the stream is asked for; what it does happens when it is read.
 */
import type { AssistantMessageItem } from '../protocol/items.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetryAdviceRequest,
  StreamEvent,
  UsageData,
} from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import {
  InvalidScriptedModelStepError,
  ScriptedModelRequestAbortedError,
  UnconsumedModelStepsError,
  UnexpectedModelCallError,
} from './scripted-errors.ts';
import { isResponse, isStream, toStep } from './scripted-steps.ts';
import type {
  RecordedModelCall,
  ScriptedModelInput,
  ScriptedModelResponse,
  ScriptedModelRetryAdvice,
  ScriptedModelStep,
} from './scripted-steps.ts';
import { snapshot } from './snapshot.ts';

/** Options of a scripted model. */
export type ScriptedModelOptions = {
  /**
   * Whether `calls` keeps a copy of every request. Turn it off for runs of thousands of turns, whose copies
   * would grow with the square of the turns; then `calls` stays empty and responders see the live request.
   * @default true
   */
  record?: boolean;
};

type Failure = { request?: ModelRequest; error: unknown; stream: boolean; advice?: ScriptedModelRetryAdvice };

/**
 * A model that takes one step of its script a call.
 *
 * @example
 * ```ts
 * import { Agent, run, tool } from '@baton/agents';
 * import { assistantMessage, functionCall, ScriptedModel } from '@baton/agents/testing';
 *
 * const add = tool({ name: 'add', description: 'Adds one.', execute: () => 2 });
 * const model = new ScriptedModel([[functionCall('add', { a: 1 }, { callId: 'c1' })], [assistantMessage('1')]]);
 * await run(new Agent({ name: 'A', model, tools: [add] }), 'Add.');
 * model.assertComplete();
 * ```
 * @throws InvalidScriptedModelStepError for an input that is no step.
 */
export class ScriptedModel implements Model {
  readonly #record: boolean;
  #steps: ScriptedModelStep[] = [];
  /** Where the next step is: taking from the front of a long array would copy it. */
  #next = 0;
  #count = 0;
  readonly #recorded: RecordedModelCall[] = [];
  #failures: Failure[] = [];

  constructor(inputs: Iterable<ScriptedModelInput> = [], { record = true }: ScriptedModelOptions = {}) {
    this.#record = record;
    this.enqueue(...inputs);
  }

  /** All calls so far, in order. Each read makes a new copy of them all, so read it once and keep it. */
  get calls(): readonly RecordedModelCall[] {
    return Object.freeze(this.#recorded.map(recorded));
  }

  /** The first call, if there was one. Each read makes a copy. */
  get firstCall(): RecordedModelCall | undefined {
    return this.#recorded.slice(0, 1).map(recorded)[0];
  }

  /** The latest call, if there was one. Each read makes a copy. */
  get lastCall(): RecordedModelCall | undefined {
    return this.#recorded.slice(-1).map(recorded)[0];
  }

  /** How many steps are left. */
  get remainingSteps(): number {
    return this.#steps.length - this.#next;
  }

  /** Adds steps to the end of the script; if one is invalid, none. @throws InvalidScriptedModelStepError */
  enqueue(...inputs: ScriptedModelInput[]): void {
    const added = inputs.map(toStep);
    this.#steps = this.#steps.slice(this.#next).concat(added);
    this.#next = 0;
  }

  /** @throws UnconsumedModelStepsError if the script has steps left. */
  assertComplete(): void {
    if (this.remainingSteps > 0) throw new UnconsumedModelStepsError(this.remainingSteps);
  }

  /**
   * Takes the next step and answers with it.
   * @throws UnexpectedModelCallError, InvalidScriptedModelStepError, ScriptedModelRequestAbortedError
   */
  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const { step, call } = this.#take(request, false);
    if (step.type === 'stream' || step.type === 'stream_responder') throw incompatible(call, step.type);
    if (step.type === 'error') throw this.#fail(step, call, request);
    return this.#respond(step, call, request);
  }

  /**
   * Takes the next step and streams it. A response becomes `response_started`, one `output_text_delta` a text
   * part, and `response_done`.
   * @throws UnexpectedModelCallError, ScriptedModelRequestAbortedError at once; what the step throws, when read.
   */
  getStreamedResponse(request: ModelRequest): AsyncIterable<StreamEvent> {
    const { step, call } = this.#take(request, true);
    return this.#stream(step, call, request);
  }

  /** What the step that threw this error said about a retry. Each advice is given once. */
  async getRetryAdvice(query: ModelRetryAdviceRequest): Promise<ModelRetryAdvice | undefined> {
    const fits = ({ error, stream }: Failure): boolean => Object.is(error, query.error) && stream === query.stream;
    const exact = this.#failures.findIndex((failure) => fits(failure) && failure.request === query.request);
    const index = exact >= 0 ? exact : this.#failures.findIndex(fits);
    if (index < 0) return undefined;
    const [failure] = this.#failures.splice(index, 1);
    return typeof failure?.advice === 'function' ? failure.advice(query) : failure?.advice;
  }

  /** Records the call and takes its step. */
  #take(request: ModelRequest, streamed: boolean): { step: ScriptedModelStep; call: RecordedModelCall } {
    if (request.signal?.aborted) throw new ScriptedModelRequestAbortedError();
    const live = { index: this.#count++, streamed, request };
    const record = this.#record ? recorded(live) : live;
    if (this.#record) this.#recorded.push(record);
    const step = this.#steps[this.#next];
    if (!step) throw new UnexpectedModelCallError(record);
    this.#next += 1;
    this.#forget();
    // A responder may change what it is shown; the record stays.
    return { step, call: this.#record && 'respond' in step ? recorded(live) : record };
  }

  /** Lets go of taken steps now and then, so that a long script does not hold all of its answers to the end. */
  #forget(): void {
    if (this.#next < 1024 || this.#next * 2 < this.#steps.length) return;
    this.#steps = this.#steps.slice(this.#next);
    this.#next = 0;
  }

  async #respond(
    step: Extract<ScriptedModelStep, { type: 'response' | 'responder' }>,
    call: RecordedModelCall,
    request: ModelRequest,
  ): Promise<ModelResponse> {
    if (step.type === 'response') return toModelResponse(step.response, call);
    const response: unknown = await step.respond(call);
    throwIfAborted(request, call);
    if (isResponse(response)) return toModelResponse(response, call);
    const message =
      `The responder of call #${call.index + 1} returned no response. ` +
      'Return a list of output items, or a response.';
    throw new InvalidScriptedModelStepError({ reason: 'invalid_response', message, callIndex: call.index });
  }

  async *#stream(
    step: ScriptedModelStep,
    call: RecordedModelCall,
    request: ModelRequest,
  ): AsyncGenerator<StreamEvent, void> {
    throwIfAborted(request, call);
    switch (step.type) {
      case 'error':
        throw this.#fail(step, call, request);
      case 'response':
      case 'responder':
        for (const event of toEvents(await this.#respond(step, call, request), call)) {
          throwIfAborted(request, call);
          yield event;
        }
        return;
      case 'stream':
      case 'stream_responder': {
        const events: unknown = step.type === 'stream' ? step.events : await step.respond(call);
        throwIfAborted(request, call);
        if (!isStream(events)) throw noStream(call);
        for await (const event of events) {
          throwIfAborted(request, call);
          yield event;
        }
        throwIfAborted(request, call);
      }
    }
  }

  #fail(step: Extract<ScriptedModelStep, { type: 'error' }>, call: RecordedModelCall, request: ModelRequest): unknown {
    const { error, retryAdvice: advice } = step;
    const stream = call.streamed;
    if (this.#record) this.#failures.push({ request, error, stream, advice });
    else if (advice !== undefined) this.#failures.push({ error, stream, advice });
    return error;
  }
}

function recorded({ request, ...call }: RecordedModelCall): RecordedModelCall {
  return Object.freeze({ ...call, request: Object.freeze(snapshot({ ...request })) });
}

function throwIfAborted(request: ModelRequest, call: RecordedModelCall): void {
  if (request.signal?.aborted) throw new ScriptedModelRequestAbortedError(call.index);
}

function incompatible(call: RecordedModelCall, stepType: string): InvalidScriptedModelStepError {
  const message =
    `The step for call #${call.index + 1} streams raw events, and the call is non-streaming. ` +
    'Run it with `stream: true`, or use modelResponse().';
  return new InvalidScriptedModelStepError({ reason: 'incompatible_call', message, callIndex: call.index, stepType });
}

function noStream(call: RecordedModelCall): InvalidScriptedModelStepError {
  const message = `The stream responder of call #${call.index + 1} returned nothing that can be iterated.`;
  const stepType = 'stream_responder';
  return new InvalidScriptedModelStepError({ reason: 'invalid_stream', message, callIndex: call.index, stepType });
}

const scriptedId = (call: RecordedModelCall): string => `scripted-response-${call.index + 1}`;

function toModelResponse(response: ScriptedModelResponse, call: RecordedModelCall): ModelResponse {
  if (Array.isArray(response))
    return { output: response, usage: new Usage({ requests: 1 }), responseId: scriptedId(call) };
  if (response.rawUsage === undefined || call.request.modelSettings?.preserveRawUsage) return response;
  const { rawUsage: _, ...rest } = response;
  return rest;
}

function* toEvents(response: ModelResponse, call: RecordedModelCall): Generator<StreamEvent, void> {
  const { output, usage, responseId = scriptedId(call), requestId, providerData, rawUsage } = response;
  yield { type: 'response_started' };
  for (const item of output) {
    if (item.type === 'message' && 'role' in item && item.role === 'assistant') yield* toDeltas(item);
  }
  yield {
    type: 'response_done',
    response: {
      id: responseId,
      ...(requestId !== undefined && { requestId }),
      usage: toUsageData(usage),
      ...(rawUsage !== undefined && { rawUsage }),
      ...(providerData !== undefined && { providerData }),
      output: snapshot(output),
    },
  };
}

function* toDeltas({ id, content }: AssistantMessageItem): Generator<StreamEvent, void> {
  for (const part of content) {
    if (part.type !== 'output_text') continue;
    const { text: delta, providerData } = part;
    const itemId = id === undefined ? {} : { itemId: id };
    yield { type: 'output_text_delta', ...itemId, delta, ...(providerData !== undefined && { providerData }) };
  }
}

function toUsageData(usage: Usage): UsageData {
  const { requests, inputTokens, outputTokens, totalTokens, inputTokensDetails, outputTokensDetails } = usage;
  return {
    requests,
    inputTokens,
    outputTokens,
    totalTokens,
    ...(inputTokensDetails.length > 0 && { inputTokensDetails }),
    ...(outputTokensDetails.length > 0 && { outputTokensDetails }),
    ...(usage.requestUsageEntries && {
      requestUsageEntries: usage.requestUsageEntries.map((entry) => Object.assign({}, entry)),
    }),
  };
}
