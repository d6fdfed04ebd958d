/** What an error of Redis means to a user, and whether the same may be tried again. */
import { UserError } from '../../protocol/errors.ts';
import { SessionError } from '../errors.ts';
import type { Command } from '../sqlite/commands.ts';
import type { Deadline, Verdict } from '../../store/deadline.ts';
import { lost, unreachable } from '../stored/deadline.ts';
import { isRepeatable } from '../stored/operations.ts';
import { meaningOf } from '../../store/redis/failure.ts';

export type Asked = {
  readonly place: string;
  readonly deadline: Deadline;
  readonly command: Command;
  /** Whether something that changes the session was sent. */
  readonly mayHaveWritten: boolean;
};

export function judge(thrown: unknown, asked: Asked): Verdict {
  if (thrown instanceof SessionError || thrown instanceof UserError) return { error: thrown, again: false };
  const { place, deadline, command } = asked;
  const { kind, message, cause, again } = meaningOf(thrown, asked);
  switch (kind) {
    case 'lost':
      return { error: lost(place, cause), again: isRepeatable(command) };
    case 'unreachable':
      // A server that answers, and is not ready, says why.
      if (message !== '') return { error: new SessionError('session/unreachable', message, { cause }), again };
      return { error: unreachable(place, deadline, cause), again };
    case 'cannot-open':
    case 'busy':
    case 'full':
    case 'read-only':
    case 'store':
      return { error: new SessionError(`session/${kind}`, message, { cause }), again };
  }
}
