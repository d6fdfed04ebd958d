/** What a write is told that was made in a turn which is over, or without one that it needs. */
import { SessionError } from '../errors.ts';
import type { Line } from './line.ts';

export const fenced = ({ holder }: Line, sessionId: string): SessionError =>
  new SessionError(
    'session/fenced',
    `The turn on session "${sessionId}" was lost: ${holder ? `run ${holder.runId} has it now` : 'it was ended'}. ` +
      'Nothing was changed. Run again: the new run reads what was added meanwhile.',
  );

export const taken = (runId: string, sessionId: string): SessionError =>
  new SessionError('session/turn-taken', `Run ${runId} has the turn on session "${sessionId}". Nothing was changed.`);
