/**
 * Who may go on with a run: its lease is free, or its owner showed no sign of life for a whole lease of this worker's
 * own clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isOver, type RunEvent } from '../kernel/index.ts';
import { type EventLog, LeaseWatch, type RunInfo } from '../log/index.ts';
import type { RunRecord } from '../run/record.ts';
import { DurableError } from './errors.ts';
import { Hold } from './hold.ts';
import type { Presence } from './presence.ts';
import { find, type Found, infosOf, placesOf } from './revive.ts';

export type Claimed = { found: Found; fences: Map<string, number> };

/** How often a lease is looked at while its owner may be dead. */
const LOOKS_A_LEASE = 10;

/** @throws DurableError `durable/owned` where its owner lives, `durable/unknown-run` */
export async function claimRun(log: EventLog, presence: Presence, runId: string): Promise<Claimed> {
  const watch = new LeaseWatch({ ttlMs: presence.leaseMs });
  for (let look = 0; ; look++) {
    const found = await find(log, runId);
    const { lease } = found.log.info;
    if (isOwn(lease, presence) || watch.observe([found.log.info]).length > 0) {
      const claimed = await tryClaim(log, presence, found);
      if (claimed) return claimed;
    } else if (look > LOOKS_A_LEASE) {
      throw new DurableError(
        'durable/owned',
        runId,
        `Run ${runId} is under way at worker ${lease.owner}, which lives. Wait for it, or look at its events.`,
      );
    }
    await sleep(presence.leaseMs / LOOKS_A_LEASE);
  }
}

/** What an earlier process of this name had: names are given to one process at a time. */
const isOwn = ({ owner }: RunInfo['lease'], { worker }: Presence): boolean => owner === worker;

/** Takes the run, then its sub-agents': whoever lost the first cannot commit to it, so the others are safe to take. */
async function tryClaim(log: EventLog, presence: Presence, seen: Found): Promise<Claimed | undefined> {
  const { worker } = presence;
  const { runId, lease } = seen.log.info;
  const root = await log.leases.claim(runId, { worker, seen: lease });
  if (!root.isGranted) return undefined;
  const fences = new Map([[runId, root.fence]]);
  // Read again: the owner before may have committed between the look and the claim.
  const found = await find(log, runId);
  for (const info of infosOf(found).slice(1)) {
    // One that is over gets no commit any more.
    if (!isOver(info.status)) fences.set(info.runId, await claimChild(log, worker, info));
  }
  return { found, fences };
}

async function claimChild(log: EventLog, worker: string, info: RunInfo): Promise<number> {
  const claimed = await log.leases.claim(info.runId, { worker, seen: info.lease });
  if (claimed.isGranted) return claimed.fence;
  // Its owner committed or showed itself meanwhile; what it holds of the parent it has lost.
  return claimChild(log, worker, { ...info, lease: claimed.lease });
}

const watches = new WeakMap<Presence, LeaseWatch>();

/** Root runs that may be taken up: owner gone, or waiting with an answer in the inbox. */
export async function claimable(log: EventLog, presence: Presence, limit: number): Promise<RunInfo[]> {
  let watch = watches.get(presence);
  if (!watch) watches.set(presence, (watch = new LeaseWatch({ ttlMs: presence.leaseMs })));
  const active = await log.list({ parent: null, status: ['running', 'stopping'], limit });
  const answered = await log.list({ parent: null, status: 'paused', hasInbox: true, limit });
  const runs = [...active.runs, ...answered.runs];
  const free = new Set(watch.observe(runs));
  return runs.filter((run) => free.has(run) || isOwn(run.lease, presence)).slice(0, limit);
}

/** What was claimed, in the worker's hands; what was posted lands before the run goes on. */
export function holdOf(
  { found, fences }: Claimed,
  record: RunRecord,
  { log, presence }: { log: EventLog; presence: Presence },
): Hold {
  const { info, inbox } = found.log;
  const { runId, agent, session } = info;
  const hold = new Hold({ log, presence, runId, agent, session, places: placesOf(found, fences) });
  const posted = new Map(inbox.map(({ event, position }) => [event as RunEvent, position]));
  record.inbox.push(...hold.take(posted));
  return hold;
}

/** Gives back what was claimed, of a run that cannot go on here. */
export function giveBack(
  { found, fences }: Claimed,
  { log, presence }: { log: EventLog; presence: Presence },
): Promise<void> {
  const { runId, agent, session } = found.log.info;
  return new Hold({ log, presence, runId, agent, session, places: placesOf(found, fences) }).giveBack();
}
