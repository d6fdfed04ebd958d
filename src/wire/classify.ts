/**
 * Reads a failed answer and says what it is. The body decides before the status does: a 429 is a full minute or an
 * empty account, a 400 a typo or a context that is too long, and only the body knows.
 */
import {
  isRetryableKind,
  ModelError,
  ModelResponseError,
  type ModelErrorFacts,
  type ModelErrorKind,
} from './errors.ts';
import { redact } from './redact.ts';
import { headerOf, retryAfterMs } from './retry-after.ts';

/** The parts of an error body that the vendors agree on. */
export type ErrorBody = { message?: string; code?: string; type?: string; param?: string; retryAfterMs?: number };

export type FailedAnswer = {
  /** Who answered, for the message: `OpenAI`. */
  provider: string;
  status?: number;
  headers?: unknown;
  /** The body as text or already parsed. */
  body?: unknown;
  /** Values that must not appear in a message. */
  secrets?: readonly string[];
  /** What the message starts with, where the status does not say it. */
  prefix?: string;
  responseStarted?: boolean;
  requestId?: string;
  cause?: unknown;
};

const BODY_KINDS: readonly (readonly [RegExp, ModelErrorKind])[] = [
  [
    /insufficient_quota|quota_exceeded|budget_exceeded|budget has been exceeded|billing|credit balance|api usage limits|insufficient (?:funds|credits|balance)/,
    'quota_exhausted',
  ],
  [
    /context_length|context ?window|context length|exceed context limit|maximum context|prompt is too long|too many tokens|exceeds the maximum number of tokens/,
    'context_window',
  ],
  [/content_policy|content_filter|content management policy|moderation_blocked|safety_violation/, 'content_policy'],
  [
    /invalid_api_key|api_key_invalid|incorrect api key|api key not (?:valid|found)|authentication_error|invalid x-api-key/,
    'auth',
  ],
  [/permission_error|permission_denied|unsupported_country|model_not_allowed/, 'permission'],
  [/model_not_found|not_found_error|does not exist/, 'not_found'],
  [/rate_limit|rate limit|too_many_requests/, 'rate_limit'],
  [/overloaded|engine_overloaded|slow_down|capacity/, 'overloaded'],
  [/server_error|internal_error|api_error|vector_store_timeout/, 'server'],
  [/invalid_request|invalid_prompt|invalid_image|invalid_value|unsupported_|missing_required/, 'bad_request'],
];

/** Body words that may only refine certain statuses: the message of a 500 may quote anything. */
function allowed(kind: ModelErrorKind, status: number | undefined): boolean {
  if (status === undefined) return true;
  if (kind === 'overloaded' || kind === 'server') return status >= 500 || status === 429;
  if (kind === 'rate_limit') return status === 429 || status >= 500;
  return status < 500;
}

function kindOfStatus(status: number | undefined): ModelErrorKind {
  if (status === undefined) return 'unknown';
  if (status === 429) return 'rate_limit';
  if (status === 401) return 'auth';
  if (status === 402) return 'quota_exhausted';
  if (status === 403) return 'permission';
  if (status === 404) return 'not_found';
  if (status === 408) return 'timeout';
  // The vendors' "conflict" is a lock that goes away.
  if (status === 409) return 'server';
  if (status === 503 || status === 529) return 'overloaded';
  if (status >= 500) return 'server';
  return status >= 400 ? 'bad_request' : 'unknown';
}

/**
 * What only a message tells, against its own code: a request that a whole minute's tokens are too few for is called a
 * rate limit, and so is one that needs an extra paid for; waiting helps neither.
 */
const TELLING_MESSAGES: readonly (readonly [RegExp, ModelErrorKind])[] = [
  [/request too large for .* tokens must be reduced/s, 'context_window'],
  [/extra usage is required/, 'quota_exhausted'],
];

