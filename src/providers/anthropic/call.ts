/** Calls a client of the official shape, ours or the user's. */
import type { Opened } from '../../model/read-stream.ts';
import { adviceOf, openedAnswer, wholeAnswer } from '../../model/vendor-client.ts';
import type { ModelRequest, ModelRetryAdvice, ModelRetryAdviceRequest } from '../../protocol/model.ts';
import type { AnthropicClient } from './client.ts';
import type { Json } from './json.ts';

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
export const create = async (call: Call): Promise<Json> => wholeAnswer('Anthropic', start(call));

/** A streamed answer. */
export const createStream = async (call: Call): Promise<Opened> => openedAnswer('Anthropic', start(call));

/** What Anthropic's answers say about asking again. */
export const retryAdvice = ({ error }: ModelRetryAdviceRequest): ModelRetryAdvice | undefined => adviceOf(error);
