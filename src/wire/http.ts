/**
 * One request to a model's API over `fetch`: typed errors, and a limit for each silence.
 *
 * Not responsible for retries (model/retry.ts), nor for what the bytes mean.
 *
 * Invariants: H1 an abort by the caller rejects with the caller's own reason. H2 nothing that this file throws or
 * reports holds a header or the body that was sent. H3 timers and listeners are gone when the body has ended. H4 no
 * redirect is followed: `fetch` takes `authorization` off on the way to another host, but not a key in `x-api-key`.
 */
import { timerMs } from '../protocol/timers.ts';
import { errorOfAnswer } from './classify.ts';
import { ModelError } from './errors.ts';
import { hintsOf } from './hints.ts';
import { redact } from './redact.ts';
import { readSse, type SseEvent } from './sse.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Limits in milliseconds. Zero switches a limit off. */
export type WireTimeouts = {
  /** Until the answer's headers are there. @default 300_000 */
  headersMs?: number;
  /** Between two chunks of the body. @default 300_000 */
  idleMs?: number;
};

export type WireRequest = {
  /** Who is asked, for messages: `OpenAI`. */
  provider: string;
  url: string;
  method?: string;
  headers: Record<string, string>;
  /** JSON text, or bytes of what the headers say. */
  body?: string | Uint8Array<ArrayBuffer>;
  signal?: AbortSignal | undefined;
  fetch?: Fetch | undefined;
  timeouts?: WireTimeouts | undefined;
  /** Values that must not appear in a message, beside those of headers that are named like a secret. */
  secrets?: readonly string[];
};

const SECRET_HEADER = /authorization|cookie|credential|key|pass|secret|token/i;
/** A shorter value of a header could be a word. */
const SHORTEST_SECRET = 8;

/** What must not appear in a message about a request: gateways quote whole headers. */
export function secretsOf({ headers, secrets = [] }: WireRequest): readonly string[] {
  const found = Object.entries(headers).flatMap(([name, value]) =>
    SECRET_HEADER.test(name) ? [value, value.replace(/^\w+ /, '')] : [],
  );
  return [...secrets, ...found.filter((value) => value.length >= SHORTEST_SECRET)];
}

/** Events in the batches in which the network brought them. */
export type WireStream = {
  readonly batches: AsyncGenerator<SseEvent[], void, undefined>;
  readonly requestId?: string;
  readonly headers: Headers;
};

const DEFAULT_MS = 300_000;

/** Codes of a connection that was never made: the request cannot have reached the server. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH']);
const TIMEOUT_CODES = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/** What `fetch` says of a connection that failed or broke, in Node and in browsers. */
const NETWORK_MESSAGE = /^(fetch failed|terminated|network error|failed to fetch|load failed)/i;

/** The first error code in a chain of causes, such as `ECONNRESET`. */
export function systemCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    at = 'cause' in at ? at.cause : undefined;
  }
  return undefined;
}

/** Guards one request: the caller's abort and the silence limits end it, each with an error that says which it was. */
class Guard {
  readonly #request: WireRequest;
  readonly #timeouts: WireTimeouts;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timeout: ModelError | undefined;
  #lastActivity = 0;
  #idleMs = 0;
  readonly #onAbort = (): void => this.#controller.abort(this.#request.signal?.reason);

  constructor(request: WireRequest) {
    this.#request = request;
    this.#timeouts = { ...request.timeouts, ...hintsOf(request.signal)?.timeouts };
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (request.signal?.aborted) this.#onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  waitForHeaders(): void {
    const ms = limit(this.#timeouts.headersMs);
    if (ms > 0) this.#timer = setTimeout(() => this.#expire('did not answer', ms, false), ms);
  }

  waitForBody(): void {
    this.#clear();
    this.#idleMs = limit(this.#timeouts.idleMs);
    if (this.#idleMs === 0) return;
    this.touch();
    this.#arm(this.#idleMs);
  }

  /** A chunk came. Cheap: the timer looks at this when it fires, and goes on waiting. */
  touch(): void {
    this.#lastActivity = performance.now();
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      const left = this.#lastActivity + this.#idleMs - performance.now();
      if (left >= 1) this.#arm(left);
      else this.#expire('went silent in the middle of its answer', this.#idleMs, true);
    }, ms);
  }

