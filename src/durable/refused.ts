/**
 * A run that was turned away as it began, since another has its session (`onBusy: 'reject'`), did nothing and was never
 * under way: none of it stays in the log, and its id is free (decisions/113). Who waited in line for the turn was, and
 * stays; so does a run that somebody has taken up.
 */
import type { State } from '../kernel/index.ts';
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
