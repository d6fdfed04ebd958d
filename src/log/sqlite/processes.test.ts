import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventsOf } from '../appender.fixture.ts';
import type { Line } from '../appender.fixture.ts';
import { inspectRuns, startAppender } from '../processes.fixture.ts';
import { sqliteLog } from './sqlite-log.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-log-processes-'));
  path = join(folder, 'x.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const runsOf = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}/${n}`);

test('6 processes that take the same runs from each other lose nothing and commit nothing under an old fence', async () => {
  const runs = runsOf('r', 4);
  const appenders = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => startAppender({ path, name, runs, commits: 60 }));
  const reports = await Promise.all(appenders.map(({ ended }) => ended));
  expect(reports.flatMap((report) => report?.errors ?? ['no report'])).toEqual([]);
  const acknowledged = appenders.flatMap((appender) => appender.acknowledged);
  expect(acknowledged.length).toBeGreaterThan(200);
  // Of several owners: leases did change hands.
  expect(Math.max(...acknowledged.map(([, , , , fence]) => fence))).toBeGreaterThan(2);
  expect(await inspectRuns(path, runs, acknowledged)).toEqual([]);
}, 120_000);

test('who watches a run hears of what another process appends to it', async () => {
  const log = sqliteLog({ path });
  await log.append({
    runId: 'r',
    position: 0,
    fence: 0,
    create: { agent: 'a', worker: 'w' },
    events: [],
    release: true,
  });
  const watching = log.watch('r', { head: 0 });
  const appender = startAppender({ path, name: 'other', runs: ['r'], commits: 1 });
  expect(await watching).toMatchObject({ head: 2, lease: { owner: 'other', fence: 2 } });
  expect((await appender.ended)?.errors).toEqual([]);
  await log.close();
}, 60_000);

test('the comparison sees what is lost, half, twice, or of an old fence', async () => {
  const log = sqliteLog({ path });
  const lines: Line[] = [
    ['r', 0, 'a', 0, 1],
    ['r', 2, 'b', 0, 2],
    ['r', 4, 'a', 1, 1],
    ['r', 6, 'a', 1, 1],
  ];
  const create = { agent: 'a', worker: 'a' };
  await log.append({ runId: 'r', position: 0, fence: 0, create, events: lines.flatMap(eventsOf) });
  await log.append({ runId: 'r', position: 8, fence: 1, events: eventsOf(['r', 8, 'c', 0, 3]).slice(1) });
  await log.close();
  const raw = new DatabaseSync(path);
  raw.exec("UPDATE baton_runs SET fence = 2 WHERE run = 'r'");
  raw.close();
  expect(await inspectRuns(path, ['r'], [...lines, ['r', 8, 'd', 0, 2]])).toEqual([
    'r: fence 1 after 2 at 4',
    'r: a 1 twice',
    'r: fence 1 after 2 at 6',
    'r: half a commit at 8',
    'r: an event of fence 3, which was not given',
    'lost: r 8 d 0 2',
  ]);
});
