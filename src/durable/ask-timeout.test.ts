import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Agent, AlreadyDecided, type AnyAgent, type EventLog, memoryLog, run, RunStore, tool } from '../index.ts';
import { functionCall, ScriptedModel } from '../testing/index.ts';
import { booking, cutOff, done, recovered } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

const HOUR = 3_600_000;

/** A run that waits for a person to say what became of a call that a crash cut off. */
async function inDoubt(log: EventLog, runId: string, options: object): Promise<AnyAgent> {
  const made = await cutOff(log, runId, options);
  const store = new RunStore({ log, agents: [made.agent], leaseMs: 5000 });
  expect(await recovered(store)).toEqual([{ runId, outcome: { status: 'paused' } }]);
  return made.agent;
}

/** Moves the clock of people; timers and leases go on as they are. */
async function after<T>(ms: number, look: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
  try {
    return await look();
  } finally {
    vi.useRealTimers();
  }
}

describe.each(kinds)('questions with a time, in a log in %s', { timeout: 60_000 }, (kind) => {
  const open = logOf(kind);

  test('a question that nobody answers in its time fails the run when somebody looks', async () => {
    const log = open();
    const agent = await inDoubt(log, 'r1', { askTimeoutMs: HOUR });
    const [listed] = (await new RunStore({ log }).list()).runs;
    const until = (listed?.waiting as { until: number }[] | undefined)?.[0]?.until ?? 0;
    expect(Math.abs(until - Date.now() - HOUR)).toBeLessThan(HOUR / 2);

    expect(await new RunStore({ log, agents: [agent] }).recover()).toEqual([]);
    const [end] = await after(2 * HOUR, () => new RunStore({ log, agents: [agent] }).recover());
    expect(end).toMatchObject({
      runId: 'r1',
      outcome: { error: { message: expect.stringMatching(/call c1 of tool "book".*askTimeoutMs/s) as string } },
    });
    const store = new RunStore({ log, agents: [agent] });
    expect((await store.list()).runs[0]?.status).toBe('failed');
    const { history } = await store.state('r1');
    expect(JSON.stringify(history)).toContain('It is not known whether the call was carried out');
    expect((await store.replay('r1')).status).toBe('failed');
  });

  test('a decision that comes too late finds it settled, and one that comes in time counts', async () => {
    const log = open();
    const agent = await inDoubt(log, 'late', { askTimeoutMs: HOUR });
    const office = new RunStore({ log });
    const late = after(2 * HOUR, () => office.approve('late', 'c1'));
    await expect(late).rejects.toBeInstanceOf(AlreadyDecided);
    await expect(late).rejects.toMatchObject({ decision: { approved: false } });
    await expect(new RunStore({ log, agents: [agent] }).resume('late')).rejects.toThrow(/askTimeoutMs/);

    await inDoubt(log, 'early', { askTimeoutMs: HOUR });
    await office.confirm('early', 'c1', 'booked LH1');
    (agent as Agent).model = new ScriptedModel([done]);
    const result = await after(2 * HOUR, () => new RunStore({ log, agents: [agent] }).resume('early'));
    expect(result.finalOutput).toBe('Done.');
  });

  test('a question keeps its time when the run is taken up for something else', async () => {
    const log = open();
    const agent = await inDoubt(log, 'r1', { askTimeoutMs: HOUR });
    const store = new RunStore({ log, agents: [agent] });
    const untilOf = async (): Promise<unknown> => JSON.stringify((await store.list()).runs[0]?.waiting);
    const before = await untilOf();
    await store.addInput('r1', 'Well?');
    await after(HOUR / 2, () => store.recover());
    expect(await untilOf()).toBe(before);
  });
});

test('a question of a sub-agent has its time too, and its end is the end of the run that people see', async () => {
  const log = memoryLog();
  let begun = (): void => undefined;
  const inTool = new Promise<void>((resolve) => (begun = resolve));
  const act = tool({
    name: 'act',
    description: 'Acts.',
    parameters: z.object({}),
    effect: 'once',
    askTimeoutMs: HOUR,
    execute: () => new Promise<string>(begun),
  });
  const sub = new Agent({
    name: 'Sub',
    model: new ScriptedModel([[functionCall('act', {}, { callId: 's1' })]]),
    tools: [act],
  });
  const agent = new Agent({
    name: 'Desk',
    model: new ScriptedModel([[functionCall('ask_sub', { input: 'Act.' }, { callId: 'c1' })]]),
    tools: [sub.asTool({ toolName: 'ask_sub', toolDescription: 'Asks.' })],
  }) as unknown as AnyAgent;
  const dying = new RunStore({ log, worker: 'w' });
  void run(agent, 'Go.', { durable: { store: dying, runId: 'r1' } }).catch(() => undefined);
  await inTool;
  await dying.drain({ timeoutMs: 1 });
  const open = (): RunStore => new RunStore({ log, worker: 'w', agents: [agent] });
  expect(await open().recover()).toEqual([{ runId: 'r1', outcome: { status: 'paused' } }]);
  const [listed] = (await open().list()).runs;
  expect(listed?.waiting).toMatchObject([{ run: 'r1/m1/c0', tool: 'act', until: expect.any(Number) as number }]);
  const [end] = await after(2 * HOUR, () => open().recover());
  expect(end?.outcome).toMatchObject({ error: { message: expect.stringContaining('tool "act"') as string } });
  expect((await open().list()).runs[0]?.status).toBe('failed');
});

test('a tool that nobody is asked about has no time for it', () => {
  const { agent } = booking([], { askTimeoutMs: 5 });
  expect(agent.tools[0]).toMatchObject({ askTimeoutMs: 5 });
  expect(() => booking([], { askTimeoutMs: 0 })).toThrow(/askTimeoutMs: 0. Give milliseconds, more than 0./);
  expect(() => booking([], { askTimeoutMs: 5, effect: 'read' })).toThrow(/nobody is asked.*effect "read"/);
  expect(() => booking([], { askTimeoutMs: 5, onUncertain: 'retry' })).toThrow(/onUncertain "retry"/);
  expect(booking([], { askTimeoutMs: 5, effect: 'read', onUncertain: 'ask' }).agent.tools).toHaveLength(1);
});
