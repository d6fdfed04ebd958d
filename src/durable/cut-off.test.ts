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

test('an erasure that fails leaves the runs to others', async () => {
  const log = memoryLog();
  const { agent } = booking([call, done], { needsApproval: true });
  await run(agent, 'Go.', { durable: { store: new RunStore({ log }), runId: 'r1' } });
  const down = { name: 'down', erase: () => Promise.reject(new Error('is down')), close: async () => undefined };
  await expect(new RunStore({ log, places: [down] }).erase({ runId: 'r1' })).rejects.toThrow('is down');
  expect((await log.read('r1'))?.info.lease.owner).toBe(undefined);
});
