/** Runs that stop where their log is, because a commit failed or they cannot go on with what they were given. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, type AnyAgent, type EventLog, memoryLog, MemorySession, run, RunStore, tool } from '../index.ts';
import { functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';
import { portOf } from '../log/port.fixture.ts';
import { booking, call, done, recovered } from './booking.fixture.ts';

/** A log that refuses commits of one run as often as it is told to. */
function refusing(log: EventLog, runId: string, times: number): EventLog {
  let left = times;
  return {
    ...portOf(log),
    append: async (commit) => {
      if (commit.runId !== runId || commit.position === 0 || left <= 0) return log.append(commit);
      left -= 1;
      throw new Error('The database has hiccups.');
    },
  };
}

describe('a run whose commit failed, in a process that lives on', { timeout: 30_000 }, () => {
  test.each([1, 3])('is given back, when the log takes it (%i refusals), and others go on', async (times) => {
    const log = memoryLog();
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const slow = modelResponder(async () => {
      await gate;
      return done;
    });
    const busy = new Agent({ name: 'Busy', model: new ScriptedModel([slow]) }) as unknown as AnyAgent;
    const { agent } = booking([done, done]);
    const web = new RunStore({ log: refusing(log, 'r1', times), agents: [agent, busy], leaseMs: 1500 });
    // Another run keeps the process alive and its beat going.
    const long = run(busy, 'Take your time.', { durable: { store: web, runId: 'long' } });
    await expect(run(agent, 'Hello', { durable: { store: web, runId: 'r1' } })).rejects.toThrow('hiccups');
    const worker = new RunStore({ log, agents: [agent, busy], leaseMs: 1500 });
    expect(await recovered(worker)).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    open();
    expect((await long).finalOutput).toBe('Done.');
  });

  test('is left to whoever has it by then', async () => {
    const log = memoryLog();
    const { agent } = booking([done, done]);
    const web = new RunStore({ log: refusing(log, 'r1', 1), agents: [agent] });
    await expect(run(agent, 'Hello', { durable: { store: web, runId: 'r1' } })).rejects.toThrow('hiccups');
    expect((await web.resume('r1')).finalOutput).toBe('Done.');
    expect((await web.list()).runs[0]).toMatchObject({ status: 'finished', lease: { fence: 2 } });
  });
});

describe('what is too large for the log', { timeout: 30_000 }, () => {
  const large = (bytes: number, calls: number): { agent: AnyAgent; count: () => number } => {
    let count = 0;
    const read = tool({
      name: 'read',
      description: 'Reads.',
      parameters: z.object({}),
      effect: 'read',
      execute: () => {
        count += 1;
        return 'x'.repeat(bytes);
      },
    });
    const model = new ScriptedModel([
      ...Array.from({ length: calls }, (_, n) => [functionCall('read', {}, { callId: `c${n}` })]),
      done,
    ]);
    return { agent: new Agent({ name: 'Desk', model, tools: [read] }) as unknown as AnyAgent, count: () => count };
  };

  test.each([
    ['an answer', { maxEventBytes: 5000 }, 1, /could not be kept.*maxEventBytes/s],
    ['a run', { maxRunBytes: 15_000 }, 5, /could not be kept.*maxRunBytes/s],
  ])('%s fails the run, and is not made again for ever', async (_, limits, calls, said) => {
    const { agent, count } = large(6000, calls);
    const store = new RunStore({ log: memoryLog(limits), agents: [agent], leaseMs: 1000 });
    const running = run(agent, 'Read.', { durable: { store, runId: 'r1' } });
    await expect(running).rejects.toMatchObject({ code: 'log/too-large' });
    const before = count();
    expect(await recovered(store)).toMatchObject([
      { outcome: { error: { message: expect.stringMatching(said) as string } } },
    ]);
    expect((await store.list()).runs[0]).toMatchObject({ status: 'failed', lease: {} });
    expect(await store.recover()).toEqual([]);
    expect(count()).toBe(before);
  });

  test('a snapshot is left out, and the run goes on', async () => {
    const { agent } = large(400, 90);
    const store = new RunStore({ log: memoryLog({ maxEventBytes: 20_000 }), agents: [agent] });
    const result = await run(agent, 'Read.', { maxTurns: 100, durable: { store, runId: 'r1' } });
    expect(result.finalOutput).toBe('Done.');
    expect((await store.resume('r1')).history).toHaveLength(182);
  });
});

describe('a run that keeps its conversation in a session', () => {
  test('is not gone on with without it, nor on another one', async () => {
    const { agent, booked } = booking([call, done], { needsApproval: true });
    const session = new MemorySession({ sessionId: 'ada' });
    const log = memoryLog();
    const store = new RunStore({ log, agents: [agent], resumeOptions: () => ({ session }) });
    const first = await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    const other = new MemorySession({ sessionId: 'bob' });
    const forgetful = new RunStore({ log, agents: [agent] });
    await expect(forgetful.resume('r1')).rejects.toThrow(/no session was given/);
    await expect(forgetful.resume('r1', { session: other })).rejects.toThrow(/session "bob" was given/);
    expect(await forgetful.recover()).toMatchObject([{ outcome: { error: { code: 'durable/other-session' } } }]);
    const inHand = run(agent, first.state, { session: other, durable: { store: forgetful } });
    await expect(inHand).rejects.toMatchObject({ code: 'durable/other-session' });
    expect((await store.list()).runs[0]).toMatchObject({ status: 'paused', lease: {} });
    expect(booked).toEqual([]);

    expect(await store.recover()).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(await session.getItems()).toHaveLength(4);
    expect(await other.getItems()).toEqual([]);
    expect(await session.turnHolder()).toBeUndefined();
  });
});
