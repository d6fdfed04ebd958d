import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Line } from './appender.fixture.ts';
import { inspectStore, startAppender } from './processes.fixture.ts';
import { SQLiteSession } from './sqlite-session.ts';

let folder: string;
let dbPath: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-killed-'));
  dbPath = join(folder, 'x.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('writers killed while they append leave what they acknowledged and no half append', async () => {
  const acknowledged: Line[] = [];
  let underWay = 0;
  for (let round = 0; round < 40; round++) {
    const [victim, survivor] = ['v', 'w'].map((name) =>
      startAppender({ dbPath, name: `${name}${round}`, appends: 100_000, sessions: 8, parallel: 8 }),
    );
    if (!victim || !survivor) throw new Error('two were started');
    // Killed at a random moment after the first appends, so mid-append nearly always.
    while (victim.acknowledged.length === 0 || survivor.acknowledged.length === 0) await sleep(1);
    await sleep(Math.random() * 30);
    victim.child.kill('SIGKILL');
    await victim.ended;
    const before = survivor.acknowledged.length;
    while (survivor.acknowledged.length < before + 20) await sleep(1);
    survivor.child.kill('SIGKILL');
    await survivor.ended;
    acknowledged.push(...victim.acknowledged, ...survivor.acknowledged);
    if (victim.acknowledged.length > 0) underWay += 1;
  }
  expect(underWay).toBe(40);
  expect(await inspectStore(dbPath, 8, acknowledged)).toEqual([]);
  const db = new DatabaseSync(dbPath);
  expect(db.prepare('PRAGMA integrity_check').get()).toMatchObject({ integrity_check: 'ok' });
  db.close();
  process.stdout.write(`${acknowledged.length} appends acknowledged before 80 kills\n`);
});

test('a process that is stopped inside a transaction is named to those who wait, and they go on when it is gone', async () => {
  const session = new SQLiteSession('s', { dbPath, timeoutMs: 300 });
  await session.addItems([{ type: 'message', role: 'user', content: 'before' }]);
  const hold = `const { DatabaseSync } = require('node:sqlite'); const db = new DatabaseSync(process.argv[1]);
    db.exec('BEGIN IMMEDIATE'); process.stdout.write('held'); setInterval(() => db, 1000);`;
  const holder = spawn(process.execPath, ['-e', hold, dbPath], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  holder.kill('SIGSTOP');
  const blocked = session.addItems([{ type: 'message', role: 'user', content: 'blocked' }]);
  await expect(blocked).rejects.toMatchObject({ code: 'session/busy', blockedBy: holder.pid });
  expect(await session.getItems()).toHaveLength(1);
  const ended = new Promise((resolve) => holder.once('exit', resolve));
  holder.kill('SIGKILL');
  await ended;
  await session.addItems([{ type: 'message', role: 'user', content: 'after' }]);
  expect(await session.getItems()).toHaveLength(2);
  await session.close();
});
