/**
 * What our clients for the vendors' APIs share: keys, headers, whole answers and batches of events over `fetch`.
 * Not responsible for which URL is asked and how a key is sent: each client knows its own.
 */
import { AgentsError, UserError } from '../protocol/errors.ts';
import {
  errorOfAnswer,
  ModelError,
  redact,
  requestJson,
  requestSse,
  secretsOf,
  type Fetch,
  type WireRequest,
  type WireStream,
  type WireTimeouts,
} from '../wire/index.ts';

/** A non-empty environment variable. */
export function env(name: string): string | undefined {
  const value = globalThis.process?.env[name]?.trim();
  return value === '' ? undefined : value;
}

/** What a function that gives keys is told. */
export type ApiKeyContext = {
  /** The model that is asked, where the request names one. */
  model?: string;
  signal?: AbortSignal;
};

/** A key, or a function that is asked for one before each attempt: for keys that rotate, and tokens that expire. */
export type ApiKey = string | ((context: ApiKeyContext) => string | Promise<string>);

type KeyUse = { provider: string; model: unknown; signal: AbortSignal | undefined };

/**
 * The key for one attempt, without the space around it: files end with a line break.
 *
 * @throws UserError for what is no key, before anything is sent. @throws ModelError where the function failed
 */
export async function keyFor(apiKey: ApiKey, use: KeyUse): Promise<string> {
  const key: unknown = typeof apiKey === 'string' ? apiKey : await askForKey(apiKey, use);
  const text = typeof key === 'string' ? key.trim() : '';
  if (text !== '') return text;
  const what = typeof apiKey === 'string' ? 'an empty text as its key' : `no key from its function, but ${shown(key)}`;
  throw new UserError(`${use.provider} got ${what}. Give a key, or leave it out to use the environment variable.`);
}

const shown = (key: unknown): string => (typeof key === 'string' ? 'an empty text' : typeof key);

/** What a vault or an identity service does not say now it may say later: nothing was sent yet. */
async function askForKey(apiKey: Exclude<ApiKey, string>, { provider, model, signal }: KeyUse): Promise<unknown> {
  try {
    return await apiKey({ ...(typeof model === 'string' && { model }), ...(signal && { signal }) });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof AgentsError) throw error;
    const said = error instanceof Error ? error.message : String(error);
    const message = redact(`The function that gives the key for ${provider} failed: ${said}`);
    throw new ModelError(message, { kind: 'unknown', retryable: true, replaySafe: true }, error);
  }
}

/** A header or a query parameter as text. */
export const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Headers as `fetch` takes them: lower case, without those that are not there. */
export function textHeaders(headers: Record<string, unknown> | undefined): Record<string, string> {
  const text: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined && value !== null) text[name.toLowerCase()] = plain(value);
  }
  return text;
}

/** One JSON request of a client. */
export type Posting = {
  provider: string;
  /** @default POST */
  method?: string;
  url: string;
  /** `undefined`: the request has none. */
  body: Record<string, unknown> | undefined;
  /** Later ones win. */
  headers: Record<string, string>;
  secrets: readonly string[];
  signal: AbortSignal | undefined;
  fetch: Fetch | undefined;
  timeouts: WireTimeouts | undefined;
};

/** How a vendor's answers are read. */
export type Reading = {
  /** Whether an answer with an `error` member is an answer all the same: it has one of these too. */
  answerHas: readonly string[];
  /** What OpenAI's end mark means: the end, or nothing, where gateways add it. */
  atDone: 'stop' | 'skip';
};

/** Sends a request. Resolves to the vendor's JSON, or with `stream: true` in the body to a `VendorStream`. */
export async function post({ body, headers, ...rest }: Posting, reading: Reading): Promise<unknown> {
  const stream = body?.['stream'] === true;
  const request: WireRequest = {
    ...rest,
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  };
  return stream ? openStream(request, reading) : wholeJson(request, reading);
}

async function wholeJson(request: WireRequest, { answerHas }: Reading): Promise<unknown> {
  const { value, requestId, headers } = await requestJson(request);
  if (typeof value !== 'object' || value === null) return value;
  // Some gateways answer 200 and put the error into the body.
  if ('error' in value && value.error && !answerHas.some((member) => member in value)) {
    throw errorOfAnswer({
      provider: request.provider,
      body: value,
      secrets: secretsOf(request),
      responseStarted: true,
    });
  }
  // Not enumerable, as in the official clients: they are not part of the vendor's answer.
  if (requestId !== undefined) Object.defineProperty(value, '_request_id', { value: requestId, enumerable: false });
  Object.defineProperty(value, '_headers', { value: headers, enumerable: false });
  return value;
}

/** The headers of an answer or a stream of one of our clients. */
export function headersOf(answer: unknown): Headers | undefined {
  if (typeof answer !== 'object' || answer === null || !('_headers' in answer)) return undefined;
  return answer._headers instanceof Headers ? answer._headers : undefined;
}

/** A stream of parsed events, one by one or in the batches in which they came. It can be read once. */
export type VendorStream = AsyncIterable<unknown> & {
  readonly batches: AsyncIterator<unknown[]>;
  /** Whether the server sent `[DONE]`. */
  readonly sawDone: boolean;
  readonly _request_id?: string;
  readonly _headers?: Headers;
};

async function openStream(request: WireRequest, { atDone }: Reading): Promise<VendorStream> {
  const { batches, requestId, headers } = await requestSse(request);
  const state = { done: false };
  const parsed = parsedBatches(batches, { state, request, atDone });
  return {
    batches: parsed,
    async *[Symbol.asyncIterator]() {
      for await (const batch of parsed) yield* batch;
    },
    get sawDone() {
      return state.done;
    },
    _headers: headers,
    ...(requestId !== undefined && { _request_id: requestId }),
  };
}

type Parsing = { state: { done: boolean }; request: WireRequest; atDone: Reading['atDone'] };

async function* parsedBatches(
  batches: WireStream['batches'],
  { state, request, atDone }: Parsing,
): AsyncGenerator<unknown[], void, undefined> {
  for await (const batch of batches) {
    const events: unknown[] = [];
    let failure: { error: unknown } | undefined;
    for (const { data } of batch) {
      if (data === '[DONE]') {
        state.done = true;
        if (atDone === 'skip') continue;
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
    if (state.done && atDone === 'stop') return;
  }
}

function parseEvent(data: string, request: WireRequest): unknown {
  const { provider } = request;
  try {
    return JSON.parse(data);
  } catch {
    const prefix = `${provider} sent an event that is not JSON`;
    throw errorOfAnswer({ provider, prefix, body: { code: 'server_error' }, responseStarted: true });
  }
}
