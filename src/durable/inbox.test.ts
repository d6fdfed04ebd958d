import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type EventLog, memoryLog, run, RunStore } from '../index.ts';
import { booking, call, done } from './booking.fixture.ts';

/** A log in which the inbox is read over and over, also while a commit that consumes input is under way. */
function eager(log: EventLog): EventLog {
  let reads = 0;
  let news = 1_000_000;
  return {
    ...bound(log),
    watch: async (runId) => {
      await sleep(1);
      const read = await log.read(runId, { limit: 0 });
      return read && { ...read.info, posted: (news += 1) };
    },
    read: async (...args) => {
      const read = await log.read(...args);
      reads += 1;
      return read;
    },
    append: async (commit) => {
      const before = reads;
      const isConsuming = commit.events.some(({ type }) => type === 'input.staged');
      while (isConsuming && reads < before + 3) await sleep(1);
      return log.append(commit);
    },
  };
}

const bound = (log: EventLog): EventLog => ({
  store: log.store,
  leases: log.leases,
  append: (...args) => log.append(...args),
  read: (...args) => log.read(...args),
  list: (...args) => log.list(...args),
  post: (...args) => log.post(...args),
  watch: (...args) => log.watch(...args),
  remove: (...args) => log.remove(...args),
  close: () => log.close(),
});

test('input from elsewhere is seen once, also where the inbox is read while a commit consumes it', async () => {
  const store = new RunStore({ log: eager(memoryLog()) });
  const { agent } = booking([call, done], { effect: 'idempotent' });
  const [book] = agent.tools;
  if (book?.type !== 'function') throw new Error('There is a tool.');
  const invoke = book.invoke;
  book.invoke = async (...args) => {
    await store.addInput('r1', 'And a seat.');
    await sleep(300);
    return invoke(...args);
  };
  const { state } = await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
  expect(state.events.filter(({ type }) => type === 'input.staged')).toHaveLength(1);
  expect(state.history.filter((item) => 'content' in item && item.content === 'And a seat.')).toHaveLength(1);
});
