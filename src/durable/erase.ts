/**
 * Forgetting runs with all that was said in them.
 *
 * E1 Nothing is deleted before every run that is meant is at rest and in the hands of this worker: whoever had one before
 *    is fenced.
 * E2 The log goes last: it says which runs there are, so what was cut off can be done again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../kernel/index.ts';
import { type EventLog, LeaseWatch, LogError, type RunInfo } from '../log/index.ts';
import { UserError } from '../protocol/errors.ts';
import { timerMs } from '../protocol/timers.ts';
import { isFinal } from '../run/record.ts';
import type { ErasablePlace } from '../store/erase.ts';
import { LOOKS_A_LEASE } from './claim.ts';
import { DurableError } from './errors.ts';
import { listAll } from './list-all.ts';
import type { Presence } from './presence.ts';
import { unknownRun } from './revive.ts';
import type { EraseOptions, EraseTarget, Erased } from './types.ts';

/** Runs a call of the log, and of a place. */
const CHUNK = 20;

export type Eraser = {
  readonly log: EventLog;
  readonly presence: Presence;
  readonly places: readonly ErasablePlace[];
  /** Resolves when a run that this process has is at rest; undefined where it has it not. */
  readonly resting: (runId: string) => Promise<void> | undefined;
};

/** @throws DurableError `durable/owned`, `durable/unknown-run`; UserError; what log and places fail with */
export async function erase(eraser: Eraser, target: EraseTarget, options: EraseOptions = {}): Promise<Erased> {
  const { log, places, presence } = eraser;
  const all = 'all' in target;
  const asked = 'sessionId' in target ? [checked(target.sessionId)] : [];
  const counts = new Map(places.map(({ name }) => [name, 0]));
  const count = async (place: ErasablePlace, runs: readonly string[], of: readonly string[]): Promise<void> => {
    const erased = await place.erase({ sessions: of, runs, all });
    counts.set(place.name, (counts.get(place.name) ?? 0) + erased);
  };
  let runs = 0;
  // Again where others have started runs meanwhile.
  for (let isFirst = true; ; isFirst = false) {
    const found = await rootsOf(log, target, isFirst);
    if (!isFirst && found.length === 0) break;
    const sessions = asked.length > 0 ? [...asked, ...(await copiedSessions(log, found, asked))] : [];
    const ids: string[] = [];
    if (places.length > 0) for (const { runId } of found) ids.push(runId, ...(await below(log, runId)));
    const own = await settle(eraser, found, options);
    try {
      for (const place of places) {
        if (all) await count(place, ids, []);
        else for (const part of chunks(ids, sessions.length > 0)) await count(place, part, sessions);
      }
      // Copies before what they are copies of: by that they are found.
      const roots = chunks(found.map(({ runId }) => runId).toReversed());
      for (const [n, runIds] of roots.entries()) {
        runs += await log.remove({ runIds, evenOpen: true, limit: CHUNK, scrub: n === roots.length - 1 });
      }
    } catch (error) {
      // Not this worker's for as long as that lives: another may have to erase them.
      await giveBack(log, own);
      throw error;
    } finally {
      for (const _ of found.filter(isClaimed)) presence.leave();
    }
  }
  return { runs, places: Object.fromEntries(counts) };
}

/** Also one that is empty, where something is to be done without runs. */
function chunks<T>(list: readonly T[], evenNone = false): T[][] {
  const parts = Array.from({ length: Math.ceil(list.length / CHUNK) }, (_, n) =>
    list.slice(n * CHUNK, (n + 1) * CHUNK),
  );
  return parts.length === 0 && evenNone ? [[]] : parts;
}

function checked(sessionId: string): string {
  if (typeof sessionId === 'string' && sessionId !== '') return sessionId;
  throw new UserError('RunStore.erase needs the id of a session as `sessionId`.');
}

/** Runs without a parent that are meant, and the copies of them. */
async function rootsOf(log: EventLog, target: EraseTarget, isFirst: boolean): Promise<RunInfo[]> {
  const roots = new Map<string, RunInfo>();
  const add = async (found: readonly RunInfo[]): Promise<void> => {
    for (const info of found) {
      if (roots.has(info.runId)) continue;
      roots.set(info.runId, info);
      await add(await listAll(log, { forkOf: info.runId }));
    }
  };
  if ('all' in target) await add(await listAll(log, { parent: null }));
  else if ('sessionId' in target) await add(await listAll(log, { session: target.sessionId }));
  else await add(await named(log, target.runId, isFirst));
  return [...roots.values()];
}

