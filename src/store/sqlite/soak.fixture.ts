/** Many processes on one file at once, and what the event loop of each had to bear. */
import { expect } from 'vitest';
import type { Process } from '../processes.fixture.ts';
import { startControls } from './stall.fixture.ts';

/**
 * Waits until all are ready, lets them work and tells how that went. What they acknowledged is given; that none of them
 * met an error is asserted, and that no event loop computed for 250 ms between two rounds.
 *
 * How long one stood still is printed only: of more than sixty threads on few processors each waits for the others, and
 * now and then long. That no event loop waits for a lock is tested where the lock is let go by that same loop
 * (writer.test.ts, sqlite-log.test.ts).
 */
export async function workTogether<Line>(what: string, processes: readonly Process<Line>[]): Promise<readonly Line[]> {
  const controls = startControls();
  await Promise.all(processes.map(({ ready }) => ready));
  const started = performance.now();
  for (const { go } of processes) go();
  const reports = await Promise.all(processes.map(({ ended }) => ended));
  const seconds = (performance.now() - started) / 1000;
  const beside = await controls();
  const most = (key: 'longestStallMs' | 'ownStallMs' | 'longestRoundMs'): number =>
    Math.max(...reports.map((report) => report?.[key] ?? Infinity));
  const when = reports.find((report) => report?.ownStallMs === most('ownStallMs'))?.ownStallAtMs ?? 0;
  const shown = (ms: number): string => `${ms.toFixed(0)} ms`;
  process.stdout.write(
    `${what} in ${seconds.toFixed(1)} s; an event loop stood still for ${shown(most('longestStallMs'))} at most ` +
      `(of those beside them, without a store, ${shown(beside.longestStallMs)}), for ${shown(most('ownStallMs'))} ` +
      `without waiting for a processor (${shown(beside.ownStallMs)}; after ${shown(when)}), and computed for ` +
      `${shown(most('longestRoundMs'))} of it\n`,
  );
  expect(reports.flatMap((report) => report?.errors ?? ['no report'])).toEqual([]);
  expect(most('longestRoundMs')).toBeLessThan(250);
  return processes.flatMap(({ acknowledged }) => acknowledged);
}
