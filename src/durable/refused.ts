/**
 * A run that was turned away as it began, since another has its session (`onBusy: 'reject'`), did nothing and was never
 * under way: none of it stays in the log, and its id is free (decisions/113). Who waited in line for the turn was, and
 * stays; so does a run that somebody has taken up.
 */
import { isOver, type State } from '../kernel/index.ts';
import type { EventLog } from '../log/index.ts';
import type { LiveRun } from '../run/live-run.ts';

export const isRefused = ({ settings }: LiveRun, { status, lacksHistory, stop }: State): boolean =>
  settings.sessionTurn?.onBusy === 'reject' &&
  status === 'failed' &&
  lacksHistory &&
  stop?.error.code === 'session/turn-taken';

/** Gives whether it is gone. Where the log cannot do that now, it stays as a run that failed. */
export async function forget(log: EventLog, runId: string): Promise<boolean> {
  const removed = await log.remove({ runIds: [runId] }).catch(() => 0);
  return removed > 0;
}

/** Whether a run is over, or not there any more. Where the log cannot say so now, it is taken for one that goes on. */
export async function isGone(log: EventLog, runId: string): Promise<boolean> {
  const found = await log.read(runId, { limit: 0 }).catch(() => 'unknown' as const);
  return found === undefined || (found !== 'unknown' && isOver(found.info.status));
}
