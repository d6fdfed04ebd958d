/** `baton worker` as a process that is told to end, and as a person sees it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sqliteLog } from '../index.ts';
import { baton } from './baton.ts';
import { plain } from './terminal.ts';
import { ledger, startRun, type Started, startWorker, startWorkerOf } from './worker-processes.fixture.ts';

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

test(
  'a worker that is told to end does what is under way, and the next one goes on after it',
  { timeout: 120_000 },
  async () => {
    const first = later(startRun(folder, 'r1'));
    await expect.poll(() => ledger(folder).length, { timeout: 60_000 }).toBe(1);
    first.child.kill('SIGKILL');
    await first.ended;

    const second = later(startWorker(folder));
    await second.said(/↻ r1/);
    await expect.poll(() => ledger(folder).length, { timeout: 60_000 }).toBe(2);
    second.child.kill('SIGTERM');
    await second.said(/draining/);
    writeFileSync(join(folder, 'gate'), '');
    await second.ended;
    expect(second.child.exitCode).toBe(0);
    expect(second.lines.slice(-2)).toEqual([
      expect.stringMatching(/→ r1 \(Desk\) is left to others/),
      expect.stringMatching(/ended, left to others: r1/),
    ]);
    const log = sqliteLog({ path: join(folder, 'runs.db') });
    const left = await log.read('r1');
    await log.close();
    expect(left?.info).toMatchObject({ status: 'running' });
    expect(left?.info.lease).not.toHaveProperty('owner');
    expect(left?.events.filter(({ event }) => event.type === 'tool.returned')).toHaveLength(1);

    // At once: nobody has to wait for a lease.
    const third = later(startWorker(folder));
    expect(await third.said(/↻/)).toMatch(/was left/);
    await third.said(/✓ r1 \(Desk\) finished/);
    third.child.kill('SIGINT');
    await third.ended;
    expect(third.child.exitCode).toBe(0);
    expect(ledger(folder).map((line) => line.split(' ')[0])).toEqual(['begin', 'begin', 'end']);
  },
);

test('a module may give its store by a function, and sockets that it leaves open do not keep the worker', async () => {
  const module = join(folder, 'made.mjs');
  writeFileSync(
    module,
    `setInterval(() => undefined, 1000);
     const nothing = async () => [];
     export default async () => ({ worker: 'w1\u001B[2J', recover: nothing, drain: nothing, close: nothing });`,
  );
  const worker = later(startWorkerOf(module));
  // Names are not ours: nothing in them reaches the terminal as a command.
  expect(await worker.said(/looks every/)).toContain('worker w1·[2J looks every 5 s');
  worker.child.kill('SIGTERM');
  await worker.ended;
  expect(worker.child.exitCode).toBe(0);
  expect(worker.lines.at(-1)).toMatch(/ended, nothing is left/);
}, 60_000);

test.each([
  [[], 2, /Which module/],
  [['nowhere.ts'], 2, /There is no file .*nowhere\.ts/],
  [['nostore.mjs'], 2, /exports no RunStore.*export default new RunStore.*Its exports: default, other/s],
  [['nostore.mjs', '--every', '0'], 2, /--every is "0"/],
])('what cannot be worked on is told: %j', async (args, code, told) => {
  writeFileSync(join(folder, 'nostore.mjs'), 'export default 3; export const other = 4;');
  const err: string[] = [];
  const terminal = { out: (line: string) => void err.push(line), err: (line: string) => void err.push(line) };
  const paths = args.map((each) => (each.endsWith('js') ? join(folder, each) : each));
  expect(await baton(['worker', ...paths], { ...terminal, paint: plain, columns: 120 })).toBe(code);
  expect(err.join('\n')).toMatch(told);
});
