import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Agent, type AnyAgent, type EventLog, memoryLog, MemorySession, run, RunStore, tool } from '../index.ts';
import { portOf } from '../log/port.fixture.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { Presence } from './presence.ts';

test('a worker that runs one run after the other shows itself often enough', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    const presence = new Presence({ log: memoryLog(), worker: 'w', leaseMs: 3000 });
    for (let n = 0; n < 20; n++) {
      await presence.enter();
      // Runs of all lengths, each as long as the beat of the timer allows or shorter, with pauses in between.
      for (let ms = 0; ms < 300 * n; ms += 100) {
        await vi.advanceTimersByTimeAsync(100);
        expect(() => presence.check('r')).not.toThrow();
      }
      presence.leave();
      await vi.advanceTimersByTimeAsync(60 * n);
    }
  } finally {
    vi.useRealTimers();
  }
});

test('a worker that cannot reach the log begins nothing after half of its lease', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    const log = memoryLog();
    const presence = new Presence({ log, worker: 'w', leaseMs: 3000 });
    await presence.enter();
    log.leases.beat = () => Promise.reject(new Error('unreachable'));
    await vi.advanceTimersByTimeAsync(1400);
    expect(() => presence.check('r')).not.toThrow();
    await vi.advanceTimersByTimeAsync(200);
    expect(() => presence.check('r')).toThrow(/could not show that it lives for 1600 ms \(its lease is 3000 ms\)/);
  } finally {
    vi.useRealTimers();
  }
});

test('a worker that could not show itself has nothing, and goes on showing nothing', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    const log = memoryLog();
    const { beat } = log.leases;
    const presence = new Presence({ log, worker: 'w', leaseMs: 3000 });
    log.leases.beat = () => Promise.reject(new Error('unreachable'));
    await expect(presence.enter()).rejects.toThrow('unreachable');
    expect(vi.getTimerCount()).toBe(0);
    log.leases.beat = beat;
    await presence.enter();
    expect(vi.getTimerCount()).toBe(1);
    presence.leave();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('a run that cannot begin leaves its worker as it was', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const store = new RunStore({ log: memoryLog() });
    const session = new MemorySession();
    session.getSessionId = () => Promise.reject(new Error('no such user'));
    const model = new ScriptedModel([[assistantMessage('never')]]);
    const running = run(new Agent({ name: 'A', model }), 'hi', { session, durable: { store } });
    await expect(running).rejects.toThrow('no such user');
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test.each([0, 1, 2, 3, 4, 5, 6, 8, 10, 20])(
  'a worker that stands still %s ticks after the record that a tool begins does not begin it late',
  async (ticks) => {
    const log = memoryLog();
    const now = performance.now.bind(performance);
    let standsStillMs = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + standsStillMs);
    const late: number[] = [];
    const book = tool({
      name: 'book',
      description: 'Books.',
      parameters: z.object({}),
      effect: 'once',
      execute: () => void late.push(standsStillMs),
    });
    const append: EventLog['append'] = async (commit) => {
      const done = await log.append(commit);
      if (commit.events.some(({ type }) => type === 'effect.began')) {
        let isTime = Promise.resolve();
        for (let n = 0; n < ticks; n++) isTime = isTime.then(() => undefined);
        void isTime.then(() => (standsStillMs = 60_000));
      }
      return done;
    };
    try {
      const model = new ScriptedModel([[functionCall('book', {}, { callId: 'c1' })], [assistantMessage('Done.')]]);
      const agent = new Agent({ name: 'Desk', model, tools: [book] });
      const store = new RunStore({ log: { ...portOf(log), append }, leaseMs: 15_000 });
      await expect(run(agent, 'Go.', { durable: { store, runId: 'r1' } })).rejects.toThrow(
        'could not show that it lives',
      );
      // Not at all, or before.
      expect(late).toEqual(ticks < 20 ? late.filter((ms) => ms === 0) : [0]);
    } finally {
      clock.mockRestore();
    }
  },
);

test.each(['once', 'idempotent'] as const)(
  'a worker that was cut off for a lease acts no more in a run that another has by now, though its beat came through first: %s',
  async (effect) => {
    const log = memoryLog();
    const now = performance.now.bind(performance);
    let cutOffMs = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + cutOffMs);
    const acts: string[] = [];
    const desk = (name: string, reply: ConstructorParameters<typeof ScriptedModel>[0]): AnyAgent => {
      const execute = (): string => (acts.push(name), 'ok');
      const book = tool({ name: 'book', description: 'Books.', parameters: z.object({}), effect, execute });
      return new Agent({ name: 'Desk', model: new ScriptedModel(reply), tools: [book] }) as unknown as AnyAgent;
    };
    const call = [functionCall('book', {}, { callId: 'c1' })];
    const done = [assistantMessage('Done.')];
    // The second reply is that of the run in between.
    const first = desk('first', [call, done]);
    let isOnline = true;
    const append: EventLog['append'] = async (commit) => {
      const committed = await log.append(commit);
      const isAct = effect === 'once' ? 'effect.began' : 'model.replied';
      if (!isOnline || !commit.events.some(({ type }) => type === isAct)) return committed;
      isOnline = false;
      cutOffMs = 60_000;
      // Nobody has heard of it for a lease.
      await log.leases.beat('first', { leave: true });
      await new RunStore({ log, agents: [desk('second', [done])], leaseMs: 15_000 }).resume('r1');
      // Of what it has sent meanwhile, its sign of life is answered first.
      expect(await run(first, 'Another.', { durable: { store, runId: 'r2' } }).then(() => 'ran')).toBe('ran');
      return committed;
    };
    const store: RunStore = new RunStore({ log: { ...portOf(log), append }, worker: 'first', leaseMs: 15_000 });
    try {
      const running = run(first, 'Go.', { durable: { store, runId: 'r1' } });
      await expect(running).rejects.toMatchObject({ code: 'durable/lease-lost' });
      // An act in doubt waits for a person, one that may be repeated was done by the worker that lived.
      expect(acts).toEqual(effect === 'once' ? [] : ['second']);
      expect((await log.read('r1'))?.info.status).toBe(effect === 'once' ? 'paused' : 'finished');
    } finally {
      clock.mockRestore();
    }
  },
);
