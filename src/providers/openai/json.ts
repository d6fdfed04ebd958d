/** JSON as OpenAI's wires spell it. */
import { isObject, type Json } from '../../model/wire-json.ts';

export { compact, detached, isObject, isString, omit, type Json } from '../../model/wire-json.ts';

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
