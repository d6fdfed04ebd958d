/** What is over is removed by age, number and size; what is not over stays. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test, vi } from 'vitest';
import { BranchedSession, type EventLog, memoryLog, RunStore, SQLiteSession, sqliteSessions } from '../index.ts';

vi.setConfig({ testTimeout: 60_000 });

const folders: string[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs of about a kilobyte, the first the oldest; every third is under way. */
async function logOf(count: number): Promise<EventLog> {
  let time = Date.now() - count * 1000;
  const log = memoryLog({ now: () => time });
  for (let n = 0; n < count; n++, time += 1000) {
    const isOpen = n % 3 === 0;
    const create = { agent: 'A', worker: 'w' };
    const events = [{ type: 'run.started', text: 'x'.repeat(970) }];
    await log.append({ runId: `r${n}`, position: 0, fence: 0, create, events });
    const parent = { runId: `r${n}`, fence: 1 };
    await log.append({ runId: `r${n}/m1/c0`, position: 0, fence: 0, create: { ...create, parent }, events });
    if (isOpen) continue;
    await log.append({ runId: `r${n}`, position: 1, fence: 1, events: [], status: 'finished', release: true });
  }
  return log;
}
const left = async (log: EventLog): Promise<string[]> =>
  (await log.list({ parent: null, limit: 500 })).runs.map(({ runId }) => runId);

test('runs that are over go by their age, in chunks; those under way stay', async () => {
  const log = await logOf(210);
  const store = new RunStore({ log, retention: { maxAgeMs: 30_500 } });
  expect(await store.prune()).toEqual({ runs: 240, sessions: 0 });
  const ids = await left(log);
  expect(ids).toHaveLength(90);
  expect(ids).toContain('r0');
  expect(ids).not.toContain('r1');
  expect(ids.slice(0, 3)).toEqual(['r209', 'r208', 'r207']);
  expect(await store.prune()).toEqual({ runs: 0, sessions: 0 });
});

test('the newest stay, by number, and by the bytes of all their events, sub-agents included', async () => {
  const log = await logOf(9);
  const store = new RunStore({ log });
  expect((await store.prune({ maxRuns: 4 })).runs).toBe(6);
  expect(await left(log)).toEqual(['r8', 'r7', 'r6', 'r5', 'r3', 'r0']);
  const { runs } = await log.list({ limit: 500 });
  const each = runs[0]?.bytes ?? 0;
  // Two runs with their sub-agents.
  expect((await store.prune({ maxBytes: each * 4 + 1 })).runs).toBe(2);
  expect(await left(log)).toEqual(['r8', 'r7', 'r6', 'r3', 'r0']);
});

test('idle sessions go with their branches; one that is used, or in the turn of a run, stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-prune-'));
  folders.push(folder);
  const dbPath = join(folder, 'x.db');
  const open = (id: string) => new SQLiteSession(id, { dbPath });
  const say = { type: 'message' as const, role: 'user' as const, content: 'hi' };
  const opened = ['old', 'new', 'held', 'old main'].map(open);
  for (const session of opened) await session.addItems([say]);
  const branched = new BranchedSession('old main', { open });
  await branched.createBranch('b');
  await branched.addItems([say]);
  const turn = await opened[2]?.takeTurn({ runId: 'r1', durable: true });
  const db = new DatabaseSync(dbPath, { timeout: 5000 });
  db.exec("UPDATE baton_session_items SET saved_at = saved_at - 86400 WHERE session IN ('old', 'held', 'old main')");
  const places = [sqliteSessions({ dbPath })];
  const store = new RunStore({ log: memoryLog(), places, retention: { sessionIdleMs: 3_600_000 } });
  expect(await store.prune()).toEqual({ runs: 0, sessions: 1 });
  const ids = (): unknown[] =>
    db
      .prepare('SELECT session FROM baton_sessions ORDER BY session')
      .all()
      .map((row) => row['session']);
  expect(ids().slice(0, 3)).toEqual(['held', 'new', 'old main']);
  db.exec("UPDATE baton_session_items SET saved_at = saved_at - 86400 WHERE session LIKE 'old main%'");
  expect(await store.prune()).toEqual({ runs: 0, sessions: 3 });
  expect(ids()).toEqual(['held', 'new']);
  await turn?.end();
  db.close();
  for (const each of [...opened, branched, ...places]) await each.close();
});

test('a store prunes by itself, until it is drained; a limit that is none is refused', async () => {
  const log = await logOf(3);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const store = new RunStore({ log, retention: { maxRuns: 0, everyMs: 60_000 } });
  vi.advanceTimersByTime(60_000);
  await expect.poll(() => left(log), { timeout: 30_000 }).toEqual(['r0']);
  await store.drain();
  expect(vi.getTimerCount()).toBe(0);
  expect(() => new RunStore({ log, retention: { maxAgeMs: -1 } })).toThrow('retention.maxAgeMs is -1');
  await expect(store.prune({ maxRuns: Number.NaN })).rejects.toThrow('retention.maxRuns is NaN');
});
