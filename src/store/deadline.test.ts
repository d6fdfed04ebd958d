import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { within } from './deadline.ts';

test('a deadline that never comes waits for what takes longer than a timer at its limit', async () => {
  expect(await within({ at: Infinity, ms: Infinity }, sleep(50, 'answered'))).toBe('answered');
});

test('work that takes longer than its deadline is told as silence', async () => {
  const at = performance.now() + 1;
  await expect(within({ at, ms: 1 }, new Promise(() => undefined))).rejects.toThrow('no answer for');
});
