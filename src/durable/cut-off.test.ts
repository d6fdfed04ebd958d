/** A worker that stands still, or is cut off, at a call of its log; what others do meanwhile. */
import { expect, test, vi } from 'vitest';
import { type AnyAgent, Agent, type EventLog, memoryLog, MemorySession, run, RunStore } from '../index.ts';
import type { Commit } from '../log/index.ts';
import { portOf } from '../log/port.fixture.ts';
import { functionCall, ScriptedModel } from '../testing/index.ts';
import { booking, call, done } from './booking.fixture.ts';

/** A log in which something happens once, before a commit or after it. */
function atCommit(log: EventLog, isTime: (commit: Commit) => boolean, { before, after }: Meanwhile): EventLog {
  let isFirst = true;
  const append: EventLog['append'] = async (commit) => {
    const isNow = isFirst && isTime(commit);
    if (isNow) isFirst = false;
    if (isNow) await before?.();
    const committed = await log.append(commit);
    if (isNow) await after?.();
    return committed;
  };
  return { ...portOf(log), append };
}
type Meanwhile = { before?: () => Promise<unknown>; after?: () => Promise<unknown> };

const has = (type: string) => (commit: Commit) => commit.events.some((event) => event.type === type);

/** Desk books, or Head asks Desk, which books. */
function system(isNested: boolean): { agent: AnyAgent; booked: string[] } {
  const { agent, booked } = booking([call, done]);
  if (!isNested) return { agent, booked };
  const ask = (agent as Agent).asTool({ toolName: 'ask', toolDescription: 'Asks.' });
  const steps = [[functionCall('ask', { input: 'x' }, { callId: 'a1' })], done];
  return { agent: new Agent({ name: 'Head', model: new ScriptedModel(steps), tools: [ask] }) as never, booked };
}

test.each([
  ['in a run', false],
  ["in a sub-agent's run", true],
])(
  'a worker that was cut off before a call tells no model that the call failed; the run goes on: %s',
  async (_, isNested) => {
    const log = memoryLog();
    const now = performance.now.bind(performance);
    let cutOffMs = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + cutOffMs);
    try {
      const { agent, booked } = system(isNested);
      const other = new Agent({ name: 'Other', model: new ScriptedModel([done]) });
      const isTime = (commit: Commit): boolean =>
        has('model.replied')(commit) && commit.runId.includes('/') === isNested;
      const port = atCommit(log, isTime, {
        after: async () => {
          cutOffMs = 60_000;
          // Its sign of life comes through first.
          await run(other, 'Go.', { durable: { store, runId: 'r2' } });
        },
      });
      const store: RunStore = new RunStore({ log: port, agents: [agent], worker: 'w', leaseMs: 15_000 });
      const running = run(agent, 'Go.', { durable: { store, runId: 'r1' } });
      await expect(running).rejects.toMatchObject({ code: 'durable/lease-lost', runId: 'r1' });
      expect(booked).toEqual([]);
      expect((await store.resume('r1')).finalOutput).toBe('Done.');
      expect(booked).toEqual(['LH1']);
    } finally {
      clock.mockRestore();
    }
  },
);

test("a commit of a sub-agent's run that the log refuses is no answer of the call: the run stays where it was", async () => {
  const log = memoryLog();
  const { agent, booked } = system(true);
  const port = atCommit(log, (commit) => has('tool.returned')(commit) && commit.runId.includes('/'), {
    before: () => Promise.reject(new Error('no connection')),
  });
  const store = new RunStore({ log: port, agents: [agent], worker: 'w' });
  await expect(run(agent, 'Go.', { durable: { store, runId: 'r1' } })).rejects.toThrow('no connection');
  await expect.poll(async () => (await log.read('r1'))?.info.lease.owner).toBe(undefined);
  // What the tool did is not known: a person says so.
  expect((await store.resume('r1')).interruptions).toHaveLength(1);
  await store.confirm('r1', 'c1', 'booked LH1');
  expect((await store.resume('r1')).finalOutput).toBe('Done.');
  expect(booked).toEqual(['LH1']);
});

test('a copy of a run that is erased while the copy is made takes itself back', async () => {
  const log = memoryLog();
  const { agent } = system(false);
  await run(agent, 'Secret.', { durable: { store: new RunStore({ log }), runId: 'r1' } });
  const office = new RunStore({ log });
  const port = atCommit(log, ({ create }) => create?.forkOf === 'r1', { before: () => office.erase({ runId: 'r1' }) });
  const store = new RunStore({ log: port, agents: [agent] });
  await expect(store.fork('r1')).rejects.toMatchObject({ code: 'durable/unknown-run', runId: 'r1' });
  expect((await log.list()).runs).toEqual([]);
});

test('a copy that could not be taken is none: nobody goes on with it without its edit', async () => {
  const log = memoryLog();
  const { agent } = system(false);
  await run(agent, 'Go.', { durable: { store: new RunStore({ log }), runId: 'r1' } });
  const claim: EventLog['leases']['claim'] = () => Promise.reject(new Error('no connection'));
  const leases = { claim, beat: log.leases.beat };
  const store = new RunStore({ log: { ...portOf(log), leases }, agents: [agent] });
  const copying = store.fork('r1', { edit: (state) => state.addInput('Book nothing.') });
  await expect(copying).rejects.toThrow('no connection');
  expect((await store.list()).runs.map(({ runId }) => runId)).toEqual(['r1']);
});

