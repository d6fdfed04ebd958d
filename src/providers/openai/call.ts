/** Calls a client of the official shape, ours or the user's. */
import type { Opened } from '../../model/read-stream.ts';
import { adviceOf, openedAnswer, wholeAnswer } from '../../model/vendor-client.ts';
import type { ModelRequest, ModelRetryAdvice, ModelRetryAdviceRequest } from '../../protocol/model.ts';
import { readErrorBody } from '../../wire/index.ts';
import type { Json } from './json.ts';

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
export const create = async (api: Api, request: ModelRequest, { body, ...beside }: BuiltRequest): Promise<Json> =>
  wholeAnswer('OpenAI', start(api, body, callOptions(request, beside)));

/** A streamed answer. */
export const createStream = async (
  api: Api,
  request: ModelRequest,
  { body, ...beside }: BuiltRequest,
): Promise<Opened> => openedAnswer('OpenAI', start(api, body, callOptions(request, beside)));

/** What OpenAI's answers say about asking again. */
export const retryAdvice = ({ error }: ModelRetryAdviceRequest): ModelRetryAdvice | undefined =>
  // An empty account is a 429 too, and stays empty.
  adviceOf(error, (unpaid) => readErrorBody(unpaid).code === 'insufficient_quota');
