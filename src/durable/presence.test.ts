import { expect, test, vi } from 'vitest';
import { memoryLog } from '../index.ts';
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
