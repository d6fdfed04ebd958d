/**
 * A client for Anthropic's Messages API, and for servers that speak it, with the shape of the official one: whoever has
 * a `new Anthropic()` (or one for Bedrock or Vertex) can hand that in instead.
 */
import { env, keyFor, post, textHeaders, type ApiKey, type VendorStream } from '../../model/vendor-http.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Fetch, WireTimeouts } from '../../wire/index.ts';
import type { Json } from './json.ts';

/** Options of one call, as the official client takes them. */
export type AnthropicRequestOptions = {
  signal?: AbortSignal | undefined;
  headers?: Record<string, unknown>;
  /** Always 0 here: retries are `modelSettings.retry`'s, and two loops would multiply. */
  maxRetries?: number;
};

/** What a model needs of a client. With `stream: true` in the body the answer is an async iterable of events. */
export type AnthropicClient = {
  readonly messages: { create: (body: never, options?: never) => unknown };
};

export type AnthropicClientOptions = {
  /** A key, or a function that is asked for one before each attempt. @default ANTHROPIC_API_KEY, read at each call */
  apiKey?: ApiKey | undefined;
  /** With or without `/v1` at its end. @default ANTHROPIC_BASE_URL, else https://api.anthropic.com */
  baseURL?: string | undefined;
  /** @default globalThis.fetch */
  fetch?: Fetch | undefined;
  /** Limits on silence, in milliseconds. @default 300_000 each */
  timeouts?: WireTimeouts | undefined;
};

/** `providerData.rawModelEventSource` of events of the Messages API. */
export const ANTHROPIC_RAW_MODEL_EVENT_SOURCE = 'anthropic-messages';
export const PROVIDER = 'Anthropic';
const DEFAULT_BASE_URL = 'https://api.anthropic.com';
const API_VERSION = '2023-06-01';

/** Makes a client on `fetch`. It holds no connection and needs no closing. */
export function createAnthropicClient(options: AnthropicClientOptions = {}): AnthropicClient {
  return {
    messages: {
      create: (body: Json, callOptions: AnthropicRequestOptions = {}): Promise<unknown> =>
        ask(options, body, callOptions),
    },
  };
}

async function ask(
  { apiKey = env('ANTHROPIC_API_KEY'), baseURL, fetch, timeouts }: AnthropicClientOptions,
  body: Json,
  { signal, headers }: AnthropicRequestOptions,
): Promise<unknown> {
  if (apiKey === undefined) {
    throw new UserError(
      'No Anthropic API key: the environment variable ANTHROPIC_API_KEY is not set and no `apiKey` was given. ' +
        'Set the variable, or pass new AnthropicProvider({ apiKey }) or a client of your own as `client`.',
    );
  }
  const key = await keyFor(apiKey, { provider: PROVIDER, model: body['model'], signal });
  const base = (baseURL ?? env('ANTHROPIC_BASE_URL') ?? DEFAULT_BASE_URL).replace(/\/+$/, '');
  return post(
    {
      provider: PROVIDER,
      url: `${base.endsWith('/v1') ? base : `${base}/v1`}/messages`,
      headers: { 'x-api-key': key, 'anthropic-version': API_VERSION, ...textHeaders(headers) },
      body,
      secrets: [key],
      signal,
      fetch,
      timeouts,
    },
    { answerHas: ['content'], atDone: 'skip' },
  );
}

/** A stream of parsed events, in the batches in which they came. It can be read once. */
export type AnthropicEventStream = VendorStream;
