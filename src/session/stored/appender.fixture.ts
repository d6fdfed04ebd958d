/**
 * A process that appends to sessions of a server and says, at its end, what was acknowledged where.
 * Each append has two items, so that half of one would be seen.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AgentInputItem } from '../../protocol/items.ts';
import { measureStall, type Stall } from '../../store/sqlite/stall.fixture.ts';
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
type Report = Stall & {
  readonly name: string;
  readonly done: readonly Done[];
  readonly longestAppendMs: number;
  readonly errors: readonly string[];
};
type Closable = PositionedSession & { close(): Promise<void> };

const itemsOf = (name: string, n: number): AgentInputItem[] =>
  ['first', 'second'].map((part) => ({ type: 'message', role: 'user', content: `${name} ${n} ${part}` }));

async function openSession(job: Pick<Job, 'driver' | 'url' | 'prefix'>, s: number | string): Promise<Closable> {
  const id = `${job.prefix}-${s}`;
  switch (job.driver) {
    case 'postgres': {
      const { PostgresSession } = await import('../postgres/postgres-session.ts');
      // With two, a machine of two processors has 96 processes to share them among.
      return new PostgresSession(id, { connectionString: job.url, maxConnections: 1, timeoutMs: 120_000 });
    }
    case 'redis': {
      const { RedisSession } = await import('../redis/redis-session.ts');
      return new RedisSession(id, { url: job.url, timeoutMs: 120_000 });
    }
  }
}

export type Appender = {
  /** Its modules are loaded, it is connected, and what an append needs was done once. */
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
  // Threads that collect garbage together wait for each other, and for a processor, as if they slept.
  const args = ['--single-threaded-gc', script, JSON.stringify(job)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
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

async function main(job: Job): Promise<void> {
  const { name, appends, sessions, parallel } = job;
  const open = await Promise.all(Array.from({ length: sessions }, (_, s) => openSession(job, s)));
  const done: Done[] = [];
  const errors: string[] = [];
  let longestAppendMs = 0;
  // Its modules are loaded, it is connected and has appended once: what stalls now is the work.
  await Promise.all(open.slice(0, parallel).map((session) => session.position()));
  const own = await openSession(job, `own-${name}`);
  await own.append(itemsOf(name, 0), { operationId: `${name}/own` });
  await own.close();
  process.stdout.write(' ');
  await once(process.stdin, 'data');
  const stalled = measureStall();
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
  const stall = stalled();
  process.stdin.destroy();
  const report: Report = { name, done, ...stall, longestAppendMs, errors };
  process.stdout.write(JSON.stringify(report));
  await Promise.all(open.map((session) => session.close()));
}

if (import.meta.main && process.argv[2]) await main(JSON.parse(process.argv[2]));