/** Sessions that only copies wrote to. */
async function copiedSessions(log: EventLog, found: readonly RunInfo[], known: readonly string[]): Promise<string[]> {
  const ids = new Set(found.map(({ runId }) => runId));
  const others = new Set(
    found.flatMap(({ session }) => (session === undefined || known.includes(session) ? [] : [session])),
  );
  const own: string[] = [];
  for (const session of others) {
    if ((await listAll(log, { session })).every(({ runId }) => ids.has(runId))) own.push(session);
  }
  return own;
}

async function named(log: EventLog, runId: string, isNeeded: boolean): Promise<RunInfo[]> {
  const info = await log.watch(runId, {});
  if (info?.parent !== undefined) {
    throw new UserError(`Run ${runId} is that of a sub-agent. Erase the run that it belongs to: ${info.parent}.`);
  }
  if (info) return [info];
  // Its copies may be left of an erasure that was cut off.
  const copies = await listAll(log, { forkOf: runId });
  if (isNeeded && copies.length === 0) throw unknownRun(runId);
  return copies;
}

/** Runs of sub-agents, theirs too. */
async function below(log: EventLog, runId: string): Promise<string[]> {
  const children = (await listAll(log, { parent: runId })).map((child) => child.runId);
  const further: string[] = [];
  for (const child of children) further.push(...(await below(log, child)));
  return [...children, ...further];
}

/** A run that nobody can go on with needs no lease. */
const isClaimed = ({ status }: RunInfo): boolean => !isFinal(status);

async function settle(eraser: Eraser, roots: readonly RunInfo[], options: EraseOptions): Promise<Own[]> {
  const { log, presence } = eraser;
  const open = roots.filter(isClaimed);
  const { cancel = false } = options;
  if (cancel) for (const { runId } of open) await tellToStop(log, runId);
  const claims = await Promise.allSettled(open.map(({ runId }) => claim(eraser, runId, options)));
  const own = claims.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
  const refused = claims.find((one) => one.status === 'rejected');
  if (!refused) return own;
  await giveBack(log, own);
  for (const one of claims) if (one.status === 'fulfilled') presence.leave();
  throw refused.reason;
}

async function giveBack(log: EventLog, own: readonly Own[]): Promise<void> {
  for (const { runId, position, fence } of own) {
    await log.append({ runId, position, fence, events: [], release: true }).catch(() => undefined);
  }
}

async function tellToStop(log: EventLog, runId: string): Promise<void> {
  const error = { name: 'AbortError', message: 'The run was erased.' };
  const event: RunEvent = { type: 'run.stopping', cause: 'abort', error };
  try {
    await log.post(runId, { key: 'cancel', event });
  } catch (thrown) {
    if (!(thrown instanceof LogError && (thrown.code === 'log/ended' || thrown.code === 'log/unknown-run')))
      throw thrown;
  }
}

type Own = { readonly runId: string; readonly position: number; readonly fence: number };

/**
 * Takes the lease, once whoever has it has come to rest or shows no sign of life. Reads no event: a damaged log must be
 * erasable. Undefined: the run is gone already.
 */
async function claim(eraser: Eraser, runId: string, options: EraseOptions): Promise<Own | undefined> {
  const { presence, resting } = eraser;
  const { cancel = false, timeoutMs = 30_000 } = options;
  const own = resting(runId);
  if (own) {
    if (!cancel) throw owned(runId, 'in this process');
    await Promise.race([own, sleep(timerMs(timeoutMs), undefined, { ref: false })]);
    if (resting(runId)) throw owned(runId, `in this process, and did not stop within ${timeoutMs} ms`);
  }
  await presence.enter();
  try {
    return await claimLease(eraser, runId, Math.max(presence.leaseMs * 1.2, cancel ? timeoutMs : 0));
  } catch (error) {
    presence.leave();
    throw error;
  }
}

async function claimLease({ log, presence }: Eraser, runId: string, waitMs: number): Promise<Own | undefined> {
  const { worker, leaseMs } = presence;
  const watch = new LeaseWatch({ ttlMs: leaseMs });
  const deadline = performance.now() + waitMs;
  for (;;) {
    // Who names nothing that is known is told at once.
    const info = await log.watch(runId, {});
    if (!info) return undefined;
    const isFree = info.lease.owner === worker || watch.observe([info]).length > 0;
    if (isFree) {
      const claimed = await log.leases.claim(runId, { worker, seen: info.lease });
      if (claimed.isGranted) return { runId, position: info.head, fence: claimed.fence };
    } else if (performance.now() >= deadline) throw owned(runId, `at worker ${info.lease.owner ?? ''}, which lives`);
    await sleep(Math.min(leaseMs / LOOKS_A_LEASE, 500));
  }
}

const owned = (runId: string, by: string): DurableError =>
  new DurableError(
    'durable/owned',
    runId,
    `Run ${runId} is under way ${by}. Nothing was erased. Wait for it, or erase with { cancel: true }.`,
  );
