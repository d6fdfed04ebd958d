/**
 * Nobody takes a run up to wait for a turn on its session: a run that was started in a tool of the run which has the
 * turn would wait for its own starter, which nobody may have taken up yet. And nobody goes on with a run on another
 * session than its own: the one would miss what was said, and the turn on it would never end.
 */
import type { State } from '../kernel/index.ts';
import { type HeldSessionTurn, isTurnAwareSession, SessionBusy } from '../session/index.ts';
import { DurableError } from './errors.ts';
import type { Found } from './revive.ts';
import type { ResumeOptions } from './types.ts';

/**
 * Takes the turn that a run will need, where it is free; the run takes it over by its id.
 *
 * @returns `busy` where another run has it
 */
export async function turnOfRun(
  { runId, hasSession }: State,
  { session, sessionTurn }: ResumeOptions,
): Promise<HeldSessionTurn | 'busy' | undefined> {
  const waits = (sessionTurn?.onBusy ?? 'queue') === 'queue';
  if (!hasSession || !waits || !session || !isTurnAwareSession(session)) return undefined;
  try {
    return await session.takeTurn({ runId, durable: true, onBusy: 'reject' });
  } catch (error) {
    if (error instanceof SessionBusy) return 'busy';
    throw error;
  }
}

/** @throws DurableError `durable/other-session` */
export async function checkSession(
  { log: { info }, state }: Found,
  { session }: Pick<ResumeOptions, 'session'>,
): Promise<void> {
  if (!state.hasSession || info.session === undefined) return;
  // A copy may go on without the session that it was made with.
  if (!session && state.fork) return;
  const given = await session?.getSessionId();
  if (given === info.session) return;
  throw new DurableError(
    'durable/other-session',
    info.runId,
    `Run ${info.runId} keeps its conversation in session "${info.session}", and ` +
      `${given === undefined ? 'no session was given' : `session "${given}" was given`} to go on with it. Nothing was changed. ` +
      'Give the session to resume(runId, { session }), or by the resumeOptions of the store.',
  );
}
