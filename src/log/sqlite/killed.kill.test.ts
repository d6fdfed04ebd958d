import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoreBlocked } from '../errors.ts';
import { kill, killInTurns, progress, takeOver } from '../killed.fixture.ts';
import type { EventLog } from '../types.ts';
import type { Line } from '../appender.fixture.ts';
import { startAppender } from '../processes.fixture.ts';
import { sqliteLog } from './sqlite-log.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-log-killed-'));
  path = join(folder, 'x.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('processes killed while they append, and while they take runs over, leave what they acknowledged and no more', async () => {
  expect(await killInTurns({ path }, 40)).toEqual([]);
  const db = new DatabaseSync(path);
  expect(db.prepare('PRAGMA integrity_check').get()).toMatchObject({ integrity_check: 'ok' });
  db.close();
});

/** What a process finds that would write now. */
async function probe(log: EventLog): Promise<unknown> {
  return log.leases.beat('probe').then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('a process stopped beyond its lease is fenced when it goes on; stopped inside a commit, it is named to who waits', async () => {
  const log = sqliteLog({ path, timeoutMs: 400 });
  const [runId, acknowledged] = ['r', [] as Line[]];
  const found = { inside: 0, outside: 0 };
  for (let round = 0; round < 60 && (round < 20 || found.inside === 0 || found.outside === 0); round++) {
    const zombie = startAppender({ path, name: `z${round}`, runs: [runId], beatMs: 20, stopsAtError: true });
    await progress(zombie, 1);
    await sleep(Math.random() * 20);
    zombie.child.kill('SIGSTOP');
    const blocked = await probe(log);
    if (blocked === undefined) {
      found.outside += 1;
      const fence = await takeOver(log, runId, 100);
      const head = (await log.read(runId))?.info.head ?? 0;
      zombie.child.kill('SIGCONT');
      // It takes the run again as soon as it is fenced; until then nothing of it may be in the log.
      await log.append({ runId, position: head, fence, events: [{ type: 'heir' }, { type: 'heir' }] }).catch(() => 0);
    } else {
      found.inside += 1;
      expect(blocked).toBeInstanceOf(StoreBlocked);
      expect(blocked).toMatchObject({ code: 'log/busy', blockedBy: zombie.child.pid });
      zombie.child.kill('SIGCONT');
      expect(await probe(log)).toBeUndefined();
    }
    await kill(zombie);
    acknowledged.push(...zombie.acknowledged);
  }
  const run = await log.read(runId);
  const fences =
    run?.events.flatMap(({ event }) => (event.type === 'heir' ? [] : Number(event.type.split(' ')[3]))) ?? [];
  expect(fences).toEqual(fences.toSorted((a, b) => a - b));
  for (const [, position, name, n, fence] of acknowledged) {
    expect(run?.events[position]?.event.type).toBe(`${name} ${n} first ${fence}`);
  }
  await log.close();
  expect(found.outside).toBeGreaterThan(0);
  expect(found.inside).toBeGreaterThan(0);
  process.stdout.write(`stopped inside a commit ${found.inside} times, outside ${found.outside} times\n`);
});
