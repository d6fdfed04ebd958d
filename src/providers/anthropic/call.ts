/** Calls a client of the official shape, ours or the user's. */
import { normalizeError } from '../../model/index.ts';
import type { Opened } from '../../model/read-stream.ts';
import { UserError } from '../../protocol/errors.ts';
import type { ModelRequest, ModelRetryAdvice, ModelRetryAdviceRequest } from '../../protocol/model.ts';
import { headerOf, isModelError } from '../../wire/index.ts';
import type { AnthropicClient } from './client.ts';
import { isObject, isString, type Json } from './json.ts';

/** A request, and what goes beside its body. */
export type BuiltRequest = { body: Json; headers?: Json };

/** One call of `messages.create`. */
export type Call = { client: AnthropicClient; request: ModelRequest } & BuiltRequest;

function start({ client, request, body, headers }: Call): unknown {
  const options = { headers, signal: request.signal, maxRetries: 0 };
  // The official client's parameter types are narrower than what gateways take.
  return client.messages.create.call(client.messages, body as never, options as never);
}

/** A whole answer. */
export async function create(call: Call): Promise<Json> {
  const answer: unknown = await start(call);
  if (isObject(answer)) return answer;
  throw new UserError(
    `The Anthropic client answered ${JSON.stringify(answer)?.slice(0, 80)} instead of an object. Check its baseURL.`,
  );
}

/** A streamed answer. */
export async function createStream(call: Call): Promise<Opened> {
  const pending = start(call);
  // The official client tells the request's id of a stream only this way.
  if (hasWithResponse(pending)) {
    const { data, request_id: requestId } = await pending.withResponse();
    return opened(data, requestId);
  }
  const answer: unknown = await pending;
  return opened(answer, requestIdOf(answer));
}

function opened(events: unknown, requestId: unknown): Opened {
  if (typeof events === 'object' && events !== null && Symbol.asyncIterator in events) {
    return { events: events as AsyncIterable<unknown>, ...(isString(requestId) && { requestId }) };
  }
  throw new UserError(
    'The Anthropic client did not answer a streamed request with an async iterable. Does it support `stream: true`?',
  );
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

/** What Anthropic's answers say about asking again. */
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
  return [408, 409, 429].includes(statusCode) || statusCode >= 500 ? { suggested: true, reason } : undefined;
}
