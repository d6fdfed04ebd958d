import { expect, test, vi } from 'vitest';
import { Agent, memoryLog, MemorySession, run, RunStore } from '../index.ts';
import { assistantMessage, ScriptedModel } from '../testing/index.ts';
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
