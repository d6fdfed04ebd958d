/**
 * A process that appends to sessions of a server and says, at its end, what was acknowledged where.
 * Each append has two items, so that half of one would be seen.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { SessionPosition } from '../sqlite/commands.ts';
import type { PositionedSession } from '../../testing/session-cases/support.ts';

type Job = {
  readonly driver: 'postgres' | 'redis';
  readonly url: string;
  readonly prefix: string;
  readonly name: string;
  readonly appends: number;
  readonly sessions: number;
  /** How many appends are under way at once, each to another session. */
  readonly parallel: number;
};
/** Which of the process's appends, which session, where it went. */
type Done = readonly [n: number, session: number, first: number];
type Report = {
  readonly name: string;
  readonly done: readonly Done[];
  /** How long the event loop turned no round, by the clock. A machine with more to do than processors adds to it. */
  readonly longestStallMs: number;
  /** The most that this process computed between two rounds: what is its own doing. */
  readonly longestRoundMs: number;
  readonly longestAppendMs: number;
  readonly errors: readonly string[];
};
type Closable = PositionedSession & { close(): Promise<void> };

const itemsOf = (name: string, n: number): AgentInputItem[] =>
  ['first', 'second'].map((part) => ({ type: 'message', role: 'user', content: `${name} ${n} ${part}` }));

async function openSession(job: Pick<Job, 'driver' | 'url' | 'prefix'>, s: number): Promise<Closable> {
  const id = `${job.prefix}-${s}`;
  switch (job.driver) {
    case 'postgres': {
      const { PostgresSession } = await import('../postgres/postgres-session.ts');
      return new PostgresSession(id, { connectionString: job.url, maxConnections: 2, timeoutMs: 120_000 });
    }
    case 'redis': {
      const { RedisSession } = await import('../redis/redis-session.ts');
      return new RedisSession(id, { url: job.url, timeoutMs: 120_000 });
    }
  }
}

export type Appender = {
  /** Its modules are loaded and it is connected. */
  readonly ready: Promise<void>;
  /** Lets it begin. */
  readonly go: () => void;
  /** Ends one that has nothing to append; it only watches its event loop until then. */
  readonly stop: () => void;
  readonly report: Promise<Report>;
};

/** Starts a process. Many that start at once keep the machine busy, so that all wait until all are ready. */
export function startAppender(job: Job): Appender {
  const script = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [script, JSON.stringify(job)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  const ready = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const report = new Promise<Report>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`an appender ended with ${String(code)}`)),
    );
  });
  return { ready, go: () => child.stdin.write('go'), stop: () => child.stdin.end(), report };
}

/** What is wrong with the stored histories: lost, half, doubled or out of order. Nothing, when all is well. */
export async function inspectHistories(
  job: Pick<Job, 'driver' | 'url' | 'prefix' | 'sessions'>,
  reports: readonly Report[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (let s = 0; s < job.sessions; s++) {
    const session = await openSession(job, s);
    const items = await session.getItems();
    const { last }: SessionPosition = await session.position();
    await session.close();
    const expected = reports
      .flatMap(({ name, done }) => done.filter(([, to]) => to === s).map(([n, , first]) => ({ name, n, first })))
      .toSorted((a, b) => a.first - b.first);
    if (last !== expected.length * 2) problems.push(`s${s}: ends at ${last}, acknowledged ${expected.length * 2}`);
    const wanted = JSON.stringify(expected.flatMap(({ name, n }) => itemsOf(name, n)));
    if (JSON.stringify(items) !== wanted)
      problems.push(`s${s}: the items are not those that were acknowledged, in order`);
    const newest = new Map<string, number>();
    for (const { name, n } of expected) {
      if (n <= (newest.get(name) ?? -1)) problems.push(`s${s}: ${name} ${n} comes after ${newest.get(name)}`);
      newest.set(name, n);
    }
  }
  return problems;
}

/** Looks every 5 ms; the returned function ends it. */
function watchEventLoop(): () => { longestStallMs: number; longestRoundMs: number } {
  let [longestStallMs, longestRoundMs] = [0, 0];
  let at = performance.now();
  let cpu = process.cpuUsage();
  const timer = setInterval(() => {
    const used = process.cpuUsage(cpu);
    longestStallMs = Math.max(longestStallMs, performance.now() - at - 5);
    longestRoundMs = Math.max(longestRoundMs, (used.user + used.system) / 1000);
    at = performance.now();
    cpu = process.cpuUsage();
  }, 5);
  return () => {
    clearInterval(timer);
    return { longestStallMs, longestRoundMs };
  };
}

async function main(job: Job): Promise<void> {
  const { name, appends, sessions, parallel } = job;
  const open = await Promise.all(Array.from({ length: sessions }, (_, s) => openSession(job, s)));
  const done: Done[] = [];
  const errors: string[] = [];
  let longestAppendMs = 0;
  // Its modules are loaded and it is connected: what stalls now is the work.
  await Promise.all(open.slice(0, parallel).map((session) => session.position()));
  process.stdout.write(' ');
  await once(process.stdin, 'data');
  const stalls = watchEventLoop();
  // Lane l appends to the sessions l, l + parallel, …: within a session, one append after the other.
  const lane = async (first: number): Promise<void> => {
    for (let n = first; n < appends; n += parallel) {
      const from = performance.now();
      try {
        const at = await open[n % sessions]?.append(itemsOf(name, n), { operationId: `${name}/${n}` });
        done.push([n, n % sessions, at?.first ?? 0]);
      } catch (error) {
        errors.push(error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error));
      }
      longestAppendMs = Math.max(longestAppendMs, performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, sessions) }, (_, first) => lane(first)));
  if (appends === 0) await once(process.stdin, 'end');
  const { longestStallMs, longestRoundMs } = stalls();
  process.stdin.destroy();
  const report: Report = { name, done, longestStallMs, longestRoundMs, longestAppendMs, errors };
  process.stdout.write(JSON.stringify(report));
  await Promise.all(open.map((session) => session.close()));
}

if (import.meta.main && process.argv[2]) await main(JSON.parse(process.argv[2]));
