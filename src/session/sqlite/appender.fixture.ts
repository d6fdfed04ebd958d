/**
 * A process that appends to sessions of a file and writes a line for each append that was acknowledged.
 * Each append has two items, so that half of one would be seen.
 */
import { writeSync } from 'node:fs';
import type { AgentInputItem } from '../../protocol/items.ts';
import { measureStall } from '../../store/sqlite/stall.fixture.ts';
import type { Stall } from '../../store/sqlite/stall.fixture.ts';
import { SQLiteSession } from './sqlite-session.ts';

export type Job = {
  readonly dbPath: string;
  readonly name: string;
  readonly appends: number;
  readonly sessions: number;
  /** How many appends are under way at once, each to another session. */
  readonly parallel: number;
};
/** An append: which process, which of its appends, which session. */
export type Line = readonly [name: string, n: number, session: number];
export type Report = Stall & { readonly errors: readonly string[] };

export const itemsOf = ([name, n]: Line): AgentInputItem[] =>
  ['first', 'second'].map((part) => ({ type: 'message', role: 'user', content: `${name} ${n} ${part}` }));

/** Writes a line at once: a kill right after it finds it written. A pipe that is full for a moment is waited for. */
function say(line: Line | Report): void {
  const from = performance.now();
  let rest: Uint8Array = Buffer.from(`${JSON.stringify(line)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  saidForMs += performance.now() - from;
}
/** For how long lines were written: this test's doing. */
let saidForMs = 0;

async function main({ dbPath, name, appends, sessions, parallel }: Job): Promise<void> {
  const open = Array.from({ length: sessions }, (_, n) => new SQLiteSession(`s${n}`, { dbPath, timeoutMs: 120_000 }));
  const errors: string[] = [];
  const stalled = measureStall(() => saidForMs);
  // Lane l appends to the sessions l, l + parallel, …: within a session, one append after the other.
  const lane = async (first: number): Promise<void> => {
    for (let n = first; n < appends; n += parallel) {
      const line: Line = [name, n, n % sessions];
      try {
        await open[n % sessions]?.addItems(itemsOf(line));
        say(line);
      } catch (error) {
        errors.push(error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, sessions) }, (_, first) => lane(first)));
  const report: Report = { ...stalled(), errors };
  say(report);
  await Promise.all(open.map((session) => session.close()));
}

if (process.argv[2]) await main(JSON.parse(process.argv[2]));
