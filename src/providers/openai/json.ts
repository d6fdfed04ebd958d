/** Small reading tools for JSON that somebody else wrote. */

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isString = (value: unknown): value is string => typeof value === 'string';

/** Drops members that are `undefined`, so that "not given" and "not there" are the same. */
export function compact<T extends object>(value: T): T {
  const copy: Json = {};
  for (const [key, member] of Object.entries(value)) if (member !== undefined) copy[key] = member;
  return copy as T;
}

/** A copy without some members. */
export function omit(value: Json | undefined, keys: ReadonlySet<string>): Json {
  const rest: Json = {};
  if (value) for (const key of Object.keys(value)) if (!keys.has(key)) rest[key] = value[key];
  return rest;
}

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Writes keys as the wire does, in objects within objects too, but not within lists. */
export function toSnake(value: Json): Json {
  const copy: Json = {};
  for (const [key, member] of Object.entries(value)) copy[snake(key)] = isObject(member) ? toSnake(member) : member;
  return copy;
}

const NO_KEYS: ReadonlySet<string> = new Set();

/** Provider data in the wire's spelling, without the members that the item itself decides. */
export function extra(providerData: Json | undefined, reserved: ReadonlySet<string> = NO_KEYS): Json {
  if (!providerData) return {};
  const wire = toSnake(providerData);
  for (const key of Object.keys(wire)) if (wire[key] === undefined || reserved.has(key)) delete wire[key];
  return wire;
}

/** Base64 without a dependency on Node's Buffer. */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}
