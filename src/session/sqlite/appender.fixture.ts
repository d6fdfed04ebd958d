/**
 * A process that appends to sessions of a file and writes a line for each append that was acknowledged.
 * Each append has two items, so that half of one would be seen.
 */
import type { AgentInputItem } from '../../protocol/items.ts';
import { measureStall } from '../../store/sqlite/stall.fixture.ts';
import { type Held, saidForMs, say, standBy } from '../../store/processes.fixture.ts';
import type { Synchronous } from '../../store/sqlite/database.ts';
import { SQLiteSession } from './sqlite-session.ts';

export type Job = Held & {
  readonly dbPath: string;
  readonly name: string;
  readonly appends: number;
  readonly sessions: number;
  /** How many appends are under way at once, each to another session. */
  readonly parallel: number;
  readonly synchronous?: Synchronous;
};
/** An append: which process, which of its appends, which session. */
export type Line = readonly [name: string, n: number, session: number];

export const itemsOf = ([name, n]: Line): AgentInputItem[] =>
  ['first', 'second'].map((part) => ({ type: 'message', role: 'user', content: `${name} ${n} ${part}` }));

async function main(job: Job): Promise<void> {
  const { dbPath, name, appends, sessions, parallel, synchronous } = job;
  const options = { dbPath, timeoutMs: 120_000, ...(synchronous && { synchronous }) };
  const open = Array.from({ length: sessions }, (_, n) => new SQLiteSession(`s${n}`, options));
  const errors: string[] = [];
  if (job.held) await open[0]?.getItems();
  await standBy(job);
  const stalled = measureStall(saidForMs);
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
  say({ ...stalled(), errors });
  await Promise.all(open.map((session) => session.close()));
}

if (process.argv[2]) await main(JSON.parse(process.argv[2]));
