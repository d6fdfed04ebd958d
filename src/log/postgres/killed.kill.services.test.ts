/** Processes that share runs in PostgreSQL, are killed, or stopped beyond their lease. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Line } from '../appender.fixture.ts';
import { kill, killInTurns, progress, takeOver } from '../killed.fixture.ts';
import { inspectRuns, startAppender } from '../processes.fixture.ts';
import { postgresLog } from './postgres-log.ts';

const path = process.env['BATON_POSTGRES_URL'] ?? '';
const KILLS = Number(process.env['BATON_LOG_KILLS'] ?? 40);

describe.skipIf(path === '')('processes on PostgreSQL', () => {
  test('6 processes that take the same runs from each other lose nothing and commit nothing under an old fence', async () => {
    const tenant = `six-${crypto.randomUUID()}`;
    const runs = Array.from({ length: 4 }, (_, n) => `r/${n}`);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const appenders = names.map((name) => startAppender({ path, tenant, name, runs, commits: 60 }));
    const reports = await Promise.all(appenders.map(({ ended }) => ended));
    expect(reports.flatMap((report) => report?.errors ?? ['no report'])).toEqual([]);
    const acknowledged = appenders.flatMap((appender) => appender.acknowledged);
    expect(acknowledged.length).toBeGreaterThan(200);
    // Of several owners: leases did change hands.
    expect(Math.max(...acknowledged.map(([, , , , fence]) => fence))).toBeGreaterThan(2);
    expect(await inspectRuns(path, runs, acknowledged, tenant)).toEqual([]);
  });

  test('killed while they append, and while they take runs over, they leave what they acknowledged and no more', async () => {
    expect(await killInTurns({ path, tenant: `killed-${crypto.randomUUID()}` }, KILLS)).toEqual([]);
  });

  test('stopped beyond its lease, a process holds nobody up, and is fenced when it goes on', async () => {
    const tenant = `stopped-${crypto.randomUUID()}`;
    const log = postgresLog({ connectionString: path, tenant, timeoutMs: 5000 });
    const acknowledged: Line[] = [];
    for (let round = 0; round < 20; round++) {
      const zombie = startAppender({ path, tenant, name: `z${round}`, runs: ['r'], beatMs: 20, stopsAtError: true });
      await progress(zombie, 1);
      await sleep(Math.random() * 20);
      zombie.child.kill('SIGSTOP');
      const fence = await takeOver(log, 'r', 1_000_000);
      const head = (await log.read('r'))?.info.head ?? 0;
      const events = [{ type: 'heir' }, { type: 'heir' }];
      expect(await log.append({ runId: 'r', position: head, fence, events })).toMatchObject({ head: head + 2 });
      zombie.child.kill('SIGCONT');
      // It finds itself fenced, and takes the run anew.
      await progress(zombie, 1);
      await kill(zombie);
      acknowledged.push(...zombie.acknowledged);
    }
    const events = (await log.read('r'))?.events.map(({ event }) => event.type) ?? [];
    const fences = events.flatMap((type) => (type === 'heir' ? [] : Number(type.split(' ')[3])));
    expect(fences).toEqual(fences.toSorted((a, b) => a - b));
    for (const [, position, name, n, fence] of acknowledged) {
      expect(events[position]).toBe(`${name} ${n} first ${fence}`);
    }
    await log.close();
  });
});
