/** The steps of a script: what a scripted model answers, call by call. */
import type { AssistantMessageItem, FunctionCallItem, ProviderData } from '../protocol/items.ts';
import type {
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetryAdviceRequest,
  StreamEvent,
} from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import { InvalidScriptedModelStepError } from './scripted-errors.ts';
import type { InvalidScriptedModelStepReason } from './scripted-errors.ts';
import { snapshot } from './snapshot.ts';

/** A whole response, or its output alone; then it counts as one request and gets the id `scripted-response-N`. */
export type ScriptedModelResponse = ModelResponse | ModelResponse['output'];

/** One call that the model received. */
export type RecordedModelCall = Readonly<{
  /** The zero-based position of this call in `calls`. */
  index: number;
  /** Whether a streamed response was asked for. */
  streamed: boolean;
  /** What was asked, as it was at that moment. Later changes to the run's items do not show. */
  request: Readonly<ModelRequest>;
}>;

export type ScriptedModelRetryAdvice =
  | ModelRetryAdvice
  | ((request: ModelRetryAdviceRequest) => ModelRetryAdvice | undefined | Promise<ModelRetryAdvice | undefined>);
export type ScriptedModelStream = Iterable<StreamEvent> | AsyncIterable<StreamEvent>;

type ResponseStep = { type: 'response'; response: ScriptedModelResponse };
type ErrorStep = { type: 'error'; error: unknown; retryAdvice?: ScriptedModelRetryAdvice };
type ResponderStep = {
  type: 'responder';
  respond: (call: RecordedModelCall) => ScriptedModelResponse | Promise<ScriptedModelResponse>;
};
type StreamStep = { type: 'stream'; events: ScriptedModelStream };
type StreamResponderStep = {
  type: 'stream_responder';
  respond: (call: RecordedModelCall) => ScriptedModelStream | Promise<ScriptedModelStream>;
};
export type ScriptedModelStep = ResponseStep | ErrorStep | ResponderStep | StreamStep | StreamResponderStep;
/** A step, or a response that stands for the step which answers it. */
export type ScriptedModelInput = ScriptedModelStep | ScriptedModelResponse;

/** A step that answers with this response. @example `modelResponse([assistantMessage('Hello')])` */
export function modelResponse(response: ScriptedModelResponse): ResponseStep {
  return { type: 'response', response };
}

/** A step that throws `error`, the same object; `retryAdvice` is what `getRetryAdvice` then says about it, once. */
export function modelError(error: unknown, retryAdvice?: ScriptedModelRetryAdvice): ErrorStep {
  return { type: 'error', error, ...(retryAdvice !== undefined && { retryAdvice }) };
}

/** A step whose answer depends on what was asked. It may throw or wait. */
export function modelResponder(respond: ResponderStep['respond']): ResponderStep {
  return { type: 'responder', respond };
}

/** A step that streams these events as they are, valid or not. It cannot answer a call that is not streamed. */
export function modelStream(events: ScriptedModelStream): StreamStep {
  return { type: 'stream', events };
}

/** A step whose stream depends on what was asked. It cannot answer a call that is not streamed. */
export function modelStreamResponder(respond: StreamResponderStep['respond']): StreamResponderStep {
  return { type: 'stream_responder', respond };
}

export type AssistantMessageOptions = {
  id?: string;
  phase?: AssistantMessageItem['phase'];
  providerData?: ProviderData;
};

/** An assistant's text message. @example `assistantMessage('Done.', { id: 'msg_1' })` */
export function assistantMessage(text: string, options: AssistantMessageOptions = {}): AssistantMessageItem {
  const { id, phase, providerData } = options;
  return {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    ...(id !== undefined && { id }),
    ...(phase !== undefined && { phase }),
    content: [{ type: 'output_text', text }],
    ...(providerData !== undefined && { providerData }),
  };
}

export type FunctionCallOptions = {
  callId: string;
  /** @default the `callId` */
  id?: string;
  namespace?: string;
  providerData?: ProviderData;
};

