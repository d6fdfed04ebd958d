/** Copies and comparisons of items, and the changes that a stored history can take. */
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import type { SessionHistoryMutation } from './types.ts';

const DEEPEST = 100;

/** A deep copy. Plain JSON is copied by hand, which is several times faster than `structuredClone`. */
export function copyItem<T>(item: T): T {
  return (isPlainJson(item, 0) ? copyJson(item) : structuredClone(item)) as T;
}

function isPlainJson(value: unknown, depth: number): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null) return true;
  // Deeper data, and data that contains itself, is left to structuredClone.
  if (depth > DEEPEST) return false;
  if (Array.isArray(value)) return value.every((entry) => isPlainJson(entry, depth + 1));
  return isPlainObject(value) && Object.values(value).every((entry) => isPlainJson(entry, depth + 1));
}

function copyJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  const copy: { [key: string]: unknown } = {};
  for (const [key, entry] of Object.entries(value)) {
    // An own `__proto__` must not become the prototype of the copy.
    if (key === '__proto__')
      Object.defineProperty(copy, key, {
        value: copyJson(entry),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    else copy[key] = copyJson(entry);
  }
  return copy;
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether it can be an item: one is an object. What it says is the word of whoever adds it. */
export const isItemLike = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** @throws UserError for what is no object: null, a text, a list, bytes */
export function checkItem(item: unknown, where: string): asserts item is object {
  if (isItemLike(item)) return;
  throw new UserError(`${where} must be an object. Got ${kindOf(item)}.`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return value instanceof Uint8Array ? 'bytes' : typeof value;
}

/** Whether an item is data that every store keeps as it is: JSON, `undefined` and bytes. */
export function isStorable(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  if (depth > DEEPEST) return false;
  if (Array.isArray(value)) return value.every((entry) => isStorable(entry, depth + 1));
  return isPlainObject(value) && Object.values(value).every((entry) => isStorable(entry, depth + 1));
}

/** Deep equality of storable data; the order of keys does not matter. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return (
      a instanceof Uint8Array && b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i])
    );
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((entry, i) => isSame(entry, b[i]));
  }
  const entries = Object.entries(a);
  const other = b as { [key: string]: unknown };
  return (
    entries.length === Object.keys(b).length &&
    entries.every(([key, entry]) => Object.hasOwn(other, key) && isSame(entry, other[key]))
  );
}

/**
 * Applies changes of stored history, in order, to a copy.
 * A call that is not in the history is left out; later calls with the id of a replaced one are dropped.
 */
export function applySessionHistoryMutations(
  items: AgentInputItem[],
  mutations: SessionHistoryMutation[],
): AgentInputItem[] {
  let result = items.map(copyItem);
  for (const mutation of mutations) {
    if (mutation.type !== 'replace_function_call') continue;
    const { callId, replacement } = mutation;
    const isCall = (item: AgentInputItem): boolean => item.type === 'function_call' && item.callId === callId;
    const at = result.findIndex(isCall);
    if (at < 0) continue;
    result = result.filter((item, i) => i === at || !isCall(item));
    result[at] = copyItem(replacement);
  }
  return result;
}
