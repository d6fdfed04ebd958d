import { expect, test } from 'vitest';
import { calculate } from './calculator.ts';
import { PythonFailure } from './python.ts';

test.each([
  ['2 + 2', '4.0'],
  ['(350 - 122) * 2 + (499 - 127) * 2', '1200.0'],
  ['(136 - (94 + 80)) * 3', '-114.0'],
  ['498 * 1.5', '747.0'],
  ['10 / 3', '3.33'],
  ['1 / 8', '0.12'],
  ['8 - 3 - 2', '3.0'],
  ['16 / 4 / 2', '2.0'],
  ['7 // 2', '3.0'],
  ['-7 // 2', '-4.0'],
  ['7.5 // 2', '3.0'],
  ['-7.5 // 2', '-4.0'],
  ['1639 // (895 / 1234567890123456)', '2260845555209323.0'],
  ['0 / (1.5 - 2)', '-0.0'],
  ['2 ** 3 ** 2', '512.0'],
  ['-2 ** 2', '-4.0'],
  ['2 ** -1', '0.5'],
  ['--5', '5.0'],
  ['2 * -3', '-6.0'],
  ['.5 + 1.', '1.5'],
  ['007.5', '7.5'],
  ['  1', '1.0'],
  ['9007199254740993 - 9007199254740992', '1.0'],
])('%s is %s', (expression, value) => {
  expect(calculate(expression)).toBe(value);
});

test.each(['2 ^ 3', '1e3', 'abs(1)', '1,000', '5 % 2', '1\n'])(
  '%j has characters that are not allowed',
  (expression) => {
    expect(calculate(expression)).toBe('Error: invalid characters in expression');
  },
);

test.each(['', '1 +', '(1', '1)', '1 1', '1..2', '007', '* 1', '()', '2 * * 3'])(
  '%j is no expression',
  (expression) => {
    expect(() => calculate(expression)).toThrow(PythonFailure);
  },
);

test.each(['1 / 0', '1 // 0', '0 ** -1', '(-8) ** .5'])('%s fails as it does in Python', (expression) => {
  expect(() => calculate(expression)).toThrow(PythonFailure);
});

test('an expression cannot take more time or stack than it should', () => {
  expect(() => calculate('9 ** 9 ** 9')).toThrow('too large');
  expect(() => calculate('('.repeat(100_000))).toThrow('nested');
  expect(() => calculate('-'.repeat(100_000))).toThrow('nested');
});
