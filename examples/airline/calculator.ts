/**
 * Arithmetic as Python evaluates it: integers are exact, `/` makes a float, `//` and `**` exist because their
 * characters are allowed. No `eval`: a parser by recursive descent.
 */
import { PythonFailure, pythonFloat, roundToCents } from './python.ts';

/** A Python int (exact) or float. */
type Value = bigint | number;
type Scanner = { readonly tokens: readonly string[]; at: number; depth: number };

// Python's own parser refuses deeper nesting; ours must not run out of stack either.
const MAX_DEPTH = 200;
// An int of more bits than this is no float any more, whatever is done with it.
const MAX_BITS = 1100n;

/** The value of `expression` as a float rounded to 2 decimals, printed as Python prints it. */
export function calculate(expression: string): string {
  if (!/^[0-9+\-*/(). ]*$/.test(expression)) return 'Error: invalid characters in expression';
  const scanner = { tokens: tokenize(expression), at: 0, depth: 0 };
  const value = sum(scanner);
  if (scanner.at < scanner.tokens.length) throw syntaxError();
  const float = Number(value);
  if (typeof value === 'bigint' && !Number.isFinite(float))
    throw new PythonFailure('int too large to convert to float');
  return pythonFloat(roundToCents(float));
}

const syntaxError = () => new PythonFailure('invalid syntax (<string>, line 1)');
const divisionByZero = () => new PythonFailure('division by zero');

function tokenize(expression: string): string[] {
  const tokens = expression.match(/\d+\.?\d*|\.\d+|\*\*|\/\/|[+\-*/()]|\.+/g) ?? [];
  if (tokens.some((token) => /^\.+$/.test(token))) throw syntaxError();
  return tokens;
}

function sum(scanner: Scanner): Value {
  let left = product(scanner);
  for (let sign = take(scanner, '+', '-'); sign !== undefined; sign = take(scanner, '+', '-')) {
    const right = product(scanner);
    left = sign === '+' ? add(left, right) : add(left, negate(right));
  }
  return left;
}

function product(scanner: Scanner): Value {
  let left = signed(scanner);
  for (let sign = take(scanner, '*', '//', '/'); sign !== undefined; sign = take(scanner, '*', '//', '/')) {
    const right = signed(scanner);
    if (sign === '*') left = multiply(left, right);
    else left = sign === '/' ? divide(left, right) : floorDivide(left, right);
  }
  return left;
}

function signed(scanner: Scanner): Value {
  const sign = take(scanner, '+', '-');
  if (sign === undefined) return power(scanner);
  const value = nested(scanner, signed);
  return sign === '-' ? negate(value) : value;
}

function power(scanner: Scanner): Value {
  const base = atom(scanner);
  return take(scanner, '**') === undefined ? base : raise(base, nested(scanner, signed));
}

function atom(scanner: Scanner): Value {
  if (take(scanner, '(') !== undefined) {
    const value = nested(scanner, sum);
    if (take(scanner, ')') === undefined) throw syntaxError();
    return value;
  }
  const token = scanner.tokens[scanner.at];
  if (token === undefined || !/\d/.test(token)) throw syntaxError();
  scanner.at += 1;
  if (token.includes('.')) return Number(token);
  if (/^0+[1-9]/.test(token)) throw syntaxError();
  return BigInt(token);
}

function take(scanner: Scanner, ...wanted: string[]): string | undefined {
  const token = scanner.tokens[scanner.at];
  if (token === undefined || !wanted.includes(token)) return undefined;
  scanner.at += 1;
  return token;
}

function nested(scanner: Scanner, parse: (scanner: Scanner) => Value): Value {
  scanner.depth += 1;
  if (scanner.depth > MAX_DEPTH) throw new PythonFailure('too many nested parentheses (<string>, line 1)');
  const value = parse(scanner);
  scanner.depth -= 1;
  return value;
}

const bothInts = (a: Value, b: Value): [bigint, bigint] | undefined =>
  typeof a === 'bigint' && typeof b === 'bigint' ? [a, b] : undefined;

function add(a: Value, b: Value): Value {
  const ints = bothInts(a, b);
  return ints ? ints[0] + ints[1] : Number(a) + Number(b);
}

function multiply(a: Value, b: Value): Value {
  const ints = bothInts(a, b);
  return ints ? ints[0] * ints[1] : Number(a) * Number(b);
}

const negate = (value: Value): Value => (typeof value === 'bigint' ? -value : -value);

/** Correctly rounded for ints up to 2 ** 53; beyond, the last digit may differ from Python's. */
function divide(a: Value, b: Value): Value {
  if (Number(b) === 0) throw divisionByZero();
  return Number(a) / Number(b);
}

function floorDivide(a: Value, b: Value): Value {
  if (Number(b) === 0) throw divisionByZero();
  const ints = bothInts(a, b);
  if (!ints) return floorDivideFloats(Number(a), Number(b));
  const quotient = ints[0] / ints[1];
  const inexact = quotient * ints[1] !== ints[0];
  return inexact && ints[0] < 0n !== ints[1] < 0n ? quotient - 1n : quotient;
}

/** By way of the exact remainder, because the quotient of large floats is already rounded. */
function floorDivideFloats(a: number, b: number): number {
  const remainder = a % b;
  const quotient = (a - remainder) / b - (remainder !== 0 && b < 0 !== remainder < 0 ? 1 : 0);
  if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0;
  return Math.round(quotient);
}

function raise(base: Value, exponent: Value): Value {
  const ints = bothInts(base, exponent);
  if (ints && ints[1] >= 0n) {
    const bits = BigInt(ints[0].toString(2).length) * ints[1];
    const small = ints[0] >= -1n && ints[0] <= 1n;
    if (bits > MAX_BITS && !small) throw new PythonFailure('int too large to convert to float');
    return ints[0] ** ints[1];
  }
  if (Number(base) === 0 && Number(exponent) < 0) throw new PythonFailure('0.0 cannot be raised to a negative power');
  const value = Number(base) ** Number(exponent);
  if (Number.isNaN(value)) throw new PythonFailure("float() argument must be a string or a real number, not 'complex'");
  return value;
}
