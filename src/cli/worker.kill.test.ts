import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sqliteLog } from '../index.ts';
import { ledger, startRun, type Started, startWorker } from './worker-processes.fixture.ts';

let folder = '';
let started: Started[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-worker-'));
  started = [];
});
afterEach(async () => {
  for (const { child, ended } of started) {
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});
const later = (each: Started): Started => {
  started.push(each);
  return each;
};
const begun = (attempts: number): Promise<void> =>
  expect
    .poll(() => ledger(folder).filter((line) => line.startsWith('begin')).length, { timeout: 60_000 })
    .toBe(attempts);

test('a worker is killed, and another takes over what it had taken over', { timeout: 180_000 }, async () => {
  const first = later(startRun(folder, 'r1'));
  await begun(1);
  first.child.kill('SIGKILL');
  await first.ended;

  const second = later(startWorker(folder));
  expect(await second.said(/↻/)).toMatch(/↻ r1 \(Desk\) taken from \S+/);
  await begun(2);
  second.child.kill('SIGKILL');
  await second.ended;

  const third = later(startWorker(folder));
  await third.said(/↻ r1 \(Desk\) taken from/);
  await begun(3);
  writeFileSync(join(folder, 'gate'), '');
  await third.said(/✓ r1 \(Desk\) finished after/);
  third.child.kill('SIGTERM');
  await third.ended;
  expect(third.child.exitCode).toBe(0);

  const pids = [first, second, third].map(({ child }) => child.pid);
  expect(ledger(folder)).toEqual([
    ...pids.map((pid, n) => `begin it ${pid} ${n + 1}`),
    // What was killed does not come to an end, and what was taken over is done once.
    `end it ${pids[2]} 3`,
  ]);
  const log = sqliteLog({ path: join(folder, 'runs.db') });
  expect((await log.read('r1'))?.info).toMatchObject({ status: 'finished', lease: { fence: 3 } });
  await log.close();
});
