/** What a retry policy is told about an error, whoever threw it. */
import { ModelTimeoutError } from '../protocol/errors.ts';
import type { ModelRetryAdvice, ModelRetryNormalizedError } from '../protocol/model.ts';
import { isModelError, retryAfterMs, systemCode } from '../wire/index.ts';

const NETWORK_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);
/** Messages of `fetch` for a connection that failed or broke, in Node and in browsers. */
const NETWORK_MESSAGE = /^(fetch failed|terminated|network error|failed to fetch|load failed)/i;
/** The classes of the official client, which carry no code of their own. */
const NETWORK_CLASSES = new Set(['APIConnectionError', 'APIConnectionTimeoutError']);

type Loose = Record<string, unknown>;

const isObject = (value: unknown): value is Loose => typeof value === 'object' && value !== null;

/** The error and its causes, outermost first. */
function chain(error: unknown): Loose[] {
  const links: Loose[] = [];
  for (let at = error; isObject(at) && links.length < 5; at = at['cause']) links.push(at);
  return links;
}

function statusOf(link: Loose): number | undefined {
  for (const value of [link['status'], link['statusCode']]) if (typeof value === 'number') return value;
  return undefined;
}

function waitOf(link: Loose, now: number): number | undefined {
  const wait = link['retryAfterMs'];
  if (typeof wait === 'number') return wait;
  const response = link['response'];
  return (
    retryAfterMs(link['headers'], now) ?? (isObject(response) ? retryAfterMs(response['headers'], now) : undefined)
  );
}

function first<T>(links: Loose[], read: (link: Loose) => T | undefined): T | undefined {
  for (const link of links) {
    const value = read(link);
    if (value !== undefined) return value;
  }
  return undefined;
}

function isNetwork(error: unknown, links: Loose[], code: string | undefined): boolean {
  if (isModelError(error))
    return ['network', 'timeout', 'truncated_stream'].includes(error.kind) && error.status === undefined;
  if (error instanceof ModelTimeoutError || (code !== undefined && NETWORK_CODES.has(code))) return true;
  return links.some(
    (link) =>
      (link instanceof TypeError && NETWORK_MESSAGE.test(link.message)) ||
      NETWORK_CLASSES.has(link.constructor?.name ?? ''),
  );
}

/** Whether an error says that somebody aborted. */
export function isAbort(error: unknown): boolean {
  return isObject(error) && (error['name'] === 'AbortError' || (isModelError(error) && error.kind === 'cancelled'));
}

/** The facts of an error, with what the model itself knows about it on top. */
export function normalizeError(error: unknown, advice?: ModelRetryAdvice, now = Date.now()): ModelRetryNormalizedError {
  const links = chain(error);
  const statusCode = first(links, statusOf);
  const wait = advice?.retryAfterMs ?? first(links, (link) => waitOf(link, now));
  const errorCode = isModelError(error) ? (error.providerCode ?? error.code) : systemCode(error);
  return {
    ...(statusCode !== undefined && { statusCode }),
    ...(wait !== undefined && { retryAfterMs: wait }),
    ...(errorCode !== undefined && { errorCode }),
    isNetworkError: isNetwork(error, links, errorCode),
    isAbort: isAbort(error),
    ...advice?.normalized,
  };
}
