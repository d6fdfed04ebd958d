/** Numbers for people. */

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} m ${Math.floor((ms % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

export function count(n: number): string {
  if (n < 10_000) return String(n);
  return n < 1_000_000 ? `${(n / 1000).toFixed(1)}k` : `${(n / 1_000_000).toFixed(1)}M`;
}

/** `1234→56`: tokens in and out; empty where there were none. */
export const tokens = (input: number, output: number): string =>
  input + output === 0 ? '' : `${count(input)}→${count(output)}`;

/** `1 turn`, `2 turns`. */
export const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/**
 * Of integers of 10^-9 US dollars. Where some calls have no price it says so: `≥ $0.0120`, or nothing where no price
 * is known at all.
 */
export function cost(nanoUsd: number, unpricedCalls: number): string {
  if (nanoUsd === 0) return unpricedCalls > 0 ? '' : '$0';
  const usd = nanoUsd / 1e9;
  const text = `$${usd < 1 ? usd.toFixed(usd < 0.01 ? 5 : 4) : usd.toFixed(2)}`;
  return unpricedCalls > 0 ? `≥ ${text}` : text;
}

/** `2026-11-25 14:03:07`, local time; `short` is without the year. */
export function time(at: number, { short = false } = {}): string {
  const date = new Date(at);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${short ? '' : `${date.getFullYear()}-`}${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
