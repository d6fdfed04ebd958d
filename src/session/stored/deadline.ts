/** What a session of a server says when it cannot reach the server, or lost it. */
import { causeOf } from '../../store/deadline.ts';
import type { Deadline } from '../../store/deadline.ts';
import { SessionError } from '../errors.ts';

export function unreachable(place: string, { ms }: Deadline, error: unknown): SessionError {
  return new SessionError(
    'session/unreachable',
    `${place} could not be reached for ${ms} ms. Nothing was changed. See whether it runs, or raise timeoutMs.`,
    { cause: causeOf(error) },
  );
}

export function lost(place: string, error: unknown): SessionError {
  return new SessionError(
    'session/lost',
    `The connection to ${place} was lost before it answered; what was asked may be saved or not. ` +
      'Read the session before you repeat the call, or repeat it under the same operation id.',
    { cause: causeOf(error) },
  );
}
