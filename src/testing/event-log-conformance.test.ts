import { describe, expect, test } from 'vitest';
import { memoryLog } from '../log/index.ts';
import { eventLogConformance } from './event-log-conformance.ts';

describe('a log in memory', () => {
  for (const { name, run } of eventLogConformance({ create: () => memoryLog() })) test(name, run);
});

/** Each breaks one promise; at least one case must see it. */
const MUTANTS = {
  'takes any fence': (log: ReturnType<typeof memoryLog>) => ({
    append: (commit: Parameters<typeof log.append>[0]) =>
      log.append(commit).catch((error: { code?: string }) => {
        if (error.code === 'log/fenced') return { head: 0, fence: 0, posted: 0, at: 0, isRepeated: false };
        throw error;
      }),
  }),
  'says nothing of a conflict': (log: ReturnType<typeof memoryLog>) => ({
    append: (commit: Parameters<typeof log.append>[0]) =>
      log.append(commit).catch((error: { code?: string }) => {
        if (error.code === 'log/conflict') return { head: 0, fence: 0, posted: 0, at: 0, isRepeated: false };
        throw error;
      }),
  }),
  'loses the newest event': (log: ReturnType<typeof memoryLog>) => ({
    read: async (...args: Parameters<typeof log.read>) => {
      const run = await log.read(...args);
      return run && { ...run, events: run.events.slice(0, -1) };
    },
  }),
};

test.each(Object.entries(MUTANTS))('the suite sees a log that %s', async (_, mutate) => {
  const create = () => {
    const log = memoryLog();
    const mutant = mutate(log);
    return new Proxy(log, {
      get: (target, key) => {
        const found: unknown = Reflect.get(key in mutant ? mutant : target, key);
        return typeof found === 'function' ? found.bind(key in mutant ? mutant : target) : found;
      },
    });
  };
  const outcomes = await Promise.allSettled(eventLogConformance({ create }).map(({ run }) => run()));
  expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
});