/**
 * A call of a function tool. Arguments given as a string are sent as they are, so a test can send invalid JSON.
 * @example `functionCall('get_weather', { city: 'Oslo' }, { callId: 'call_1' })`
 */
export function functionCall(
  name: string,
  args: string | Record<string, unknown>,
  { callId, id = callId, namespace, providerData }: FunctionCallOptions,
): FunctionCallItem {
  return {
    type: 'function_call',
    id,
    callId,
    name,
    arguments: typeof args === 'string' ? args : JSON.stringify(args),
    status: 'completed',
    ...(namespace !== undefined && { namespace }),
    ...(providerData !== undefined && { providerData }),
  };
}

const isObject = (value: unknown): value is Record<PropertyKey, unknown> => typeof value === 'object' && value !== null;

/** Whether `value` is an output list, or a response whose `usage` is a `Usage`. */
export function isResponse(value: unknown): value is ScriptedModelResponse {
  if (Array.isArray(value)) return true;
  return isObject(value) && Array.isArray(value.output) && value.usage instanceof Usage;
}

/** Whether `value` can be iterated. A string can, but is no stream of events. */
export function isStream(value: unknown): value is ScriptedModelStream {
  if (!isObject(value)) return false;
  return typeof value[Symbol.iterator] === 'function' || typeof value[Symbol.asyncIterator] === 'function';
}

/**
 * Checks one input and detaches it from the objects of the test.
 * @throws InvalidScriptedModelStepError
 */
export function toStep(input: unknown, inputIndex: number): ScriptedModelStep {
  const fail = (reason: InvalidScriptedModelStepReason, problem: string): never => {
    const named = isObject(input) && typeof input.type === 'string' && reason !== 'invalid_response';
    const message = `Step #${inputIndex + 1} of the script ${problem}`;
    throw new InvalidScriptedModelStepError({
      reason,
      message,
      inputIndex,
      ...(named && { stepType: String(input.type) }),
    });
  };
  const noResponse = (): never =>
    fail('invalid_response', 'is a response that lacks its `output` list or a `usage` of class Usage.');
  if (!isObject(input)) return fail('invalid_input', `is ${describe(input)}. Give a list of output items, or a step.`);
  if (Array.isArray(input)) return { type: 'response', response: detach(input) };
  if (!('type' in input)) {
    if (isResponse(input)) return { type: 'response', response: detach(input) };
    if (!('output' in input || 'usage' in input)) return fail('invalid_input', 'is neither a response nor a step.');
    return noResponse();
  }
  switch (input.type) {
    case 'response':
      if (!('response' in input)) return fail('missing_response', 'has no `response`. Use modelResponse().');
      if (isResponse(input.response)) return { type: 'response', response: detach(input.response) };
      return noResponse();
    case 'error':
      if (!('error' in input)) return fail('missing_error', 'has no `error`. Use modelError().');
      // Functions are believed to have the right type: what they return is checked, or is for the run to bear.
      return {
        type: 'error',
        error: input.error,
        retryAdvice: snapshot(input.retryAdvice) as ErrorStep['retryAdvice'],
      };
    case 'responder':
      if (typeof input.respond !== 'function') return fail('missing_responder', 'has no `respond` function.');
      return { type: 'responder', respond: input.respond as ResponderStep['respond'] };
    case 'stream':
      if (!isStream(input.events)) return fail('invalid_stream', 'has no `events` that can be iterated.');
      return { type: 'stream', events: Array.isArray(input.events) ? snapshot(input.events) : input.events };
    case 'stream_responder':
      if (typeof input.respond !== 'function') return fail('missing_responder', 'has no `respond` function.');
      return { type: 'stream_responder', respond: input.respond as StreamResponderStep['respond'] };
    default:
      return fail(
        'unknown_step_type',
        `has the unknown type ${describe(input.type)}. Use modelResponse() and the like.`,
      );
  }
}

function detach(response: ScriptedModelResponse): ScriptedModelResponse {
  if (Array.isArray(response)) return snapshot(response);
  return { ...snapshot(response), usage: new Usage(response.usage) };
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value);
}
