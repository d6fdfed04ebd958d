/** What an error of PostgreSQL means to the user of a session, and whether the same may be tried again. */
import { UserError } from '../../protocol/errors.ts';
import type { Deadline, Verdict } from '../../store/deadline.ts';
import { meaningOf } from '../../store/postgres/failure.ts';
import { SessionError } from '../errors.ts';
import type { Command } from '../sqlite/commands.ts';
import { lost, unreachable } from '../stored/deadline.ts';
import { isRepeatable } from '../stored/operations.ts';

export type Asked = {
  readonly place: string;
  readonly deadline: Deadline;
  readonly command: Command;
  /** Whether something that changes the session was sent. */
  readonly mayHaveWritten: boolean;
};

export function judge(thrown: unknown, asked: Asked): Verdict {
  const { place, deadline, command } = asked;
  if (thrown instanceof SessionError || thrown instanceof UserError) return { error: thrown, again: false };
  const { kind, message, cause, again } = meaningOf(thrown, asked);
  switch (kind) {
    case 'lost':
      return { error: lost(place, cause), again: isRepeatable(command) };
    case 'unreachable':
      return { error: unreachable(place, deadline, cause), again };
    case 'too-long': {
      const said =
        'PostgresSession: tenant, session id and operation id are too long together; PostgreSQL takes about 2,600 bytes. Nothing was changed.';
      return { error: new UserError(said), again: false };
    }
    case 'cannot-open':
    case 'busy':
    case 'full':
    case 'read-only':
    case 'store':
      return { error: new SessionError(`session/${kind}`, message, { cause }), again };
  }
}