/** The cause of a failed answer. */
export function kindOf(status: number | undefined, body: ErrorBody): ModelErrorKind {
  const kind = kindBySigns(status, body);
  const message = body.message?.toLowerCase() ?? '';
  if (kind === 'rate_limit') return TELLING_MESSAGES.find(([pattern]) => pattern.test(message))?.[1] ?? kind;
  // Google words its limits a minute like an empty account, and says when to come back.
  return kind === 'quota_exhausted' && body.retryAfterMs !== undefined ? 'rate_limit' : kind;
}

function kindBySigns(status: number | undefined, body: ErrorBody): ModelErrorKind {
  const byStatus = kindOfStatus(status);
  if (byStatus === 'auth' || byStatus === 'permission') return byStatus;
  let vague: ModelErrorKind | undefined;
  // Codes are made for programs, messages quote the request: a code decides, and only without one the message does.
  for (const text of [`${body.code ?? ''} ${body.type ?? ''}`, body.message ?? '']) {
    const lower = text.toLowerCase();
    for (const [pattern, kind] of BODY_KINDS) {
      if (!pattern.test(lower) || !allowed(kind, status)) continue;
      // "invalid_request_error" is the type of nearly every 4xx, "server_error" of every 5xx: others know more.
      if (kind !== 'bad_request' && kind !== 'server') return kind;
      vague ??= kind;
      break;
    }
  }
  return byStatus === 'unknown' ? (vague ?? byStatus) : byStatus;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

/** Finds the error in a body: `{error: {…}}`, `{error: "…"}`, a bare `{message}`, `{detail}`, a list of one, text. */
export function readErrorBody(body: unknown): ErrorBody {
  let value: unknown = body;
  if (typeof body === 'string') {
    try {
      value = JSON.parse(body);
    } catch {
      // An HTML page of a proxy, or plain text: its beginning is all that a message can use.
      const line = body
        .replace(/<[^>]*>/g, ' ')
        .replace(/\s+/g, ' ')
        .trim();
      return line === '' ? {} : { message: line.slice(0, MOST_READ) };
    }
  }
  if (typeof value === 'string') return { message: value };
  const outer: unknown = Array.isArray(value) ? value[0] : value;
  if (typeof outer !== 'object' || outer === null) return {};
  const inner: unknown = 'error' in outer ? outer.error : undefined;
  if (typeof inner === 'string') return { message: inner };
  const fields: Record<string, unknown> = { ...(typeof inner === 'object' && inner !== null ? inner : outer) };
  const detail = typeof fields['detail'] === 'string' ? fields['detail'] : undefined;
  const message = text(fields['message']) ?? detail;
  const nested = message?.startsWith('{') ? nestedIn(message) : undefined;
  if (nested) return nested;
  const wait = waitIn(fields['details'], message ?? '');
  return {
    ...(wait !== undefined && { retryAfterMs: wait }),
    ...pick('message', message),
    ...pick('code', text(fields['code'])),
    ...pick('type', text(fields['type']) ?? text(fields['status'])),
    ...pick('param', text(fields['param'])),
  };
}

/** Gateways put the vendor's whole body, as text, into the message of their own. */
function nestedIn(message: string): ErrorBody | undefined {
  // Something of their own may follow it.
  const end = message.lastIndexOf('}') + 1;
  try {
    const inner = readErrorBody(JSON.parse(message.slice(0, end)));
    return inner.message === undefined ? undefined : inner;
  } catch {
    return undefined;
  }
}

/**
 * How long a body asks to wait: Google's `RetryInfo` (`retryDelay: "36s"`, cloud.google.com/apis/design/errors), or
 * words such as "Please try again in 1.5s", which OpenAI, Google and LiteLLM use.
 */
function waitIn(details: unknown, message: string): number | undefined {
  const list: unknown[] = Array.isArray(details) ? details : [];
  const delays = list.flatMap((each) =>
    typeof each === 'object' && each !== null && 'retryDelay' in each ? [String(each.retryDelay)] : [],
  );
  const said = /(?:try again|retry) in (\d+(?:\.\d+)?)\s?(ms|s)/i.exec(`retry in ${delays[0] ?? ''} ${message}`);
  if (!said) return undefined;
  return Math.ceil(Number(said[1]) * (said[2]?.toLowerCase() === 'ms' ? 1 : 1000));
}

function pick<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}

