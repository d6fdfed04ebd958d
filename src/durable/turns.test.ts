import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Agent,
  type AnyAgent,
  type EventLog,
  run,
  RunStore,
  SessionBusy,
  SQLiteSession,
  sqliteLog,
} from '../index.ts';
import { modelResponder, ScriptedModel } from '../testing/index.ts';
import { booking, call, cutOff, done, recovered } from './booking.fixture.ts';

let dir = '';
let closing: { close(): Promise<unknown> }[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-durable-turns-'));
  closing = [];
});
afterEach(async () => {
  for (const each of closing) await each.close().catch(() => undefined);
  rmSync(dir, { recursive: true, force: true });
});

const later = <T extends { close(): Promise<unknown> }>(opened: T): T => {
  closing.push(opened);
  return opened;
};
const openLog = (file = 'one.db'): EventLog => later(sqliteLog({ path: join(dir, file), synchronous: 'normal' }));
const openSession = (): SQLiteSession =>
  later(new SQLiteSession('s', { dbPath: join(dir, 'one.db'), synchronous: 'normal' }));

/** A log whose commits are observed, and cut where the test says so: the process dies there. */
function cutting(log: EventLog, cut: (types: string[], when: 'before' | 'after') => boolean): EventLog {
  let isDead = false;
  const die = (): never => {
    isDead = true;
    throw new Error('killed');
  };
  return {
    store: log.store,
    leases: log.leases,
    append: async (commit) => {
      const types = commit.events.map(({ type }) => type);
      if (isDead || cut(types, 'before')) die();
      const committed = await log.append(commit);
      if (cut(types, 'after')) die();
      return committed;
    },
    read: (...args) => log.read(...args),
    list: (...args) => log.list(...args),
    post: (...args) => log.post(...args),
    watch: (...args) => log.watch(...args),
    remove: (...args) => log.remove(...args),
    close: async () => undefined,
  };
}

/** What the file says, whoever has it open: how many items the session has, and who has the turn. */
function onDisk(): { items: number; holder: string | undefined } {
  const db = new DatabaseSync(join(dir, 'one.db'), { timeout: 5000 });
  const items = Number(db.prepare('SELECT count(*) AS n FROM baton_session_items').get()?.['n']);
  const line = db.prepare('SELECT line FROM baton_session_turns').get()?.['line'];
  db.close();
  const { holder } = JSON.parse(typeof line === 'string' ? line : '{}') as { holder?: { runId: string } };
  return { items, holder: holder?.runId };
}

/** Books once, however often it is asked: what it says follows from what it is shown. */
function desk(): AnyAgent {
  const { agent } = booking([], { effect: 'idempotent' });
  const reply = modelResponder(({ request: { input } }) =>
    Array.isArray(input) && input.some(({ type }) => type === 'function_call_result') ? done : call,
  );
  (agent as Agent).model = new ScriptedModel(Array.from({ length: 10 }, () => reply));
  return agent;
}

/** A run whose process dies at a commit. Gives how many there were, or undefined where it was killed. */
async function live(runId: string, log: EventLog, kill: { at: number; when: string }): Promise<number | undefined> {
  let commits = -1;
  const cut = cutting(log, (_, now) => {
    if (now === 'before') commits++;
    return now === kill.when && commits === kill.at;
  });
  const store = new RunStore({ log: cut, worker: 'w' });
  try {
    await run(desk(), 'Book LH1.', { session: openSession(), durable: { store, runId } });
    return commits + 1;
  } catch {
    return undefined;
  }
}

test.each(['before', 'after'] as const)(
  'killed %s any commit, session and log of one file never say different things, and the run ends as if never killed',
  { timeout: 60_000 },
  async (when) => {
    const log = openLog();
    const session = openSession();
    const commits = (await live('whole', log, { at: -1, when })) ?? 0;
    expect(commits).toBeGreaterThan(3);
    const boundaries = new Set<string>();
    for (let at = 0; at < commits; at++) {
      await session.clearSession();
      const runId = `r${at}`;
      await live(runId, log, { at, when });
      const { items, holder } = onDisk();
      const logged = await log.read(runId);
      const types = logged?.events.map(({ event }) => event.type) ?? [];
      // Neither half alone: the items of the save, the end of the turn.
      const where = `killed ${when} commit ${at}, after ${types.at(-1) ?? 'nothing'}`;
      expect([where, items > 0]).toEqual([where, types.includes('session.saved')]);
      if (types.includes('run.finished')) expect([where, holder]).toEqual([where, undefined]);
      else if (types.includes('session.loaded')) expect([where, holder]).toEqual([where, runId]);
      boundaries.add(`${items > 0} ${holder !== undefined}`);
      if (!logged) continue;
      const options = { worker: 'w', resumeOptions: () => ({ session: openSession() }) };
      await new RunStore({ log, agents: [desk()], ...options }).resume(runId);
      expect([where, onDisk().holder]).toEqual([where, undefined]);
      const kinds = (await session.getItems()).map(({ type }) => type);
      expect(kinds).toEqual(['message', 'function_call', 'function_call_result', 'message']);
    }
    // The kills were on both sides of what commits together.
    expect(boundaries.size).toBeGreaterThan(1);
  },
);

