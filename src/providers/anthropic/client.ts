/**
 * A client for Anthropic's Messages API, and for servers that speak it, with the shape of the official one: whoever has
 * a `new Anthropic()` (or one for Bedrock or Vertex) can hand that in instead.
 */
import { UserError } from '../../protocol/errors.ts';
import {
  errorOfAnswer,
  requestJson,
  requestSse,
  type Fetch,
  type WireRequest,
  type WireStream,
  type WireTimeouts,
} from '../../wire/index.ts';
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
  /** @default the environment variable ANTHROPIC_API_KEY, read at each call */
  apiKey?: string | undefined;
  /** With or without `/v1` at its end. @default ANTHROPIC_BASE_URL, else https://api.anthropic.com */
  baseURL?: string | undefined;
  /** @default globalThis.fetch */
  fetch?: Fetch | undefined;
  /** Limits on silence, in milliseconds. @default 300_000 each */
  timeouts?: WireTimeouts | undefined;
};

export const PROVIDER = 'Anthropic';
const DEFAULT_BASE_URL = 'https://api.anthropic.com';
const API_VERSION = '2023-06-01';

/** A non-empty environment variable. */
function env(name: string): string | undefined {
  const value = globalThis.process?.env[name]?.trim();
  return value === '' ? undefined : value;
}

/** Makes a client on `fetch`. It holds no connection and needs no closing. */
export function createAnthropicClient(options: AnthropicClientOptions = {}): AnthropicClient {
  return {
    messages: {
      create: (body: Json, callOptions: AnthropicRequestOptions = {}): Promise<unknown> =>
        send(wireRequest(options, body, callOptions), body['stream'] === true),
    },
  };
}

function wireRequest(options: AnthropicClientOptions, body: Json, callOptions: AnthropicRequestOptions): WireRequest {
  const apiKey = options.apiKey ?? env('ANTHROPIC_API_KEY');
  if (apiKey === undefined) {
    throw new UserError(
      'No Anthropic API key: the environment variable ANTHROPIC_API_KEY is not set and no `apiKey` was given. ' +
        'Set the variable, or pass new AnthropicProvider({ apiKey }) or a client of your own as `client`.',
    );
  }
  const extra: Record<string, string> = {};
  for (const [name, value] of Object.entries(callOptions.headers ?? {})) {
    if (value !== undefined && value !== null) {
      extra[name.toLowerCase()] = typeof value === 'string' ? value : JSON.stringify(value);
    }
  }
  const base = (options.baseURL ?? env('ANTHROPIC_BASE_URL') ?? DEFAULT_BASE_URL).replace(/\/+$/, '');
  return {
    provider: PROVIDER,
    url: `${base.endsWith('/v1') ? base : `${base}/v1`}/messages`,
    headers: {
      'x-api-key': apiKey,
      'anthropic-version': API_VERSION,
      'content-type': 'application/json',
      accept: body['stream'] === true ? 'text/event-stream' : 'application/json',
      ...extra,
    },
    body: JSON.stringify(body),
    signal: callOptions.signal,
    fetch: options.fetch,
    timeouts: options.timeouts,
    secrets: [apiKey],
  };
}

async function send(request: WireRequest, stream: boolean): Promise<unknown> {
  if (stream) return await openStream(request);
  const { value, requestId } = await requestJson(request);
  if (typeof value !== 'object' || value === null) return value;
  // Some gateways answer 200 and put the error into the body.
  if ('error' in value && value.error && !('content' in value)) {
    throw errorOfAnswer({ provider: PROVIDER, body: value, secrets: request.secrets ?? [], responseStarted: true });
  }
  // Not enumerable, as in the official client: it is not part of the vendor's answer.
  if (requestId !== undefined) Object.defineProperty(value, '_request_id', { value: requestId, enumerable: false });
  return value;
}

/** A stream of parsed events, in the batches in which they came. It can be read once. */
export type AnthropicEventStream = AsyncIterable<unknown> & {
  readonly batches: AsyncIterator<unknown[]>;
  readonly _request_id?: string;
};

async function openStream(request: WireRequest): Promise<AnthropicEventStream> {
  const { batches, requestId } = await requestSse(request);
  const parsed = parsedBatches(batches, request);
  return {
    batches: parsed,
    async *[Symbol.asyncIterator]() {
      for await (const batch of parsed) yield* batch;
    },
    ...(requestId !== undefined && { _request_id: requestId }),
  };
}

async function* parsedBatches(
  batches: WireStream['batches'],
  request: WireRequest,
): AsyncGenerator<unknown[], void, undefined> {
  for await (const batch of batches) {
    const events: unknown[] = [];
    let failure: { error: unknown } | undefined;
    for (const { data } of batch) {
      // Gateways add OpenAI's end mark.
      if (data === '[DONE]') continue;
      try {
        events.push(parseEvent(data, request));
      } catch (error) {
        failure = { error };
        break;
      }
    }
    // What came before a broken event counts.
    if (events.length > 0) yield events;
    if (failure) throw failure.error;
  }
}

function parseEvent(data: string, { secrets = [] }: WireRequest): unknown {
  try {
    return JSON.parse(data);
  } catch {
    const prefix = `${PROVIDER} sent an event that is not JSON`;
    throw errorOfAnswer({ provider: PROVIDER, prefix, body: { code: 'server_error' }, secrets, responseStarted: true });
  }
}
