/**
 * A client for OpenAI's two APIs, and for servers that speak them, with the shape of the official one: whoever has a
 * `new OpenAI()` or an `AzureOpenAI` can hand that in instead.
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

/** Options of one call, as the official client takes them. */
export type OpenAIRequestOptions = {
  signal?: AbortSignal | undefined;
  headers?: Record<string, unknown>;
  query?: Record<string, unknown>;
  /** Always 0 here: retries are `modelSettings.retry`'s, and two loops would multiply. */
  maxRetries?: number;
};

/** One API of a client. With `stream: true` in the body the answer is an async iterable of events. */
type Create = (body: never, options?: never) => unknown;

/** What a model needs of a client. The official `OpenAI` and `AzureOpenAI` have it. */
export type OpenAIClient = {
  readonly baseURL?: string;
  readonly responses: { create: Create; compact?: Create };
  readonly chat: { completions: { create: Create } };
};

export type OpenAIClientOptions = {
  /** @default the environment variable OPENAI_API_KEY, read at each call */
  apiKey?: string | undefined;
  /** @default OPENAI_BASE_URL, else https://api.openai.com/v1 */
  baseURL?: string | undefined;
  /** @default OPENAI_ORG_ID */
  organization?: string | undefined;
  /** @default OPENAI_PROJECT_ID */
  project?: string | undefined;
  /** @default globalThis.fetch */
  fetch?: Fetch | undefined;
  /** Limits on silence, in milliseconds. @default 300_000 each */
  timeouts?: WireTimeouts | undefined;
};

const PROVIDER = 'OpenAI';
const DEFAULT_BASE_URL = 'https://api.openai.com/v1';

/** A non-empty environment variable. */
function env(name: string): string | undefined {
  const value = globalThis.process?.env[name]?.trim();
  return value === '' ? undefined : value;
}

/** Makes a client on `fetch`. It holds no connection and needs no closing. */
export function createOpenAIClient(options: OpenAIClientOptions = {}): OpenAIClient & { readonly baseURL: string } {
  const create =
    (path: string) =>
    (body: Record<string, unknown>, callOptions: OpenAIRequestOptions = {}): Promise<unknown> =>
      send(wireRequest(options, { path, body, callOptions }), body['stream'] === true);
  return {
    get baseURL() {
      return baseURLOf(options);
    },
    responses: { create: create('/responses'), compact: create('/responses/compact') },
    chat: { completions: { create: create('/chat/completions') } },
  };
}

function baseURLOf({ baseURL }: OpenAIClientOptions): string {
  return (baseURL ?? env('OPENAI_BASE_URL') ?? DEFAULT_BASE_URL).replace(/\/+$/, '');
}

type Call = {
  method?: string;
  path: string;
  body?: Record<string, unknown> | undefined;
  callOptions: OpenAIRequestOptions;
};

/** A plain request to any of OpenAI's APIs. */
export const requestOpenAI = (options: OpenAIClientOptions, call: Call): Promise<unknown> =>
  Promise.resolve().then(() => send(wireRequest(options, call), false));

function wireRequest(options: OpenAIClientOptions, { method, path, body, callOptions }: Call): WireRequest {
  const { signal, headers, query } = callOptions;
  const apiKey = options.apiKey ?? env('OPENAI_API_KEY');
  if (apiKey === undefined) {
    throw new UserError(
      'No OpenAI API key: the environment variable OPENAI_API_KEY is not set and no `apiKey` was given. ' +
        'Set the variable, or pass new OpenAIProvider({ apiKey }) or a client of your own as `openAIClient`.',
    );
  }
  const organization = options.organization ?? env('OPENAI_ORG_ID');
  const project = options.project ?? env('OPENAI_PROJECT_ID');
  const extra: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined && value !== null) extra[name.toLowerCase()] = plain(value);
  }
  return {
    provider: PROVIDER,
    ...(method !== undefined && { method }),
    url: `${baseURLOf(options)}${path}${queryString(query)}`,
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      accept: body?.['stream'] === true ? 'text/event-stream' : 'application/json',
      ...(organization !== undefined && { 'openai-organization': organization }),
      ...(project !== undefined && { 'openai-project': project }),
      ...extra,
    },
    ...(body && { body: JSON.stringify(body) }),
    signal,
    fetch: options.fetch,
    timeouts: options.timeouts,
    secrets: [apiKey],
  };
}

/** A header or a query parameter as text. */
const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function queryString(query: Record<string, unknown> | undefined): string {
  if (!query || Object.keys(query).length === 0) return '';
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.append(name, plain(value));
  return `?${params}`;
}

async function send(request: WireRequest, stream: boolean): Promise<unknown> {
  if (stream) return await openStream(request);
  const { value, requestId } = await requestJson(request);
  if (typeof value !== 'object' || value === null) return value;
  // Some gateways answer 200 and put the error into the body.
  if ('error' in value && value.error && !('status' in value) && !('choices' in value)) {
    throw errorOfAnswer({ provider: PROVIDER, body: value, secrets: request.secrets ?? [], responseStarted: true });
  }
  // Not enumerable, as in the official client: it is not part of the vendor's answer.
  if (requestId !== undefined) Object.defineProperty(value, '_request_id', { value: requestId, enumerable: false });
  return value;
}

/** A stream of parsed events, one by one or in the batches in which they came. It can be read once. */
export type OpenAIEventStream = AsyncIterable<unknown> & {
  readonly batches: AsyncIterator<unknown[]>;
  /** Whether the server sent `[DONE]`. */
  readonly sawDone: boolean;
  readonly _request_id?: string;
};

async function openStream(request: WireRequest): Promise<OpenAIEventStream> {
  const { batches, requestId } = await requestSse(request);
  const state = { done: false };
  const parsed = parsedBatches(batches, state, request);
  return {
    batches: parsed,
    async *[Symbol.asyncIterator]() {
      for await (const batch of parsed) yield* batch;
    },
    get sawDone() {
      return state.done;
    },
    ...(requestId !== undefined && { _request_id: requestId }),
  };
}

async function* parsedBatches(
  batches: WireStream['batches'],
  state: { done: boolean },
  request: WireRequest,
): AsyncGenerator<unknown[], void, undefined> {
  for await (const batch of batches) {
    const events: unknown[] = [];
    let failure: { error: unknown } | undefined;
    for (const { data } of batch) {
      if (data === '[DONE]') {
        state.done = true;
        break;
      }
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
    if (state.done) return;
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
