import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Agent,
  type AgentInputItem,
  type AnyAgent,
  BranchedSession,
  type EventLog,
  MemorySession,
  memoryLog,
  run,
  RunStore,
  SQLiteSession,
  sqliteLog,
} from '../index.ts';
import { modelResponder, ScriptedModel } from '../testing/index.ts';
import { booking, call, done } from './booking.fixture.ts';

let dir = '';
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'baton-fork-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const PRIOR: AgentInputItem[] = [
  { type: 'message', role: 'user', content: 'I am Ada.' },
  { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Hello.' }] },
];

/** Books once after each question: what it says follows from what it is shown. */
function desk(options: object = {}): { agent: AnyAgent; booked: string[] } {
  const { agent, booked } = booking([], { effect: 'idempotent', ...options });
  const reply = modelResponder(({ request: { input } }) => {
    const items = Array.isArray(input) ? input : [];
    const since = items.slice(items.findLastIndex((item) => 'role' in item && item.role === 'user'));
    return since.some(({ type }) => type === 'function_call_result') ? done : call;
  });
  (agent as Agent).model = new ScriptedModel(Array.from({ length: 40 }, () => reply));
  return { agent, booked };
}

const kindsOf = (items: readonly AgentInputItem[]): string[] =>
  items.map((item) => ('role' in item ? item.role : (item.type ?? '')));

describe.each(['memory', 'sqlite'] as const)('copies on branches of a session in %s', { timeout: 60_000 }, (kind) => {
  const opened: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
  });
  const openSession = (): BranchedSession => {
    const dbPath = join(dir, 'sessions.db');
    const session = new BranchedSession('s', {
      open: (sessionId) =>
        kind === 'memory'
          ? new MemorySession({ sessionId })
          : new SQLiteSession(sessionId, { dbPath, synchronous: 'normal' }),
    });
    opened.push(session);
    return session;
  };
  const openLog = (): EventLog => {
    const log = kind === 'memory' ? memoryLog() : sqliteLog({ path: join(dir, 'log.db'), synchronous: 'normal' });
    opened.push(log);
    return log;
  };

  test('wherever a copy begins, its branch ends as the original session, which stays as it was', async () => {
    const log = openLog();
    const session = openSession();
    await session.addItems(PRIOR);
    const { agent } = desk({ needsApproval: true });
    const store = new RunStore({ log, agents: [agent], resumeOptions: () => ({ session }) });
    // It saves when it waits and at its end.
    await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    await store.resume('r1');
    await run(agent, 'And again.', { session });
    const whole = await session.getItems();
    expect(kindsOf(whole)).toHaveLength(PRIOR.length + 6);
    const { head } = (await log.read('r1'))?.info ?? { head: 0 };
    const ended = new Set<string>();
    for (let at = 2; at <= head; at++) {
      const copy = `copy${at}`;
      const waiting = await store.fork('r1', { at, runId: copy, once: 'run' });
      if (waiting.interruptions.length > 0) {
        await store.approve(copy, 'c1');
        await store.resume(copy);
      }
      const branch = await session.onBranch(copy).getItems();
      expect([copy, kindsOf(branch)]).toEqual([copy, kindsOf(whole).slice(0, PRIOR.length + 4)]);
      expect((await store.replay(copy, { options: { session } })).status).toBe('finished');
      ended.add(JSON.stringify((await log.read(copy))?.events.find(({ event }) => event.type === 'run.forked')?.event));
    }
    expect(ended.size).toBeGreaterThan(4);
    expect(await session.getItems()).toEqual(whole);
    const tree = await session.getBranches();
    expect(tree).toMatchObject({ name: 'main', isCurrent: true });
    expect(tree.children.map(({ forkAt }) => forkAt).toSorted((a, b) => a - b)).toEqual(
      expect.arrayContaining([PRIOR.length, PRIOR.length + 2]),
    );
  });

  test('a copy of a run that waits does not wait for its turn, and goes on on its branch wherever it is taken up', async () => {
    const log = openLog();
    const session = openSession();
    const { agent } = desk({ needsApproval: true });
    const store = new RunStore({ log, agents: [agent], resumeOptions: () => ({ session }) });
    await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
    const before = await session.getItems();
    const edit: NonNullable<Parameters<RunStore['fork']>[1]>['edit'] = (state) => state.addInput('And be quick.');
    const copy = await store.fork('r1', { runId: 'copy', edit });
    expect(copy.interruptions).toHaveLength(1);
    await store.approve('copy', 'c1');
    // Whoever takes it up gives the session as always.
    const session2 = kind === 'memory' ? session : openSession();
    const worker = new RunStore({ log, agents: [agent], resumeOptions: () => ({ session: session2 }) });
    // The input makes the model call again, under the same id: what was said of the first call says nothing of that.
    expect(await worker.recover()).toEqual([{ runId: 'copy', outcome: { status: 'paused' } }]);
    await store.approve('copy', 'c1');
    expect(await worker.recover()).toEqual([{ runId: 'copy', outcome: { status: 'finished' } }]);
    expect(await session.getItems()).toEqual(before);
    expect(kindsOf(await session.onBranch('copy').getItems())).toContain('function_call_result');
    // The original has its turn and its session for itself.
    await store.approve('r1', 'c1');
    await store.resume('r1');
    expect(kindsOf(await session.getItems())).toEqual(['user', 'function_call', 'function_call_result', 'assistant']);
    expect((await store.list({ session: 's' })).runs.map(({ runId }) => runId).toSorted()).toEqual(['copy', 'r1']);
  });

  test('a copy that cannot be edited leaves no branch, and one whose place is gone is refused', async () => {
    const session = openSession();
    const { agent } = desk({ needsApproval: true });
    const store = new RunStore({ log: openLog(), agents: [agent], resumeOptions: () => ({ session }) });
    await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    await store.resume('r1');
    const edit = (): void => {
      throw new Error('No.');
    };
    await expect(store.fork('r1', { runId: 'copy', edit })).rejects.toThrow('No.');
    expect((await session.getBranches()).children).toEqual([]);
    await session.clearSession();
    await session.addItems(PRIOR);
    await expect(store.fork('r1')).rejects.toMatchObject({
      code: 'durable/no-fork-point',
      message: expect.stringMatching(/Session "s" does not hold what run r1 left there.*\{ session \}/) as string,
    });
    const own = new MemorySession();
    expect((await store.fork('r1', { runId: 'own', session: own, once: 'run' })).state.status).toBe('finished');
    expect(await own.getItems()).not.toHaveLength(0);
  });
});

test('on a session without branches a copy says what it says after the original', async () => {
  const session = new MemorySession();
  const { agent } = desk();
  const store = new RunStore({ log: memoryLog(), agents: [agent], resumeOptions: () => ({ session }) });
  await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
  const copy = await store.fork('r1', { at: 4, once: 'run' });
  expect(copy.finalOutput).toBe('Done.');
  expect(kindsOf(await session.getItems())).toHaveLength(8);
});
