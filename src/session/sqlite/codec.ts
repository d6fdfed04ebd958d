/** Items as text and back. JSON, but for bytes, which JSON does not have: `{"$baton:bytes":"<base64>"}`. */
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { checkItem, isStorable } from '../items.ts';
import type { Row } from './commands.ts';

const MARK = '$baton:';
const BYTES = `${MARK}bytes`;

/** @throws UserError when `items` is no list, or an item is no object or holds what JSON and bytes cannot say */
export function encodeItems(items: unknown, where: string): Row[] {
  if (!Array.isArray(items)) {
    throw new UserError(`SQLiteSession ${where} needs an array of items. Got ${typeof items}.`);
  }
  return items.map((item: unknown, index) => encodeItem(item, `${where}, item ${index},`));
}

export function encodeItem(item: unknown, where: string): Row {
  checkItem(item, `SQLiteSession ${where}`);
  if (!isStorable(item)) {
    throw new UserError(
      `SQLiteSession ${where} holds data that cannot be stored: functions, dates, maps, other classes, BigInt, NaN, ` +
        'cycles or more than 100 levels. Use JSON and bytes.',
    );
  }
  const text = JSON.stringify(needsMarks(item) ? marked(item) : item);
  const { type, callId } = item as { type?: unknown; callId?: unknown };
  return type === 'function_call' && typeof callId === 'string' ? { text, callId } : { text };
}

/** The item, or undefined for a text that is none. */
export function decodeItem(text: string): AgentInputItem | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  // The store keeps what it was given; that these are items is the word of whoever added them.
  return (text.includes(`"${MARK}`) ? unmarked(value) : value) as AgentInputItem;
}

/** The same text for the same data, whatever the order of keys. */
export function canonical(text: string): string {
  const sorted = (_: string, entry: unknown): unknown =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry;
  return JSON.stringify(JSON.parse(text), sorted);
}

function needsMarks(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.some(needsMarks);
  return Object.entries(value).some(([key, entry]) => key.startsWith(MARK) || needsMarks(entry));
}

/** Bytes become a marked object, and a key that looks like a mark gets another in front. */
function marked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(marked);
  return mapped(value, (key) => (key.startsWith(MARK) ? MARK + key : key), marked);
}

function unmarked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(unmarked);
  const bytes: unknown = Object.hasOwn(value, BYTES) ? (value as { [BYTES]: unknown })[BYTES] : undefined;
  if (typeof bytes === 'string') return new Uint8Array(Buffer.from(bytes, 'base64'));
  return mapped(value, (key) => (key.startsWith(MARK) ? key.slice(MARK.length) : key), unmarked);
}

/** `fromEntries` defines its keys, so that an own `__proto__` stays a key. */
function mapped(value: object, rename: (key: string) => string, change: (entry: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [rename(key), change(entry)]));
}
