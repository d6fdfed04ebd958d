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

/** A deep copy of JSON, which by hand is several times faster than by `structuredClone`. */
export function detached(value: Json): Json {
  const copy: Json = {};
  for (const key of Object.keys(value)) {
    // By its name it would become the copy's prototype.
    if (key !== '__proto__') copy[key] = detachedValue(value[key]);
  }
  return copy;
}

function detachedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(detachedValue);
  return isObject(value) ? detached(value) : value;
}

/** A copy without some members. */
export function omit(value: Json | undefined, keys: ReadonlySet<string>): Json {
  const rest: Json = {};
  if (value) for (const key of Object.keys(value)) if (!keys.has(key)) rest[key] = value[key];
  return rest;
}
