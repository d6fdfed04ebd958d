/** Calls a client of the official shape, ours or the user's. */
import { UserError } from '../../protocol/errors.ts';
import type { ModelRequest, ModelRetryAdvice, ModelRetryAdviceRequest } from '../../protocol/model.ts';
import { headerOf, isModelError, readErrorBody } from '../../wire/index.ts';
import { normalizeError } from '../../model/index.ts';
import type { Opened } from '../../model/read-stream.ts';
import { isObject, isString, type Json } from './json.ts';

export type { Opened };

const USER_AGENT = 'Baton-Agents/JavaScript';

/** A request, and what goes beside its body. */
export type BuiltRequest = { body: Json; headers?: Json; query?: Json };

type Beside = Omit<BuiltRequest, 'body'>;

function callOptions(request: ModelRequest, { headers, query }: Beside): Json {
  return {
    headers: { 'User-Agent': USER_AGENT, ...headers },
    signal: request.signal,
    ...(query && { query }),
    // `modelSettings.retry` decides on retries; a second loop inside the client would multiply them.
    maxRetries: 0,
  };
}

type Api = { create: (body: never, options?: never) => unknown };

function start(api: Api, body: Json, options: Json): unknown {
  // The official client's parameter types are narrower than what gateways take.
  return api.create.call(api, body as never, options as never);
}

/** A whole answer. */
export async function create(api: Api, request: ModelRequest, { body, ...beside }: BuiltRequest): Promise<Json> {
  const answer: unknown = await start(api, body, callOptions(request, beside));
  if (isObject(answer)) return answer;
  throw new UserError(
    `The OpenAI client answered ${JSON.stringify(answer)?.slice(0, 80)} instead of an object. Check its baseURL.`,
  );
}

/** A streamed answer. */
export async function createStream(
  api: Api,
  request: ModelRequest,
  { body, ...beside }: BuiltRequest,
): Promise<Opened> {
  const pending = start(api, body, callOptions(request, beside));
  // The official client tells the request's id of a stream only this way.
  if (hasWithResponse(pending)) {
    const { data, request_id: requestId } = await pending.withResponse();
    return opened(data, requestId);
  }
  const answer: unknown = await pending;
  return opened(answer, requestIdOf(answer));
}

function opened(events: unknown, requestId: unknown): Opened {
  if (!isIterable(events)) {
    throw new UserError(
      'The OpenAI client did not answer a streamed request with an async iterable. Does it support `stream: true`?',
    );
  }
  return { events, ...(isString(requestId) && { requestId }) };
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

type WithResponse = { withResponse(): Promise<{ data: unknown; request_id?: unknown }> };

function hasWithResponse(value: unknown): value is WithResponse {
  return (
    typeof value === 'object' && value !== null && 'withResponse' in value && typeof value.withResponse === 'function'
  );
}

/** The id that a client attached to an answer. */
export function requestIdOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('_request_id' in answer)) return undefined;
  return isString(answer._request_id) ? answer._request_id : undefined;
}

/** What OpenAI's answers say about asking again. */
export function retryAdvice({ error }: ModelRetryAdviceRequest): ModelRetryAdvice | undefined {
  const reason = error instanceof Error ? error.message : String(error);
  if (isModelError(error)) {
    return {
      suggested: error.retryable,
      reason,
      ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
      ...(error.replaySafe && { replaySafety: 'safe' as const }),
      ...(error.responseStarted !== undefined && { responseStarted: error.responseStarted }),
    };
  }
  // An error of the official client, or of another.
  if (typeof error !== 'object' || error === null) return undefined;
  const said = 'headers' in error ? headerOf(error.headers, 'x-should-retry') : undefined;
  if (said === 'true') return { suggested: true, replaySafety: 'safe', reason };
  if (said === 'false') return { suggested: false, reason };
  const { statusCode } = normalizeError(error);
  if (statusCode === undefined) return undefined;
  // An empty account is a 429 too, and stays empty.
  if (readErrorBody(error).code === 'insufficient_quota') return { suggested: false, reason };
  return [408, 409, 429].includes(statusCode) || statusCode >= 500 ? { suggested: true, reason } : undefined;
}
