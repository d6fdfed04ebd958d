/** How long a server asks to wait, in its three forms. */

/** The value of a header: of a `Headers` object, or of a plain record with keys in any case. */
export function headerOf(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if ('get' in headers && typeof headers.get === 'function') {
    const value: unknown = headers.get(name);
    return typeof value === 'string' ? value : undefined;
  }
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() === name && typeof value === 'string') return value;
  }
  return undefined;
}

/**
 * Milliseconds to wait by `retry-after-ms`, or by `retry-after` in seconds or as an HTTP date.
 * `undefined` where the server says nothing usable; a date that has passed says nothing.
 */
export function retryAfterMs(headers: unknown, now: number = Date.now()): number | undefined {
  const ms = positive(headerOf(headers, 'retry-after-ms'));
  if (ms !== undefined) return ms;
  const value = headerOf(headers, 'retry-after');
  if (value === undefined) return undefined;
  const seconds = positive(value);
  if (seconds !== undefined) return seconds * 1000;
  // `Date.parse` reads "-1" and "1.5x" as dates of long ago or far away; an HTTP date starts with a weekday.
  const date = /^[A-Za-z]{3}/.test(value.trim()) ? Date.parse(value) : NaN;
  return Number.isFinite(date) && date > now ? date - now : undefined;
}

function positive(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}
