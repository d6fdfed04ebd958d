/**
 * Who may go on with a run: its lease is free, or its owner showed no sign of life for a whole lease of this worker's
 * own clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isOver, type RunEvent } from '../kernel/index.ts';
import { type EventLog, LeaseWatch, type RunInfo } from '../log/index.ts';
import type { RunRecord } from '../run/record.ts';
import { signal } from '../wire/signals.ts';
import { asksIn } from './ask-timeout.ts';
import { DurableError } from './errors.ts';
import { Hold } from './hold.ts';
import type { Presence } from './presence.ts';
import { listAll } from './list-all.ts';
import { descendants, find, findAgain, type Found, infosOf, placesOf } from './revive.ts';

/** What was found, the fences of the runs that were claimed, and when the first claim was sent. */
export type Claimed = { found: Found; fences: Map<string, number>; at: number };

/** How often a lease is looked at while its owner may be dead. */
export const LOOKS_A_LEASE = 10;

/**
 * Waits for a whole lease whether the owner shows itself.
 *
 * @param seen the run as it was found; its log is read again where it has grown
 * @throws DurableError `durable/owned` where its owner lives, `durable/unknown-run`
 */
export async function claimRun(log: EventLog, presence: Presence, seen: Found): Promise<Claimed> {
  const watch = new LeaseWatch({ ttlMs: presence.leaseMs });
  for (let look = 0, found = seen; ; look++, found = await findAgain(log, found)) {
    const { runId, lease } = found.log.info;
    if (isOwn(lease, presence) || watch.observe([found.log.info]).length > 0) {
      const claimed = await tryClaim(log, presence, found);
      if (claimed) return claimed;
    } else if (look > LOOKS_A_LEASE) throw owned(runId, lease);
    await sleep(presence.leaseMs / LOOKS_A_LEASE);
  }
}

/** Takes a run as a listing showed it. @throws DurableError `durable/owned` where another was faster */
export async function claimSeen(log: EventLog, presence: Presence, { runId, lease }: RunInfo): Promise<Claimed> {
  for (let found = await find(log, runId); ; found = await findAgain(log, found)) {
    const now = found.log.info.lease;
    const isSame = now.fence === lease.fence && now.owner === lease.owner;
    // A worker's own beat is no news to it, but for a claim that it came between.
    if (!isSame || (now.beat !== lease.beat && !isOwn(now, presence))) throw owned(runId, now);
    const claimed = await tryClaim(log, presence, found);
    if (claimed) return claimed;
    if (!isOwn(now, presence)) throw owned(runId, now);
  }
}

const owned = (runId: string, { owner }: RunInfo['lease']): DurableError =>
  new DurableError(
    'durable/owned',
    runId,
    `Run ${runId} is under way at worker ${owner ?? 'that was faster'}, which lives. Wait for it, or look at its events.`,
  );

/** What an earlier process of this name had: names are given to one process at a time. */
const isOwn = ({ owner }: RunInfo['lease'], { worker }: Presence): boolean => owner === worker;

/**
 * Takes the run, then its sub-agents'. A lease is given as it was seen only, so what was seen while the run was this
 * worker's is safe to take: whoever took the run since has changed those leases, or finds them changed.
 */
async function tryClaim(log: EventLog, presence: Presence, seen: Found): Promise<Claimed | undefined> {
  const { worker } = presence;
  const { runId, lease } = seen.log.info;
  const at = performance.now();
  const root = await log.leases.claim(runId, { worker, seen: lease });
  if (!root.isGranted) return undefined;
  const { owner } = lease;
  if (owner !== undefined && owner !== worker) signal('baton:takeover', () => ({ runId, from: owner, to: worker }));
  const claimed: Claimed = { found: seen, fences: new Map([[runId, root.fence]]), at };
  try {
    if (await claimChildren(log, presence, claimed)) return claimed;
  } catch (error) {
    await unclaim(log, claimed);
    throw error;
  }
  await unclaim(log, claimed);
  return undefined;
}

/** Takes the runs of sub-agents that are not over. False: another has taken the run meanwhile. */
async function claimChildren(log: EventLog, presence: Presence, claimed: Claimed): Promise<boolean> {
  const { worker } = presence;
  const { fences } = claimed;
  const { runId } = claimed.found.log.info;
  for (;;) {
    // Looked at again: until its run was claimed, the owner before may have committed to it, and begun runs below it.
    claimed.found = await findAgain(log, claimed.found);
    const { log: own, children } = claimed.found;
    // Asked when they had been seen: a worker that stood still in between may have lost the run by then.
    const now = children.length > 0 ? (await log.read(runId, { limit: 0 }))?.info : own.info;
    presence.check(runId, claimed.at);
    if (now?.lease.fence !== fences.get(runId)) return false;
    // One that is over gets no commit any more.
    const free = infosOf(claimed.found).filter((info) => !fences.has(info.runId) && !isOver(info.status));
    if (free.length === 0) return true;
    for (const info of free) {
      const child = await log.leases.claim(info.runId, { worker, seen: info.lease });
      // One that was not given was changed in the last moment, and is looked at once more.
      if (child.isGranted) fences.set(info.runId, child.fence);
    }
  }
}

const watches = new WeakMap<Presence, LeaseWatch>();

/** Root runs that may be taken up, oldest first: owner gone, or waiting with an answer in the inbox. */
export async function claimable(log: EventLog, presence: Presence): Promise<RunInfo[]> {
  let watch = watches.get(presence);
  if (!watch) watches.set(presence, (watch = new LeaseWatch({ ttlMs: presence.leaseMs })));
  const active = await listAll(log, { status: ['running', 'stopping'], parent: null });
  const answered = await listAll(log, { status: 'paused', hasInbox: true, parent: null });
  const runs = [...active, ...answered];
  const free = new Set(watch.observe(runs));
  return runs
    .filter((run) => free.has(run) || isOwn(run.lease, presence))
    .toSorted((a, b) => a.createdAt - b.createdAt || (a.runId < b.runId ? -1 : 1));
}

/** Gives back what was claimed and is not gone on with. */
export async function unclaim(log: EventLog, { fences }: Claimed): Promise<void> {
  for (const [runId, fence] of fences) {
    // Where the log ends by now: who had the run before may have committed between the look and the claim.
    const info = await log.read(runId, { limit: 0 }).then(
      (read) => read?.info,
      () => undefined,
    );
    if (info?.lease.fence !== fence) continue;
    await log.append({ runId, position: info.head, fence, events: [], release: true }).catch(() => undefined);
  }
}

/** What was claimed, in the worker's hands; what was posted lands before the run goes on. */
export function holdOf(
  { found, fences, at: claimedAt }: Claimed,
  record: RunRecord,
  { log, presence }: { log: EventLog; presence: Presence },
): Hold {
  const { info, inbox } = found.log;
  const { runId, agent, session } = info;
  const places = placesOf(found, fences);
  const asked = new Map([found, ...descendants(found)].map((one) => [one.log.info.runId, one.state.open]));
  const own = { places, claimedAt };
  const hold = new Hold({ log, presence, runId, agent, session, ...own, waiting: asksIn(info), asked });
  const posted = new Map(inbox.map(({ event, position }) => [event as RunEvent, position]));
  record.inbox.push(...hold.take(posted));
  return hold;
}
