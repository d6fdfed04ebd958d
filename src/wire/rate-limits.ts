/** What vendors say in headers about how much more may be asked. */
import { headerOf } from './retry-after.ts';

/** Counts of one minute. `resetMs`: how long until the count is full again. */
export type RateLimits = {
  requests?: { limit?: number; remaining?: number; resetMs?: number };
  tokens?: { limit?: number; remaining?: number; resetMs?: number };
};

/**
 * Reads the headers of OpenAI (`x-ratelimit-remaining-requests`, resets such as `1s` and `6m0s`:
 * platform.openai.com/docs/guides/rate-limits; many gateways send the same) and of Anthropic
 * (`anthropic-ratelimit-requests-remaining`, resets as RFC 3339 times: docs.anthropic.com/en/api/rate-limits), and those
 * without a kind, which count requests (`x-ratelimit-remaining` with resets in seconds or as Unix times, in seconds or
 * milliseconds: openrouter.ai/docs/api-reference/limits; `ratelimit-remaining` of the IETF draft).
 */
export function rateLimitsOf(headers: unknown, now: number = Date.now()): RateLimits | undefined {
  const requests = readLimit(headers, 'requests', now);
  const tokens = readLimit(headers, 'tokens', now);
  return requests || tokens ? { ...(requests && { requests }), ...(tokens && { tokens }) } : undefined;
}

type Limit = NonNullable<RateLimits['requests']>;

function readLimit(headers: unknown, what: 'requests' | 'tokens', now: number): Limit | undefined {
  const names = (part: string): string[] => [
    `x-ratelimit-${part}-${what}`,
    `anthropic-ratelimit-${what}-${part}`,
    ...(what === 'requests' ? [`x-ratelimit-${part}`, `ratelimit-${part}`] : []),
  ];
  const read = (part: string): string | undefined => {
    for (const name of names(part)) {
      const text = headerOf(headers, name);
      if (text !== undefined) return text;
    }
    return undefined;
  };
  const limit = count(read('limit'));
  const remaining = count(read('remaining'));
  const resetMs = untilReset(read('reset'), now);
  if (limit === undefined && remaining === undefined) return undefined;
  return {
    ...(limit !== undefined && { limit }),
    ...(remaining !== undefined && { remaining }),
    ...(resetMs !== undefined && { resetMs }),
  };
}

/** No wait is so long, and no Unix time of today so short. */
const UNIX_SECONDS = 1e9;
const UNIX_MS = 1e11;

function untilReset(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const value = count(text);
  if (value !== undefined && value >= UNIX_MS) return Math.max(0, value - now);
  if (value !== undefined && value >= UNIX_SECONDS) return Math.max(0, value * 1000 - now);
  const ms = duration(text);
  if (ms !== undefined) return ms;
  const date = Date.parse(text);
  return Number.isFinite(date) ? Math.max(0, date - now) : undefined;
}

function count(text: string | undefined): number | undefined {
  const value = Number(text ?? '');
  return text !== undefined && text !== '' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

const UNITS: { [unit: string]: number } = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `20ms`, `1s`, `6m0s`, `1h30m`, or seconds without a unit. */
function duration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = count(text);
  if (seconds !== undefined) return seconds * 1000;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text) return undefined;
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (UNITS[unit ?? ''] ?? 0), 0);
}
