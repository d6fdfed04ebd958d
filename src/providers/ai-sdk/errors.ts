/** Errors of AI SDK models as ours: the body decides, and nothing of the prompt is kept. */
import { AgentsError } from '../../protocol/errors.ts';
import { errorOfAnswer, ModelError, truncatedStream } from '../../wire/index.ts';
import { isObject, isString } from './types.ts';

/** What providers say of a stream that stopped in the middle. They have no class for it. */
const CUT_OFF =
  /without a finish reason|stream (?:ended|closed|was closed)|ended (?:unexpectedly|prematurely)|^terminated/i;

/** An abort stays what it is; everything else becomes a `ModelError`. */
export function toModelError(error: unknown, provider: string, responseStarted: boolean): unknown {
  if (error instanceof AgentsError) return error;
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')) return error;
  const shared = { provider, responseStarted };
  if (!isObject(error)) return errorOfAnswer({ ...shared, body: isString(error) ? error : { message: String(error) } });
  // An APICallError, whatever package it comes from. It holds the request, so that it is no `cause` of ours.
  const { statusCode: status, responseHeaders: headers, responseBody: body, message, isRetryable } = error;
  if (typeof status === 'number') {
    return errorOfAnswer({ ...shared, status, headers, body: isString(body) && body !== '' ? body : { message } });
  }
  if (isRetryable === true) {
    return new ModelError(`${provider} could not be reached: ${String(message)}`, {
      kind: responseStarted ? 'truncated_stream' : 'network',
      retryable: true,
      responseStarted,
    });
  }
  if (responseStarted && CUT_OFF.test(String(message))) return truncatedStream(provider);
  return errorOfAnswer({ ...shared, body: error instanceof Error ? { message: error.message } : error });
}
