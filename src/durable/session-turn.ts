/**
 * Nobody takes a run up to wait for a turn on its session: a run that was started in a tool of the run which has the
 * turn would wait for its own starter, which nobody may have taken up yet.
 */
import type { State } from '../kernel/index.ts';
import { type HeldSessionTurn, isTurnAwareSession, SessionBusy } from '../session/index.ts';
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
