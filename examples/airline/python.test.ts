import { expect, test } from 'vitest';
import { item, parseArguments, pythonFloat, PythonFailure, pythonNumber, roundToCents } from './python.ts';

test.each([
  [5, '5.0'],
  [1234.5, '1234.5'],
  [-114, '-114.0'],
  [0, '0.0'],
  [-0, '-0.0'],
  [0.1, '0.1'],
  [0.05, '0.05'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [123456789012345680, '1.2345678901234568e+17'],
  [1e16, '1e+16'],
  [9999999999999998, '9999999999999998.0'],
  [1.5e300, '1.5e+300'],
  [Infinity, 'inf'],
  [-Infinity, '-inf'],
  [NaN, 'nan'],
])('the float %d is printed as Python prints it: %s', (value, printed) => {
  expect(pythonFloat(value)).toBe(printed);
});

test.each([
  [0.125, 0.12],
  [0.375, 0.38],
  [0.625, 0.62],
  [-0.125, -0.12],
  [2.675, 2.67],
  [1.005, 1],
  [2.345, 2.35],
  [33.333333, 33.33],
  [1e22, 1e22],
])('%d is rounded to 2 decimals as Python rounds it: %d', (value, rounded) => {
  expect(roundToCents(value)).toBe(rounded);
});

test('an integer is printed without a point unless it is a float in Python', () => {
  expect([pythonNumber(50, false), pythonNumber(50, true), pythonNumber(0.5, false)]).toEqual(['50', '50.0', '0.5']);
});

test('arguments remember which numbers were written as floats, at any depth', () => {
  const { values, isFloat } = parseArguments('{"amount": 50.0, "count": 50, "list": [{"amount": 1e2}]}');
  expect(values).toEqual({ amount: 50, count: 50, list: [{ amount: 100 }] });
  const list = item(values, 'list');
  const inner = Array.isArray(list) ? list[0] : undefined;
  expect([isFloat(values, 'amount'), isFloat(values, 'count')]).toEqual([true, false]);
  expect(typeof inner === 'object' && inner !== null && !Array.isArray(inner) && isFloat(inner, 'amount')).toBe(true);
});

test.each(['', '{', '[1]', '"text"', 'null'])('arguments that are no JSON object are a failure: %j', (text) => {
  expect(() => parseArguments(text)).toThrow(PythonFailure);
});

test('a missing key fails with the key in quotes, and the prototype has no keys', () => {
  expect(() => item({}, 'price')).toThrow("'price'");
  expect(() => item({}, 'constructor')).toThrow("'constructor'");
});
