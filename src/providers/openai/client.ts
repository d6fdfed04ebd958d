/**
 * A client for OpenAI's two APIs, and for servers that speak them, with the shape of the official one: whoever has a
 * `new OpenAI()` or an `AzureOpenAI` can hand that in instead.
 */
import { env, keyFor, plain, post, textHeaders, type ApiKey, type VendorStream } from '../../model/vendor-http.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Fetch, WireTimeouts } from '../../wire/index.ts';

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
  /** @internal */
  readonly [over]?: (fetch: Fetch, baseURL?: string) => OpenAIClient;
};

export type OpenAIClientOptions = {
  /** A key, or a function that is asked for one before each attempt. @default OPENAI_API_KEY, read at each call */
  apiKey?: ApiKey | undefined;
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

/** A stream of parsed events, one by one or in the batches in which they came. It can be read once. */
export type OpenAIEventStream = VendorStream;

/** A server that speaks OpenAI's APIs, and how it is asked. */
export type Endpoint = {
  /** For messages: `OpenAI`. */
  name: string;
  /** The URL of an API, read at each call. `path` is `/responses` or `/chat/completions`. */
  urlOf: (path: string, body: Record<string, unknown>) => string;
  /** Read at each call. `undefined` where no key is needed. @throws UserError where one is missing */
  apiKey: () => ApiKey | undefined;
  /** Headers that carry the key, read at each call. */
  auth: (key: string) => Record<string, string>;
  headers: () => Record<string, string | undefined>;
  fetch: Fetch | undefined;
  timeouts: WireTimeouts | undefined;
};

const DEFAULT_BASE_URL = 'https://api.openai.com/v1';

/** Makes a client on `fetch`. It holds no connection and needs no closing. */
export function createOpenAIClient(options: OpenAIClientOptions = {}): OpenAIClient & { readonly baseURL: string } {
  return clientOf(() => baseURLOf(options), endpointOf(options));
}

const baseURLOf = (options: OpenAIClientOptions): string =>
  withoutSlash(options.baseURL ?? env('OPENAI_BASE_URL') ?? DEFAULT_BASE_URL);

function endpointOf(options: OpenAIClientOptions): Endpoint {
  const { fetch, timeouts } = options;
  return {
    name: 'OpenAI',
    urlOf: (path) => `${baseURLOf(options)}${path}`,
    apiKey: () => options.apiKey ?? env('OPENAI_API_KEY') ?? missing(),
    auth: bearer,
    headers: () => ({
      'openai-organization': options.organization ?? env('OPENAI_ORG_ID'),
      'openai-project': options.project ?? env('OPENAI_PROJECT_ID'),
    }),
    fetch,
    timeouts,
  };
}

/** A plain request to any of OpenAI's APIs. */
export const requestOpenAI = async (options: OpenAIClientOptions, call: Call): Promise<unknown> =>
  ask(endpointOf(options), call);

export const withoutSlash = (url: string): string => url.replace(/\/+$/, '');
export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

function missing(): never {
  throw new UserError(
    'No OpenAI API key: the environment variable OPENAI_API_KEY is not set and no `apiKey` was given. ' +
      'Set the variable, or pass new OpenAIProvider({ apiKey }) or a client of your own as `openAIClient`.',
  );
}

/** Under this a client of ours makes one like itself that asks through another `fetch`, at another address where one is given. */
export const over: unique symbol = Symbol('a client over another fetch');

/** A client for an endpoint. */
export function clientOf(baseURL: () => string, endpoint: Endpoint): OpenAIClient & { readonly baseURL: string } {
  const create =
    (path: string) =>
    (body: Record<string, unknown>, options: OpenAIRequestOptions = {}): Promise<unknown> =>
      ask(endpoint, { path, body, options });
  return {
    get baseURL() {
      return baseURL();
    },
    responses: { create: create('/responses'), compact: create('/responses/compact') },
    chat: { completions: { create: create('/chat/completions') } },
    [over]: (fetch: Fetch, url?: string) => {
      const elsewhere = url === undefined ? {} : { urlOf: (path: string) => `${withoutSlash(url)}${path}` };
      return clientOf(() => url ?? baseURL(), { ...endpoint, ...elsewhere, fetch });
    },
  };
}

type Call = {
  method?: string;
  path: string;
  body?: Record<string, unknown> | undefined;
  options: OpenAIRequestOptions;
};

async function ask(endpoint: Endpoint, { method, path, body, options }: Call): Promise<unknown> {
  const { signal, headers, query } = options;
  const { name, fetch, timeouts } = endpoint;
  const given = endpoint.apiKey();
  const key = given === undefined ? undefined : await keyFor(given, { provider: name, model: body?.['model'], signal });
  return post(
    {
      ...(method !== undefined && { method }),
      provider: name,
      url: withQuery(endpoint.urlOf(path, body ?? {}), query),
      headers: {
        ...(key !== undefined && endpoint.auth(key)),
        ...textHeaders(endpoint.headers()),
        ...textHeaders(headers),
      },
      body,
      secrets: key === undefined ? [] : [key],
      signal,
      fetch,
      timeouts,
    },
    { answerHas: ['status', 'choices'], atDone: 'stop' },
  );
}

function withQuery(url: string, query: Record<string, unknown> | undefined): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) params.append(name, plain(value));
  return params.size === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}${params}`;
}
