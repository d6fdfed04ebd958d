/**
 * What the recorded tools inherited from Python: exceptions as messages, floats that know that they are floats,
 * and rounding of ties to the even digit.
 */
import { isObject, own } from './json.ts';
import type { Json, JsonObject } from './json.ts';

/** Where Python would have raised. The tool answers `Error: ` and Python's message, as near as it is known. */
export class PythonFailure extends Error {
  override readonly name = 'PythonFailure';
}

/** A float as `str(value)` prints it: `5.0`, `1234.5`, `1e+16`, `-0.0`, `nan`, `inf`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  // Both languages print the shortest digits that read back as the same value; only the layout differs.
  const [mantissa = '0', power = '0'] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const shown = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${shown}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** A number as Python prints it, given whether it is a float there. */
export const pythonNumber = (value: number, isFloat: boolean): string =>
  isFloat || !Number.isInteger(value) ? pythonFloat(value) : String(value);

/** `round(value, 2)`: the exact binary value decides, an exact tie goes to the even digit. */
export function roundToCents(value: number): number {
  const size = Math.abs(value);
  // A zero keeps its sign, as in Python.
  if (value === 0 || !Number.isFinite(value) || size >= 1e21) return value;
  // Only odd multiples of 1/8 lie exactly between two hundredths; toFixed rounds those up, Python to even.
  if (Number.isInteger(size * 8) && (size * 8) % 2 === 1) {
    const floor = Math.floor(size * 100);
    const cents = floor % 2 === 0 ? floor : floor + 1;
    return (cents / 100) * Math.sign(value);
  }
  return Number(value.toFixed(2));
}

/** Arguments of a call, and which of their numbers were written as floats (`50.0`), which JSON.parse forgets. */
export type Arguments = { values: JsonObject; isFloat: (holder: JsonObject, key: string) => boolean };

// oxlint-disable-next-line eslint/max-params -- the signature of the language
type Reviver = (this: object, key: string, value: unknown, context: { source?: string }) => unknown;
// The third argument of a reviver is in every supported Node, but not in the compiler's library yet.
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => Json;

/** Reads the JSON text of a call's arguments. Throws `PythonFailure` where it is not a JSON object. */
export function parseArguments(text: string): Arguments {
  const floats = new WeakMap<object, Set<string>>();
  let values: Json;
  try {
    values = parseWithSource(text, function revive(key, value, { source }) {
      if (typeof value === 'number' && source !== undefined && /[.eE]/.test(source)) {
        const known = floats.get(this) ?? new Set();
        floats.set(this, known.add(key));
      }
      return value;
    });
  } catch (cause) {
    throw new PythonFailure('the arguments are not JSON', { cause });
  }
  if (!isObject(values)) throw new PythonFailure('the arguments are not an object');
  return { values, isFloat: (holder, key) => floats.get(holder)?.has(key) ?? false };
}

/** `object[key]`: a missing key raises. */
export function item(object: JsonObject, key: string): Json {
  const value = own(object, key);
  if (value === undefined) throw new PythonFailure(`'${key}'`);
  return value;
}

/** `object[key]` where only a number makes sense. */
export function numberItem(object: JsonObject, key: string): number {
  const value = item(object, key);
  if (typeof value !== 'number') throw new PythonFailure(`unsupported operand type for '${key}'`);
  return value;
}

/** `object[key]` where only a string makes sense. */
export function textItem(object: JsonObject, key: string): string {
  const value = item(object, key);
  if (typeof value !== 'string') throw new PythonFailure(`'${key}' must be a string`);
  return value;
}

/** `object[key]` where only an object makes sense. */
export function objectItem(object: JsonObject, key: string): JsonObject {
  const value = item(object, key);
  if (!isObject(value)) throw new PythonFailure(`'${key}' must be an object`);
  return value;
}

/** `object[key]` where only a list makes sense. */
export function listItem(object: JsonObject, key: string): Json[] {
  const value = item(object, key);
  if (!Array.isArray(value)) throw new PythonFailure(`'${key}' must be a list`);
  return value;
}

/** `object[key]` where only a list of objects makes sense. */
export function recordsItem(object: JsonObject, key: string): JsonObject[] {
  const list = listItem(object, key);
  if (!list.every(isObject)) throw new PythonFailure(`'${key}' must be a list of objects`);
  return list;
}
