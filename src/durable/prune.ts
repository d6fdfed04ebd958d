/** Deleting runs that are over, and idle sessions, by age, number and size: a chunk at a time. */
import { isOver } from '../kernel/index.ts';
import type { EventLog } from '../log/index.ts';
import type { ErasablePlace } from '../store/erase.ts';
import { eachRun } from './list-all.ts';
import { checkRetention } from './retention.ts';
import type { Pruned, RunRetention } from './types.ts';

const CHUNK = 20;

export async function prune(log: EventLog, places: readonly ErasablePlace[], retention: RunRetention): Promise<Pruned> {
  checkRetention(retention);
  const { maxAgeMs, sessionIdleMs } = retention;
  const now = Date.now();
  let runs = 0;
  if (maxAgeMs !== undefined) {
    for (let last = CHUNK; last > 0; runs += last) {
      last = await log.remove({ updatedBefore: now - maxAgeMs, limit: CHUNK });
    }
  }
  runs += await removeBeyond(log, retention);
  let sessions = 0;
  if (sessionIdleMs !== undefined) {
    for (const place of places) sessions += (await place.prune?.({ before: now - sessionIdleMs })) ?? 0;
  }
  return { runs, sessions };
}

/** What is too much, oldest first. */
async function removeBeyond(log: EventLog, { maxRuns = Infinity, maxBytes = Infinity }: RunRetention): Promise<number> {
  if (maxRuns === Infinity && maxBytes === Infinity) return 0;
  let [kept, bytes] = [0, 0];
  const gone: string[] = [];
  for await (const run of eachRun(log, {})) {
    // Of a sub-agent: younger than its run, so it was counted before.
    bytes += run.bytes;
    if (run.parent !== undefined) continue;
    kept += 1;
    if ((kept > maxRuns || bytes > maxBytes) && isOver(run.status)) gone.push(run.runId);
  }
  let removed = 0;
  while (gone.length > 0) removed += await removeOver(log, gone.splice(-CHUNK));
  return removed;
}

/** Those of them that nobody has taken up meanwhile. */
async function removeOver(log: EventLog, runIds: readonly string[]): Promise<number> {
  const all = await Promise.all(runIds.map((runId) => log.read(runId, { limit: 0 })));
  const over = all.flatMap((run) => (run && isOver(run.info.status) ? [run.info.runId] : []));
  return over.length > 0 ? log.remove({ runIds: over, limit: CHUNK }) : 0;
}
