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

export type Claimed = { found: Found; fences: Map<string, number> };

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

/** Takes the run, then its sub-agents': whoever lost the first cannot commit to it, so the others are safe to take. */
async function tryClaim(log: EventLog, presence: Presence, seen: Found): Promise<Claimed | undefined> {
  const { worker } = presence;
  const { runId, lease } = seen.log.info;
  const root = await log.leases.claim(runId, { worker, seen: lease });
  if (!root.isGranted) return undefined;
  const { owner } = lease;
  if (owner !== undefined && owner !== worker) signal('baton:takeover', () => ({ runId, from: owner, to: worker }));
  const fences = new Map([[runId, root.fence]]);
  // Looked at again: the owner before may have committed between the look and the claim.
  let found = await findAgain(log, seen);
  // A worker that stood still in between may find its claim another's, and must take nothing more of it.
  if (found.log.info.lease.fence !== root.fence) return undefined;
  try {
    for (;;) {
      // One that is over gets no commit any more.
      const free = infosOf(found).filter((info) => !fences.has(info.runId) && !isOver(info.status));
      if (free.length === 0) break;
      for (const info of free) {
        presence.check(runId);
        fences.set(info.runId, await claimChild(log, worker, info));
      }
      // Until its run was claimed, the owner before may have committed to it, and begun runs below it.
      found = await findAgain(log, found);
    }
    presence.check(runId);
  } catch (error) {
    await unclaim(log, { found, fences });
    throw error;
  }
  // A sub-agent's that ended before its claim gets no commit any more, with which the claim would be given back.
  await unclaim(log, { found, fences }, (info) => info.runId !== runId && isOver(info.status));
  return { found, fences };
}

async function claimChild(log: EventLog, worker: string, info: RunInfo): Promise<number> {
  const claimed = await log.leases.claim(info.runId, { worker, seen: info.lease });
  if (claimed.isGranted) return claimed.fence;
  // Its owner committed or showed itself meanwhile; what it holds of the parent it has lost.
  return claimChild(log, worker, { ...info, lease: claimed.lease });
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

/** Gives back what was claimed and is not gone on with; of it, what `which` says. @default all */
export async function unclaim(
  log: EventLog,
  { found, fences }: Claimed,
  which: (info: RunInfo) => boolean = () => true,
): Promise<void> {
  const given = new Set(
    infosOf(found)
      .filter(which)
      .map((info) => info.runId),
  );
  for (const [runId, { position, fence }] of placesOf(found, fences)) {
    // What was not claimed is another's.
    if (!fences.has(runId) || !given.has(runId)) continue;
    await log.append({ runId, position, fence, events: [], release: true }).catch(() => undefined);
  }
}

/** What was claimed, in the worker's hands; what was posted lands before the run goes on. */
export function holdOf(
  { found, fences }: Claimed,
  record: RunRecord,
  { log, presence }: { log: EventLog; presence: Presence },
): Hold {
  const { info, inbox } = found.log;
  const { runId, agent, session } = info;
  const places = placesOf(found, fences);
  const asked = new Map([found, ...descendants(found)].map((one) => [one.log.info.runId, one.state.open]));
  const hold = new Hold({ log, presence, runId, agent, session, places, waiting: asksIn(info), asked });
  const posted = new Map(inbox.map(({ event, position }) => [event as RunEvent, position]));
  record.inbox.push(...hold.take(posted));
  return hold;
}