  #expire(what: string, ms: number, responseStarted: boolean): void {
    this.#timeout = new ModelError(
      `${this.#request.provider} ${what} for ${ms} ms. Raise the timeout if it needs longer.`,
      { kind: 'timeout', retryable: true, responseStarted },
    );
    this.#controller.abort(this.#timeout);
  }

  /** What to throw for an error of `fetch` or of the body. */
  explain(error: unknown, responseStarted: boolean): unknown {
    const { signal, provider, url } = this.#request;
    if (this.#timeout) return this.#timeout;
    if (signal?.aborted) return signal.reason;
    if (error instanceof ModelError) return error;
    const secrets = secretsOf(this.#request);
    const origin = originOf(url);
    if (origin === undefined) {
      const shown = redact(url.replace(/[?#].*$/s, ''), secrets);
      const message = `${provider} could not be asked: "${shown}" is no URL of http or https. Check the base URL.`;
      return new ModelError(message, { kind: 'bad_request', retryable: false, replaySafe: true });
    }
    const code = systemCode(error);
    const text = error instanceof Error ? error.message : String(error);
    const clean = redact(text, secrets);
    const said = clean.replace(/\.$/, '');
    // `fetch` refuses a header or a URL before it sends anything, and quotes it. What stands in for it, such as a
    // cassette, has codes of our form, and says the same again.
    const told = code === undefined ? error instanceof TypeError && !NETWORK_MESSAGE.test(text) : code.includes('/');
    const refused = !responseStarted && told;
    const timedOut = code !== undefined && TIMEOUT_CODES.has(code);
    const kind = refused ? 'bad_request' : timedOut ? 'timeout' : responseStarted ? 'truncated_stream' : 'network';
    const what = responseStarted
      ? 'broke off in the middle of its answer'
      : refused
        ? 'could not be asked'
        : `could not be reached at ${origin}`;
    const notSent = refused || (code !== undefined && NOT_SENT.has(code));
    return new ModelError(
      `${provider} ${what}: ${code === undefined || said.includes(code) ? said : `${said} (${code})`}.`,
      {
        kind,
        retryable: !refused,
        responseStarted,
        ...(code !== undefined && { providerCode: code }),
        ...(notSent && { replaySafe: true }),
      },
      // A cause is printed too.
      clean === text ? error : undefined,
    );
  }

  #clear(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  release(): void {
    this.#clear();
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
  }
}

/** Where a request goes, without what may be secret; undefined for what neither `fetch` nor a socket can ask. */
function originOf(url: string): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  return parsed && /^(?:https?|wss?):$/.test(parsed.protocol) ? parsed.origin : undefined;
}

function limit(ms: number | undefined): number {
  if (ms === undefined) return DEFAULT_MS;
  return Number.isFinite(ms) && ms > 0 ? timerMs(ms) : 0;
}

/** Sends the request. Rejects with a `ModelError` for anything but a 2xx. The guard is still on. */
async function open(request: WireRequest): Promise<{ response: Response; guard: Guard }> {
  const { url, method = 'POST', headers, body, fetch = globalThis.fetch } = request;
  request.signal?.throwIfAborted();
  const guard = new Guard(request);
  guard.waitForHeaders();
  try {
    const sent = { method, headers, ...(body !== undefined && { body }), redirect: 'manual' as const };
    const response = await fetch(url, { ...sent, signal: guard.signal });
    guard.waitForBody();
    hintsOf(request.signal)?.onHeaders?.(response.status, response.headers);
    if (response.ok) return { response, guard };
    throw await failure(request, response);
  } catch (error) {
    guard.release();
    throw guard.explain(error, false);
  }
}

async function failure(request: WireRequest, response: Response): Promise<ModelError> {
  const { status, headers } = response;
  if (response.type === 'opaqueredirect' || REDIRECTS.has(status)) return redirected(request, response);
  const base = { provider: request.provider, secrets: secretsOf(request), status, headers };
  try {
    return errorOfAnswer({ ...base, body: await response.text() });
  } catch (cause) {
    // The status alone is worth more than the news that its body broke off.
    return errorOfAnswer({ ...base, cause });
  }
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** In a browser the answer does not say where to. */
async function redirected(request: WireRequest, { status, headers, body }: Response): Promise<ModelError> {
  // What is not read keeps the connection.
  await body?.cancel().catch(() => undefined);
  const { provider, url } = request;
  const target = headers.get('location') ?? '';
  const to = URL.canParse(target, url) ? new URL(target, url) : undefined;
  const place = to ? ` to ${redact(`${to.origin}${to.pathname}`, secretsOf(request))}` : '';
  return new ModelError(
    `${provider} sent the request elsewhere${place}, which was not followed, so that nobody else gets the key. ` +
      'Where that is right, set it as the base URL.',
    { kind: 'bad_request', retryable: false, replaySafe: true, ...(status > 0 && { status }) },
  );
}

function requestIdOf({ headers }: Response): string | undefined {
  return headers.get('x-request-id') ?? headers.get('request-id') ?? undefined;
}

function parseJson(text: string, request: WireRequest): unknown {
  const { provider } = request;
  try {
    return JSON.parse(text);
  } catch {
    // Before it is cut: half a secret is found by nobody.
    const start = redact(text.slice(0, 4000), secretsOf(request)).slice(0, 80);
    throw new ModelError(
      text === ''
        ? `${provider} sent an empty answer.`
        : `${provider} answered with something that is not JSON: ${start}`,
      { kind: 'server', retryable: true, responseStarted: true },
    );
  }
}

/** A request whose answer is one JSON value. */
export async function requestJson(
  request: WireRequest,
): Promise<{ value: unknown; requestId?: string; headers: Headers }> {
  const { response, guard } = await open(request);
  const requestId = requestIdOf(response);
  try {
    const value = parseJson(await response.text(), request);
    return { value, headers: response.headers, ...(requestId !== undefined && { requestId }) };
  } catch (error) {
    throw guard.explain(error, true);
  } finally {
    guard.release();
  }
}

/** A request whose answer is bytes, which may be none. */
export async function requestBytes(request: WireRequest): Promise<Uint8Array> {
  const { response, guard } = await open(request);
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw guard.explain(error, true);
  } finally {
    guard.release();
  }
}

/** A request whose answer is a stream of events. Resolves when the headers are there; the batches can be read once. */
export async function requestSse(request: WireRequest): Promise<WireStream> {
  const { response, guard } = await open(request);
  const requestId = requestIdOf(response);
  if (response.headers.get('content-type')?.startsWith('application/json'))
    throw await notAStream(request, response, guard);
  const { headers } = response;
  return { batches: batches(response, guard), headers, ...(requestId !== undefined && { requestId }) };
}

async function* batches(response: Response, guard: Guard): AsyncGenerator<SseEvent[], void, undefined> {
  try {
    if (response.body) yield* readSse(response.body, guard);
  } catch (error) {
    throw guard.explain(error, true);
  } finally {
    guard.release();
  }
}

/** A gateway that failed, or that does not stream, answers 200 with JSON. */
async function notAStream(request: WireRequest, response: Response, guard: Guard): Promise<unknown> {
  const { provider } = request;
  const secrets = secretsOf(request);
  try {
    const body = await response.text();
    const prefix = /"error"/.test(body)
      ? `${provider} answered 200 with an error`
      : `${provider} answered a streamed request with plain JSON. Use the plain call with this endpoint`;
    return errorOfAnswer({ provider, secrets, headers: response.headers, body, prefix });
  } catch (error) {
    return guard.explain(error, true);
  } finally {
    guard.release();
  }
}
