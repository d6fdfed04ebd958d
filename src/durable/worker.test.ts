import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  type AnyAgent,
  type EventLog,
  type Recovered,
  type RecoverOptions,
  run,
  type RunInfo,
  RunStore,
  runWorker,
  tool,
  type WorkerEvent,
} from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { booking, call, done } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

/** Something that happens when the test says so. */
function gate(): { open: () => void; passed: Promise<void> } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

/** A worker that is watched until it is told to end. */
function working(store: RunStore, options: { limit?: number } = {}) {
  const events: WorkerEvent[] = [];
  const end = new AbortController();
  const ended = runWorker(store, {
    everyMs: 20,
    signal: end.signal,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const saw = (type: WorkerEvent['type'], times = 1): Promise<void> =>
    expect.poll(() => events.filter((event) => event.type === type).length, { timeout: 20_000 }).toBe(times);
  return { events, saw, end: async (): Promise<void> => (end.abort(), ended) };
}

/** Runs that wait for an approval which is there, so that anybody may go on with them. */
async function answered(log: EventLog, agent: AnyAgent, runIds: string[]): Promise<void> {
  const store = new RunStore({ log, agents: [agent] });
  for (const runId of runIds) {
    await run(agent, 'Book.', { durable: { store, runId } });
    await store.approve(runId, 'c1');
  }
}

/** The agent with a tool that waits, and under which keys it was begun. */
function waitingFor(until: Promise<void>, agent: AnyAgent): { waiting: AnyAgent; under: string[] } {
  const under: string[] = [];
  const book = tool({
    name: 'book',
    description: 'Books a flight.',
    parameters: z.object({ flight: z.string() }),
    effect: 'once',
    needsApproval: true,
    execute: async (_, __, details) => {
      under.push(details?.idempotencyKey ?? '');
      await until;
      return 'ok';
    },
  });
  const waiting = (agent as Agent).clone({ tools: [book], toolUseBehavior: 'stop_on_first_tool' });
  return { waiting: waiting as unknown as AnyAgent, under };
}

/** The same object with other members. */
const changed = <T extends object>(of: T, members: Partial<T>): T =>
  new Proxy(of, {
    get(target, key) {
      if (key in members) return Reflect.get(members, key) as unknown;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

describe.each(kinds)('workers on a log in %s', { timeout: 60_000 }, (kind) => {
  const open = logOf(kind);

  test('a run that takes long keeps no other one waiting, and no more are taken than the limit says', async () => {
    const log = open();
    const slow = gate();
    const { agent } = booking(
      Array.from({ length: 3 }, () => call),
      { needsApproval: true },
    );
    await answered(log, agent, ['r1', 'r2', 'r3']);
    const { waiting, under } = waitingFor(slow.passed, agent);
    const store = new RunStore({ log, agents: [waiting] });
    const worker = working(store, { limit: 2 });
    await worker.saw('taken', 2);
    await expect.poll(() => under, { timeout: 20_000 }).toHaveLength(2);
    // The oldest first.
    expect(under.toSorted()).toEqual(['r1/m1/c0', 'r2/m1/c0']);
    slow.open();
    await worker.saw('rested', 3);
    await worker.end();
    expect(under).toHaveLength(3);
    expect(worker.events.filter(({ type }) => type === 'refused' || type === 'trouble')).toEqual([]);
  });

  test('a log that is slow to give a run leads to no more runs than the limit says', async () => {
    const log = open();
    const { agent } = booking(
      Array.from({ length: 3 }, () => call),
      { needsApproval: true },
    );
    await answered(log, agent, ['r1', 'r2', 'r3']);
    const [slow, busy] = [gate(), gate()];
    const leases = changed(log.leases, {
      async claim(runId, claim) {
        if (runId === 'r2') await slow.passed;
        return log.leases.claim(runId, claim);
      },
    });
    const { waiting } = waitingFor(busy.passed, agent);
    const worker = working(new RunStore({ log: changed(log, { leases }), agents: [waiting] }), { limit: 2 });
    await worker.saw('taken');
    // Time for some looks more.
    await sleep(200);
    slow.open();
    await worker.saw('taken', 2);
    busy.open();
    await worker.saw('rested', 3);
    await worker.end();
  });

  test('a run that cannot be taken up is told once, and is left to whoever can', async () => {
    const log = open();
    const { agent } = booking([call], { needsApproval: true });
    await answered(log, agent, ['r1']);
    const stranger = working(new RunStore({ log, agents: [] }));
    await stranger.saw('refused');
    expect(stranger.events).toMatchObject([{ runId: 'r1', error: { code: 'durable/no-agent' } }]);
    (agent as Agent).model = new ScriptedModel([done]);
    const knows = working(new RunStore({ log, agents: [agent] }));
    await knows.saw('rested');
    await Promise.all([stranger.end(), knows.end()]);
    expect(stranger.events).toHaveLength(1);
  });

  test('two looks at once take a run once', async () => {
    const log = open();
    const { agent, booked } = booking([call], { needsApproval: true });
    await answered(log, agent, ['r1']);
    (agent as Agent).model = new ScriptedModel([done]);
    const store = new RunStore({ log, agents: [agent] });
    const other = new RunStore({ log, agents: [agent] });
    const all = await Promise.all([store.recover(), store.recover(), other.recover()]);
    expect(all.flat()).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(booked).toEqual(['LH1']);
  });

  test('a run that was taken up in vain is free for others at once', async () => {
    const log = open();
    const { agent } = booking([call], { needsApproval: true });
    await answered(log, agent, ['r1']);
    const store = new RunStore({ log, agents: [agent] });
    await expect(store.resume('r1', { maxTurns: -1 })).rejects.toThrow(/maxTurns/);
    expect((await log.read('r1'))?.info.lease).not.toHaveProperty('owner');
    await expect(
      store.fork('r1', {
        runId: 'r2',
        edit: () => {
          throw new Error('No.');
        },
      }),
    ).rejects.toThrow('No.');
    // Nor is half a copy left that somebody would go on with.
    expect(await log.read('r2')).toBeUndefined();
    expect(await store.drain()).toEqual([]);
  });

  test('a store that leaves at the next commit waits for all that is under way, in sub-agents too', async () => {
    const log = open();
    const [quick, slow, inside] = [gate(), gate(), gate()];
    const calls: string[] = [];
    const waitFor = (name: string, until: Promise<void>) =>
      tool({
        name,
        description: 'Waits.',
        parameters: z.object({}),
        effect: 'once',
        execute: async () => {
          calls.push(name);
          await until;
          return name;
        },
      });
    const sub = new Agent({
      name: 'Sub',
      model: new ScriptedModel([[functionCall('inside', {}, { callId: 's1' })], [assistantMessage('Sub is done.')]]),
      tools: [waitFor('inside', inside.passed)],
    });
    const agent = new Agent({
      name: 'Desk',
      model: new ScriptedModel([
        [
          functionCall('quick', {}, { callId: 'c1' }),
          functionCall('slow', {}, { callId: 'c2' }),
          functionCall('ask_sub', { input: 'go' }, { callId: 'c3' }),
        ],
        done,
      ]),
      tools: [
        waitFor('quick', quick.passed),
        waitFor('slow', slow.passed),
        sub.asTool({ toolName: 'ask_sub', toolDescription: 'Asks.' }),
      ],
    }) as unknown as AnyAgent;
    const store = new RunStore({ log, agents: [agent] });
    const ended = expect(run(agent, 'Go.', { durable: { store, runId: 'r1' } })).rejects.toMatchObject({
      code: 'durable/closed',
    });
    await expect.poll(() => calls, { timeout: 20_000 }).toHaveLength(3);
    const drained = store.drain({ until: 'commit', timeoutMs: 60_000 });
    quick.open();
    slow.open();
    inside.open();
    expect(await drained).toEqual(['r1']);
    await ended;
    // What began is in the log; nothing is in doubt, and anybody may go on.
    const next = new RunStore({ log, agents: [agent] });
    const [taken] = await next.recover();
    expect(taken).toEqual({ runId: 'r1', outcome: { status: 'finished' } });
    expect(calls.toSorted()).toEqual(['inside', 'quick', 'slow']);
    expect((await next.replay('r1')).status).toBe('finished');
  });
});

test('runs behind a page of others are not left for ever', { timeout: 60_000 }, async () => {
  const { memoryLog } = await import('../index.ts');
  const log = memoryLog();
  const create = (runId: string, worker: string) => {
    const event = { type: 'run.started', runId, agent: 'Desk', input: 'hi', maxTurns: null };
    return log.append({ runId, position: 0, fence: 0, create: { agent: 'Desk', worker }, events: [event] });
  };
  await create('lost', 'dead');
  await log.leases.beat('alive');
  for (let n = 0; n < 450; n++) await create(`r${n}`, 'alive');
  const { agent } = booking([done]);
  const store = new RunStore({ log, agents: [agent] });
  expect(await store.recover({ limit: 1 })).toEqual([{ runId: 'lost', outcome: { status: 'finished' } }]);
});

test('options out of range are refused', async () => {
  const store = { recover: async () => [] };
  await expect(runWorker(store, { everyMs: 1 })).rejects.toThrow(/everyMs is 1/);
  await expect(runWorker(store, { limit: 0 })).rejects.toThrow(/limit is 0/);
});

test('a store in trouble is told once, and looked at again', async () => {
  let looks = 0;
  const store = {
    recover: async () => {
      looks += 1;
      throw new Error('The database is away.');
    },
  };
  const events: WorkerEvent[] = [];
  const end = new AbortController();
  const ended = runWorker(store, { everyMs: 10, signal: end.signal, onEvent: (event) => events.push(event) });
  await expect.poll(() => looks, { timeout: 20_000 }).toBeGreaterThan(3);
  end.abort();
  await ended;
  expect(events).toMatchObject([{ type: 'trouble', error: { message: 'The database is away.' } }]);
});

test('a worker has one look under way at a time, also where an earlier one ends late', async () => {
  const info = (runId: string): RunInfo => ({
    runId,
    agent: 'A',
    status: 'running',
    head: 1,
    posted: 0,
    consumed: 0,
    bytes: 0,
    createdAt: 0,
    updatedAt: 0,
    lease: { fence: 1 },
  });
  const slow = gate();
  const rested = gate();
  const looks: string[] = [];
  const store = {
    recover: async ({ onTaken, onLooked }: RecoverOptions = {}): Promise<Recovered[]> => {
      looks.push(`look ${looks.length + 1}`);
      if (looks.length > 1) return slow.passed.then(() => []);
      onTaken?.(info('r1'));
      onLooked?.();
      await rested.passed;
      return [];
    },
  };
  const end = new AbortController();
  const working = runWorker(store, { everyMs: 10, signal: end.signal });
  await expect.poll(() => looks.length).toBe(2);
  // The first look ended before its run did; the second one is under way.
  rested.open();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(looks).toEqual(['look 1', 'look 2']);
  slow.open();
  end.abort();
  await working;
});