test('a durable run that waits for a person holds the turn in every process, and says for what', async () => {
  const { agent } = booking([call, done], { needsApproval: true });
  const log = openLog();
  const store = new RunStore({ log, agents: [agent], resumeOptions: () => ({ session: openSession() }) });
  await run(agent, 'Book LH1.', { session: openSession(), durable: { store, runId: 'r1' } });
  const other = booking([done]);
  const options = { session: openSession(), sessionTurn: { onBusy: 'reject' as const } };
  const error = await run(other.agent, 'Hello', options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SessionBusy);
  expect(error).toMatchObject({ runId: 'r1', waitsFor: 'an approval of book (call c1)' });
  await store.approve('r1', 'c1');
  await recovered(store);
  expect((await store.list()).runs[0]?.status).toBe('finished');
  await run(other.agent, 'Hello', options);
});

test('a durable run whose call was cut off says that it waits for a word on what came of it', async () => {
  const log = openLog();
  const { agent } = await cutOff(log, 'r1', { session: openSession() });
  const store = new RunStore({ log, agents: [agent], resumeOptions: () => ({ session: openSession() }) });
  await recovered(store);
  const options = { session: openSession(), sessionTurn: { onBusy: 'reject' as const } };
  const error = await run(booking([done]).agent, 'Hello', options).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ runId: 'r1', waitsFor: 'a word on what came of book (call c1)' });
});

test('with onPause release another run may come between', async () => {
  const { agent } = booking([call, done], { needsApproval: true });
  const store = new RunStore({ log: openLog(), agents: [agent] });
  const session = openSession();
  const sessionTurn = { onPause: 'release' as const, onBusy: 'reject' as const };
  await run(agent, 'Book LH1.', { session, sessionTurn, durable: { store, runId: 'r1' } });
  await run(booking([done]).agent, 'Hello', { session, sessionTurn: { onBusy: 'reject' } });
  const turn = await session.takeTurn({ runId: 'elsewhere' });
  await store.approve('r1', 'c1');
  await expect(store.resume('r1', { session, sessionTurn })).rejects.toBeInstanceOf(SessionBusy);
  await turn.end();
  // The lease was given back at once, and the decision is still there.
  expect((await store.resume('r1', { session, sessionTurn })).finalOutput).toBe('Done.');
});

test('with the log in another file each item arrives once, and the turn is given back', async () => {
  const { agent } = booking([call, done]);
  const store = new RunStore({ log: openLog('log.db'), agents: [agent] });
  const session = openSession();
  await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
  expect(await session.getItems()).toHaveLength(4);
  await (await session.takeTurn({ runId: 'r2', onBusy: 'reject' })).end();
});

test('a durable run that waits for a person is interrupted, by going on with it to its end', async () => {
  const { agent } = booking([call], { needsApproval: true });
  const log = openLog();
  await run(agent, 'Book LH1.', {
    session: openSession(),
    durable: { store: new RunStore({ log, worker: 'w1' }), runId: 'r1' },
  });
  const store = new RunStore({ log, worker: 'w2' });
  const sessionTurn = { onBusy: 'interrupt' as const };
  // Who is not in the store cannot reach it, and is told why.
  const outside = run(booking([done]).agent, 'Hello', { session: openSession(), sessionTurn });
  await expect(outside).rejects.toMatchObject({ runId: 'r1', waitsFor: 'an approval of book (call c1)' });
  await expect(outside).rejects.toThrow('reached through its store only');
  const options = { session: openSession(), sessionTurn, durable: { store, runId: 'r2' } };
  const result = await run(booking([done]).agent, 'Hello', options);
  expect(result.finalOutput).toBe('Done.');
  const { runs } = await store.list();
  const statuses = Object.fromEntries(runs.map(({ runId, status }) => [runId, status]));
  expect(statuses).toEqual({ r1: 'cancelled', r2: 'finished' });
  const items = await openSession().getItems();
  expect(items.map(({ type }) => type)).toEqual([
    'message',
    'function_call',
    'function_call_result',
    'message',
    'message',
  ]);
  expect(onDisk().holder).toBeUndefined();
});

test('input that joins a durable run which waits for a person is seen when that goes on', async () => {
  const { agent, model } = booking([call, done], { needsApproval: true });
  const log = openLog();
  const session = openSession();
  const store = new RunStore({ log, agents: [agent] });
  await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
  const sessionTurn = { onBusy: 'merge' as const };
  const joined = await run(agent, 'And a seat.', { session, sessionTurn, durable: { store, runId: 'r2' } });
  expect(joined.interruptions.map(({ name }) => name)).toEqual(['book']);
  await store.approve('r1', 'c1');
  expect((await store.resume('r1', { session })).finalOutput).toBe('Done.');
  expect(model.lastCall?.request.input).toContainEqual(expect.objectContaining({ content: 'And a seat.' }));
  expect((await store.list()).runs).toHaveLength(1);
  expect(onDisk().holder).toBeUndefined();
});

test('a turn that a run left which is over is taken by who finds it so', async () => {
  const store = new RunStore({ log: openLog('log.db') });
  const session = openSession();
  await run(booking([done]).agent, 'Hello', { session, durable: { store, runId: 'r1' } });
  for (const onBusy of ['interrupt', 'merge'] as const) {
    await session.takeTurn({ runId: 'r1', durable: true });
    const result = await run(booking([done]).agent, 'Hello', { session, sessionTurn: { onBusy }, durable: { store } });
    expect(result.finalOutput).toBe('Done.');
  }
});
