/**
 * A process that takes runs and appends to them, and writes a line for each commit that was acknowledged. Each commit
 * has two events, so that half of one would be seen. Where it is fenced, it takes the run again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { measureStall } from '../store/sqlite/stall.fixture.ts';
import { type Held, saidForMs, say, standBy } from '../store/processes.fixture.ts';
import { LogError } from './errors.ts';
import { openLog } from './open.fixture.ts';
import type { Synchronous } from '../store/sqlite/database.ts';
import type { EventLog, LogEvent } from './types.ts';

export type Job = Held & {
  /** A file, or the URL of a PostgreSQL database. */
  readonly path: string;
  readonly tenant?: string;
  readonly name: string;
  readonly runs: readonly string[];
  /** Commits for each run. @default until it is killed */
  readonly commits?: number;
  readonly timeoutMs?: number;
  /** Show a sign of life so often. @default once */
  readonly beatMs?: number;
  /** Stop for good at the first error that is no fence, and say it. */
  readonly stopsAtError?: boolean;
  readonly synchronous?: Synchronous;
  /** Makes each event longer by so many characters. @default 0 */
  readonly padding?: number;
};
/** A commit: run, position of its first event, who made it, which of its commits, under which fence. */
export type Line = readonly [runId: string, position: number, name: string, n: number, fence: number];

export const eventsOf = ([, , name, n, fence]: Line): LogEvent[] =>
  ['first', 'second'].map((part) => ({ type: `${name} ${n} ${part} ${fence}` }));

const isLost = (error: unknown): boolean =>
  error instanceof LogError && ['log/fenced', 'log/conflict', 'log/exists'].includes(error.code);

/** The lease of a run, whoever has it, and where its log ends. */
async function take(log: EventLog, runId: string, name: string): Promise<{ fence: number; head: number } | undefined> {
  const run = await log.read(runId, { from: Number.MAX_SAFE_INTEGER });
  if (!run) {
    const create = { agent: 'a', worker: name };
    const { fence, head } = await log.append({ runId, position: 0, fence: 0, create, events: [] });
    return { fence, head };
  }
  const claim = await log.leases.claim(runId, { worker: name, seen: run.info.lease });
  if (!claim.isGranted) return undefined;
  const after = await log.read(runId, { from: Number.MAX_SAFE_INTEGER });
  return after && { fence: claim.fence, head: after.info.head };
}

type Lane = { readonly log: EventLog; readonly runId: string; readonly job: Job; n: number };

/** Appends until the lease is lost or all is done. */
async function appendAll(lane: Lane): Promise<void> {
  const { log, runId, job } = lane;
  const { name, commits = Infinity, padding } = job;
  const lease = await take(log, runId, name);
  if (!lease) return;
  let { head } = lease;
  while (lane.n < commits) {
    const line: Line = [runId, head, name, lane.n, lease.fence];
    // Whatever becomes of it, no number is used twice.
    lane.n += 1;
    const events = eventsOf(line).map((event) => (padding ? { ...event, text: 'x'.repeat(padding) } : event));
    ({ head } = await log.append({ runId, position: head, fence: lease.fence, events }));
    say(line);
  }
}

async function main(job: Job): Promise<void> {
  const { path, tenant, name, runs, commits = Infinity, timeoutMs = 120_000, stopsAtError = false } = job;
  const log = openLog(path, { tenant, timeoutMs, synchronous: job.synchronous });
  const errors: string[] = [];
  if (job.held) await log.list();
  await standBy(job);
  const stalled = measureStall(saidForMs);
  const beat = (): Promise<unknown> =>
    log.leases.beat(name, { leaseMs: 100 }).catch((error: unknown) => errors.push(String(error)));
  await beat();
  const beating = setInterval(() => void beat(), job.beatMs ?? 2 ** 31 - 1);
  await Promise.all(
    runs.map(async (runId) => {
      const lane: Lane = { log, runId, job, n: 0 };
      while (lane.n < commits) {
        try {
          await appendAll(lane);
        } catch (error) {
          if (!isLost(error)) errors.push(error instanceof LogError ? `${error.code} ${error.message}` : String(error));
          if (errors.length > 0 && stopsAtError) return;
        }
        await sleep(Math.random() * 40);
      }
    }),
  );
  say({ ...stalled(), errors });
  clearInterval(beating);
  await log.leases.beat(name, { leave: true }).catch(() => undefined);
  await log.close();
}

if (process.argv[2]) await main(JSON.parse(process.argv[2]));
