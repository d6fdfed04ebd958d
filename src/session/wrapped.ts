/** Which sessions can be wrapped by another. */
import { UserError } from '../protocol/errors.ts';
import { SessionBusy } from './errors.ts';
import { isTurnAwareSession, type TurnAwareSession } from './turns/types.ts';
import { isRunContextAwareSession, type Session } from './types.ts';

/** @throws UserError for what is no session, and for one that needs the run's context, which a wrapper does not have */
export function checkInner(inner: Session): void {
  if (typeof inner?.getItems !== 'function' || typeof inner.addItems !== 'function') {
    throw new UserError(`A session was expected to keep the items in. Got ${inner === null ? 'null' : typeof inner}.`);
  }
  if (!isRunContextAwareSession(inner)) return;
  throw new UserError(
    'A session that needs the context of the run (`acceptsRunContext`) cannot be wrapped. Open one for the tenant ' +
      'instead, and wrap that.',
  );
}

export type Turns = Pick<TurnAwareSession, 'takeTurn' | 'endTurn' | 'turnHolder'>;

/** The turns of a session around another are the inner one's. */
export function innerTurns(inner: Session): Partial<Turns> {
  if (!isTurnAwareSession(inner)) return {};
  return {
    takeTurn: (request) => inner.takeTurn(request),
    endTurn: (runId) => inner.endTurn(runId),
    ...('turnHolder' in inner && { turnHolder: async () => inner.turnHolder?.() }),
  };
}

type Queue = <T>(act: () => Promise<T>) => Promise<T>;

/**
 * A change that nobody may make in the turn of another, in the wrapper's own queue. Where another has the turn, the wait
 * is outside of that queue: the run that has the turn needs it to go on.
 *
 * @throws SessionBusy after half a minute
 */
export async function inTurnOf<T>(inner: Session, queue: Queue, act: () => Promise<T>): Promise<T> {
  if (!isTurnAwareSession(inner)) return queue(act);
  const request = { runId: `change_${crypto.randomUUID()}`, timeoutMs: 30_000 };
  const atOnce = async (): Promise<T> => {
    const turn = await inner.takeTurn({ ...request, onBusy: 'reject' });
    try {
      return await turn.within(act);
    } finally {
      await turn.end();
    }
  };
  try {
    return await queue(atOnce);
  } catch (error) {
    if (!(error instanceof SessionBusy)) throw error;
  }
  const turn = await inner.takeTurn(request);
  try {
    return await turn.within(() => queue(act));
  } finally {
    await turn.end();
  }
}
