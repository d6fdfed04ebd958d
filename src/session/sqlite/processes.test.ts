import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { itemsOf } from './appender.fixture.ts';
import { inspectStore, startAppender } from './processes.fixture.ts';
import { SQLiteSession } from './sqlite-session.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-processes-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('8 processes append 1,000 times each to one file: nothing is lost, nothing out of order, no lock is felt', async () => {
  const dbPath = join(folder, 'x.db');
  const appenders = Array.from({ length: 8 }, (_, n) =>
    startAppender({ dbPath, name: `p${n}`, appends: 1000, sessions: 20, parallel: 20 }),
  );
  const reports = await Promise.all(appenders.map(({ ended }) => ended));
  expect(reports.flatMap((report) => report?.errors ?? ['no report'])).toEqual([]);
  const acknowledged = appenders.flatMap((appender) => appender.acknowledged);
  expect(acknowledged).toHaveLength(8000);
  expect(await inspectStore(dbPath, 20, acknowledged)).toEqual([]);
}, 120_000);

test('the comparison sees what is lost, half, doubled or out of order', async () => {
  const dbPath = join(folder, 'x.db');
  const session = new SQLiteSession('s0', { dbPath });
  await session.addItems([...itemsOf(['p', 2, 0]), ...itemsOf(['p', 1, 0]), ...itemsOf(['q', 1, 0])]);
  await session.popItem();
  await session.close();
  expect(await inspectStore(dbPath, 1, [['p', 3, 0]])).toEqual([
    's0: p 1 comes after 2',
    's0: "q 1 first" is followed by "undefined"',
    'lost: 0 p 3',
  ]);
});
