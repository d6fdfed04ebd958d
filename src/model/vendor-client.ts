/** Calls clients of the shape that the vendors' official clients have: ours, theirs or the user's. */
import { UserError } from '../protocol/errors.ts';
import type { ModelRetryAdvice } from '../protocol/model.ts';
import { headerOf, isModelError } from '../wire/index.ts';
import type { Opened } from './read-stream.ts';
import { normalizeError } from './retry-error.ts';
import { isObject, type Json } from './wire-json.ts';

/** A client or a model that is none, seen when it had been asked: what it did is paid for, whatever it answered. */
export function afterCall(message: string): UserError {
  return Object.assign(new UserError(message), { responseStarted: true });
}

/** Waits for a whole answer. `vendor` names the client in an error. */
export async function wholeAnswer(vendor: string, pending: unknown): Promise<Json> {
  const answer: unknown = await pending;
  if (isObject(answer)) return answer;
  throw afterCall(
    `The ${vendor} client answered ${JSON.stringify(answer)?.slice(0, 80)} instead of an object. Check its baseURL.`,
  );
}

/** Waits for a streamed answer to begin. `vendor` names the client in an error. */
export async function openedAnswer(vendor: string, pending: unknown): Promise<Opened> {
  // The official clients tell the request's id of a stream only this way.
  if (hasWithResponse(pending)) {
    const { data, request_id: requestId } = await pending.withResponse();
    return opened(vendor, data, requestId);
  }
  const answer: unknown = await pending;
  return opened(vendor, answer, requestIdOf(answer));
}

function opened(vendor: string, events: unknown, requestId: unknown): Opened {
  if (isIterable(events)) return { events, ...(typeof requestId === 'string' && { requestId }) };
  throw afterCall(
    `The ${vendor} client did not answer a streamed request with an async iterable. Does it support \`stream: true\`?`,
  );
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
  return typeof answer._request_id === 'string' ? answer._request_id : undefined;
}

/**
 * What an error says about asking again.
 *
 * @param isFinal whether an error of somebody else's client stays, whatever its status says
 */
export function adviceOf(error: unknown, isFinal?: (error: object) => boolean): ModelRetryAdvice | undefined {
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
  if (isFinal?.(error) === true) return { suggested: false, reason };
  return [408, 409, 429].includes(statusCode) || statusCode >= 500 ? { suggested: true, reason } : undefined;
}
