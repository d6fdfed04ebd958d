/**
 * Events as text and back.
 *
 * Of an event that is larger than `inlineBytes`, the long strings are kept apart, by hash: an image that comes with
 * every turn of a conversation is stored once in a tenant. The event holds `{"$baton:blob":"<hash>"}` in its place; a
 * key that looks like a mark gets another in front.
 */
import { UserError } from '../protocol/errors.ts';
import { node } from '../protocol/node.ts';
import { tooLarge } from './refusals.ts';
import type { LogEvent, LogLimits } from './types.ts';

export type Limits = Required<LogLimits>;
export const DEFAULT_LIMITS: Limits = {
  maxEventBytes: 16 * 1024 * 1024,
  maxRunBytes: 256 * 1024 * 1024,
  inlineBytes: 256 * 1024,
};

/** `bytes` counts what is kept apart too. */
export type Encoded = { readonly text: string; readonly bytes: number; readonly blobs: readonly Blob[] };
export type Blob = { readonly hash: string; readonly text: string };

const MARK = '$baton:';
const BLOB = `${MARK}blob`;
/** Shorter strings stay where they are: a row of their own would cost more than it saves. */
const LEAST_APART = 16 * 1024;
const NO_BLOBS: readonly Blob[] = [];

/** @throws UserError when it is no event; LogError `log/too-large` */
export function encodeEvent(event: LogEvent, what: string, limits: Limits): Encoded {
  if (typeof event !== 'object' || event === null || typeof event.type !== 'string') {
    throw new UserError(
      `${what} must be an object with a string \`type\`. Got ${JSON.stringify(event)?.slice(0, 80)}.`,
    );
  }
  return encodeJson(event, what, limits);
}

/** @throws UserError for what is no JSON; LogError `log/too-large` */
export function encodeJson(value: unknown, what: string, { maxEventBytes, inlineBytes }: Limits): Encoded {
  const text: string | undefined = stringified(value, what);
  if (text === undefined) throw new UserError(`${what} must be JSON. Got ${typeof value}.`);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxEventBytes) throw tooLarge(what, { bytes, limit: maxEventBytes, option: 'maxEventBytes' });
  if (bytes <= inlineBytes && !text.includes(`"${MARK}`)) return { text, bytes, blobs: NO_BLOBS };
  const blobs: Blob[] = [];
  const marked = JSON.stringify(mark(JSON.parse(text), bytes > inlineBytes ? blobs : undefined));
  return { text: marked, bytes, blobs };
}

function stringified(value: unknown, what: string): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new UserError(`${what} must be JSON. ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The value, or undefined where the text is no JSON or names a blob that is not there. */
export function decode(text: string, blobs: ReadonlyMap<string, string>): { readonly value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return { value: text.includes(`"${MARK}`) ? unmark(value, blobs) : value };
  } catch {
    return undefined;
  }
}

/** Hashes of the blobs that a text names. */
export function blobsOf(text: string): string[] {
  return [...text.matchAll(/\{"\$baton:blob":"([\w-]+)"\}/g)].map(([, hash = '']) => hash);
}

export const isEvent = (value: unknown): value is LogEvent =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

/** The same text for the same data, whatever the order of keys. */
export function canonical(text: string): string {
  const sorted = (_: string, entry: unknown): unknown =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry;
  return JSON.stringify(JSON.parse(text), sorted);
}

export const isSameText = (a: string, b: string): boolean => a === b || canonical(a) === canonical(b);

function mark(value: unknown, blobs: Blob[] | undefined): unknown {
  if (typeof value === 'string') {
    if (!blobs || value.length < LEAST_APART) return value;
    // As JSON: a text column keeps no half of a surrogate pair.
    const text = JSON.stringify(value);
    const hash = node.crypto.createHash('sha256').update(text).digest('base64url');
    blobs.push({ hash, text });
    return { [BLOB]: hash };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => mark(entry, blobs));
  return mapped(
    value,
    (key) => (key.startsWith(MARK) ? MARK + key : key),
    (entry) => mark(entry, blobs),
  );
}

function unmark(value: unknown, blobs: ReadonlyMap<string, string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => unmark(entry, blobs));
  const hash: unknown = Object.hasOwn(value, BLOB) ? (value as { [BLOB]: unknown })[BLOB] : undefined;
  if (typeof hash === 'string') {
    const text = blobs.get(hash);
    if (text === undefined) throw new Error(`no blob ${hash}`);
    return JSON.parse(text);
  }
  return mapped(
    value,
    (key) => (key.startsWith(MARK) ? key.slice(MARK.length) : key),
    (entry) => unmark(entry, blobs),
  );
}

/** `fromEntries` defines its keys, so that an own `__proto__` stays a key. */
function mapped(value: object, rename: (key: string) => string, change: (entry: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [rename(key), change(entry)]));
}
