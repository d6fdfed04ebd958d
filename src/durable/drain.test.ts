/** Draining a store: how long it waits for the runs that it has. */
import { expect, test } from 'vitest';
import { type AnyAgent, memoryLog, run, RunStore } from '../index.ts';
import { booking, call, done } from './booking.fixture.ts';

test('a drain without an end waits until its runs rest', async () => {
  let book = (): void => undefined;
  let begun = (): void => undefined;
  const isBooked = new Promise<boolean>((resolve) => (book = () => resolve(false)));
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  // The approval function is asked in the middle of the run.
  const needsApproval = (): Promise<boolean> => (begun(), isBooked);
  const { agent } = booking([call, done], { needsApproval }) as { agent: AnyAgent };
  const store = new RunStore({ log: memoryLog(), agents: [agent] });
  const running = run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
  await isBegun;
  const drained = store.drain({ timeoutMs: Infinity });
  setTimeout(book, 50);
  expect(await drained).toEqual([]);
  expect((await running).finalOutput).toBe('Done.');
});