test('a turn whose grant was not heard of ends with the run that asked for it', async () => {
  const session = new MemorySession();
  const { takeTurn } = session;
  session.takeTurn = async (request) => {
    await takeTurn.call(session, request);
    throw new Error('no connection');
  };
  const durable = { store: new RunStore({ log: memoryLog() }), runId: 'r1' };
  await expect(run(system(false).agent, 'Go.', { session, durable })).rejects.toThrow('no connection');
  expect(await session.turnHolder()).toBe(undefined);
});

test.each(['erased', 'ended'])('a run that was %s elsewhere keeps no turn that its worker took late', async (how) => {
  const log = memoryLog();
  const session = new MemorySession();
  const { agent } = booking([call, done], { needsApproval: true });
  await run(agent, 'Go.', { session, durable: { store: new RunStore({ log }), runId: 'r1' } });
  const office = new RunStore({ log, agents: [agent], worker: 'w' });
  await office.approve('r1', 'c1');
  const late = Object.create(session) as MemorySession;
  for (const name of ['getSessionId', 'getItems', 'addItems', 'applyHistoryTransaction'] as const) {
    late[name] = session[name].bind(session) as never;
  }
  late.takeTurn = async (request) => {
    if (how === 'ended') await office.resume('r1', { session });
    else await office.erase({ runId: 'r1' });
    await session.endTurn('r1');
    return session.takeTurn(request);
  };
  const store = new RunStore({ log, agents: [agent], worker: 'w' });
  await expect(store.resume('r1', { session: late })).rejects.toMatchObject({
    code: how === 'ended' ? 'log/fenced' : 'log/unknown-run',
  });
  expect(await session.turnHolder()).toBe(undefined);
});

test('a worker that stood still as it took the turn of a run keeps none of one that ended meanwhile', async () => {
  const log = memoryLog();
  const now = performance.now.bind(performance);
  let standsStillMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + standsStillMs);
  try {
    const session = new MemorySession();
    const { agent } = booking([call, done], { needsApproval: true });
    await run(agent, 'Go.', { session, durable: { store: new RunStore({ log }), runId: 'r1' } });
    const office = new RunStore({ log, agents: [agent], worker: 'w' });
    await office.approve('r1', 'c1');
    const { takeTurn } = session;
    session.takeTurn = async (request) => {
      session.takeTurn = takeTurn;
      standsStillMs = 60_000;
      await office.resume('r1', { session });
      standsStillMs = 120_000;
      return takeTurn.call(session, request);
    };
    const store = new RunStore({ log, agents: [agent], worker: 'w', resumeOptions: () => ({ session }) });
    expect(await store.recover()).toMatchObject([{ outcome: { error: { code: 'durable/lease-lost' } } }]);
    expect([(await log.read('r1'))?.info.status, await session.turnHolder()]).toEqual(['finished', undefined]);
  } finally {
    clock.mockRestore();
  }
});

test('an erasure that fails leaves the runs to others', async () => {
  const log = memoryLog();
  const { agent } = booking([call, done], { needsApproval: true });
  await run(agent, 'Go.', { durable: { store: new RunStore({ log }), runId: 'r1' } });
  const down = { name: 'down', erase: () => Promise.reject(new Error('is down')), close: async () => undefined };
  await expect(new RunStore({ log, places: [down] }).erase({ runId: 'r1' })).rejects.toThrow('is down');
  expect((await log.read('r1'))?.info.lease.owner).toBe(undefined);
});

test('what was said in a run that was taken from a worker that stood still while it erased it is erased too', async () => {
  const log = memoryLog();
  const now = performance.now.bind(performance);
  let standsStillMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + standsStillMs);
  try {
    const session = new MemorySession({ sessionId: 's' });
    const erase = async ({ sessions }: { sessions: readonly string[] }): Promise<number> => {
      await session.endTurn('r1');
      await session.clearSession();
      return sessions.length;
    };
    const place = { name: 'sessions', erase, close: async () => undefined };
    const { agent } = booking([call, done], { needsApproval: true });
    await run(agent, 'Go.', { session, durable: { store: new RunStore({ log }), runId: 'r1' } });
    const office = new RunStore({ log, agents: [agent] });
    await office.approve('r1', 'c1');
    const remove: EventLog['remove'] = async (query) => {
      standsStillMs = 60_000;
      await log.leases.beat('slow', { leave: true });
      await office.resume('r1', { session });
      expect(await session.getItems()).not.toEqual([]);
      return log.remove(query);
    };
    const port = { ...portOf(log), remove };
    const store = new RunStore({ log: port, worker: 'slow', places: [place], leaseMs: 15_000 });
    expect((await store.erase({ sessionId: 's' })).runs).toBe(1);
    expect(await session.getItems()).toEqual([]);
  } finally {
    clock.mockRestore();
  }
});

test('an erasure names the runs of sub-agents that began until their run was stopped', async () => {
  const log = memoryLog();
  const { agent } = system(true);
  const named: string[] = [];
  const erase = async ({ runs }: { runs: readonly string[] }): Promise<number> => named.push(...runs);
  const places = [{ name: 'traces', erase, close: async () => undefined }];
  let erased: Promise<unknown> = Promise.resolve();
  let isListed = (): void => undefined;
  const list: EventLog['list'] = async (query) => {
    const page = await log.list(query);
    isListed();
    return page;
  };
  const office = new RunStore({ log: { ...portOf(log), list }, places, leaseMs: 2000 });
  const port = atCommit(log, has('model.replied'), {
    before: async () => {
      const listed = new Promise<void>((resolve) => (isListed = resolve));
      erased = office.erase({ runId: 'r1' }, { cancel: true });
      await listed;
    },
  });
  const store = new RunStore({ log: port, agents: [agent] });
  await run(agent, 'Go.', { durable: { store, runId: 'r1' } }).catch(() => undefined);
  await erased;
  expect(named).toContain('r1/m1/c0');
});
