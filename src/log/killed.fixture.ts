/** Processes that append to runs and are killed, or stand still until their lease has run out. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Line } from './appender.fixture.ts';
import { LeaseWatch } from './lease-watch.ts';
import { inspectRuns, startAppender } from './processes.fixture.ts';
import type { Appender } from './processes.fixture.ts';
import type { EventLog, Lease } from './types.ts';

/** Waits until it has made so many commits more. */
export async function progress({ acknowledged, child }: Appender, commits: number): Promise<void> {
  const goal = acknowledged.length + commits;
  while (acknowledged.length < goal) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('The process has ended');
    await sleep(1);
  }
}

export async function kill(appender: Appender): Promise<void> {
  appender.child.kill('SIGKILL');
  await appender.ended;
}

/** Waits until the lease has run out: by the server's clock, or since it showed no sign of life for so long. */
async function expire(log: EventLog, runId: string, ttlMs: number): Promise<Lease> {
  const watch = new LeaseWatch({ ttlMs });
  for (;;) {
    const { runs } = await log.list({ status: 'running' });
    const expired = watch.observe(runs).find((run) => run.runId === runId);
    if (expired) return expired.lease;
    await sleep(20);
  }
}

/** A beat that was on its way when its process was stopped may still count: then the heir is refused, and waits again. */
export async function takeOver(log: EventLog, runId: string, ttlMs: number): Promise<number> {
  for (;;) {
    const claim = await log.leases.claim(runId, { worker: 'heir', seen: await expire(log, runId, ttlMs) });
    if (claim.isGranted) return claim.fence;
  }
}

/** Each process takes the runs of the one before it, which is killed meanwhile. Gives what is wrong in the end. */
export async function killInTurns(store: Pick<Job, 'path' | 'tenant'>, kills: number): Promise<readonly string[]> {
  const runs = Array.from({ length: 8 }, (_, n) => `r${n}`);
  const acknowledged: Line[] = [];
  let heir = startAppender({ ...store, name: 'first', runs });
  await progress(heir, 1);
  for (let round = 0; round < kills; round++) {
    // It takes the runs of the one that is about to die.
    const victim = heir;
    heir = startAppender({ ...store, name: `p${round}`, runs });
    // Half of the victims die while the heir starts, the others in the fight for the runs.
    if (round % 2 === 0) await progress(heir, 1);
    await sleep(Math.random() * 30);
    await kill(victim);
    await progress(heir, 5);
    acknowledged.push(...victim.acknowledged);
  }
  await kill(heir);
  acknowledged.push(...heir.acknowledged);
  process.stdout.write(`${acknowledged.length} commits acknowledged before ${kills + 1} kills\n`);
  return inspectRuns(store.path, runs, acknowledged, store.tenant);
}