function factsOf(answer: FailedAnswer, body: ErrorBody): ModelErrorFacts {
  // Gateways put the HTTP status into the body of an error inside a stream.
  const status = answer.status ?? statusIn(body);
  const kind = kindOf(status, body);
  const said = headerOf(answer.headers, 'x-should-retry');
  const requestId =
    answer.requestId ?? headerOf(answer.headers, 'x-request-id') ?? headerOf(answer.headers, 'request-id');
  const wait = retryAfterMs(answer.headers) ?? body.retryAfterMs;
  return {
    kind,
    retryable: said === 'true' ? true : said === 'false' ? false : isRetryableKind(kind),
    ...(status !== undefined && { status }),
    ...(body.code !== undefined && { providerCode: body.code }),
    ...(requestId !== undefined && { requestId }),
    ...(wait !== undefined && { retryAfterMs: wait }),
    ...(answer.responseStarted !== undefined && { responseStarted: answer.responseStarted }),
    ...(said === 'true' && { replaySafe: true }),
  };
}

function statusIn(body: ErrorBody): number | undefined {
  const status = Number(body.code);
  return Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined;
}

const REMEDIES: Partial<Record<ModelErrorKind, string>> = {
  auth: 'Check the API key.',
  permission: 'The key may not use this model or endpoint.',
  quota_exhausted: 'Waiting does not help: the account is out of credit.',
  not_found: 'Check the model name and the base URL.',
  context_window: 'Send less history or choose a model with a larger context window.',
};

const MOST_READ = 4000;

/** What is no JSON is a page of a proxy, and mostly words about itself. */
const isPage = ({ body }: FailedAnswer): boolean => typeof body === 'string' && !/^\s*[[{"]/.test(body);

function describe(answer: FailedAnswer, body: ErrorBody, facts: ModelErrorFacts): string {
  const head = answer.prefix ?? `${answer.provider} answered ${facts.status ?? 'with an error'} (${facts.kind})`;
  const said = body.message ?? body.code ?? body.type;
  const remedy = REMEDIES[facts.kind];
  // Cut when it is clean: half a key is found by nobody.
  const clean = said === undefined ? undefined : redact(said.slice(0, MOST_READ), answer.secrets);
  const sentence = clean === undefined ? head : `${head}: ${clean.slice(0, isPage(answer) ? 300 : 1000)}`;
  const closed = /[.!?]$/.test(sentence) || answer.prefix !== undefined ? sentence : `${sentence}.`;
  return redact(remedy === undefined ? closed : `${closed} ${remedy}`, answer.secrets);
}

/** The error of an answer with an error status, or of an error line inside a stream. */
export function errorOfAnswer(answer: FailedAnswer): ModelError {
  const body = readErrorBody(answer.body);
  const facts = factsOf(answer, body);
  return new ModelError(describe(answer, body, facts), facts, answer.cause);
}

/** The error of a response that the server itself calls failed or incomplete. */
export function errorOfResponse(answer: FailedAnswer & { kind?: ModelErrorKind }): ModelResponseError {
  const body = readErrorBody(answer.body);
  const facts = factsOf(answer, body);
  const { kind = facts.kind } = answer;
  const final = { ...facts, kind, retryable: isRetryableKind(kind) };
  return new ModelResponseError(describe(answer, body, final), final, answer.cause);
}

/** A stream that stopped without its last event. */
export function truncatedStream(provider: string, cause?: unknown): ModelError {
  return new ModelError(
    `${provider}'s stream ended without its last event: the answer is cut off.`,
    { kind: 'truncated_stream', retryable: true, responseStarted: true },
    cause,
  );
}
