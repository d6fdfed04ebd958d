import { expect, test } from 'vitest';
import { asyncLines, impureGlobals } from './kernel-bundle.ts';

test('a reference to the clock, to chance, to a timer or to the process is seen', async () => {
  const source = 'export const a = [Date.now(), new Date(), Math.random(), setTimeout, process.env];';
  expect(await impureGlobals(source)).toEqual(['Date', 'Math.random', 'process', 'setTimeout']);
});

test('fields, locals, types, strings and comments of the same name are none', async () => {
  const source = `
    // Date.now() would be wrong here
    export type At = { Date: Date };
    export const f = (process: { now: number }, o: At): unknown => [process.now, o.Date, 'Math.random()', Math.max(1)];
  `;
  expect(await impureGlobals(source)).toEqual([]);
});

test('what is asynchronous is named by its line', () => {
  const source = [
    'const a = async () => 1;',
    'async function b() {',
    '  await a();',
    '}',
    'const c = { async d() {} };',
  ];
  expect(asyncLines('x.ts', source.join('\n'))).toEqual([1, 2, 3, 5]);
  expect(asyncLines('x.ts', 'export const e = (f: Promise<number>) => f.then(() => 1);')).toEqual([]);
});
