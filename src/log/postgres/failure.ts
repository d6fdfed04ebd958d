/** What an error of PostgreSQL means to the user of a log, and whether the same may be tried again. */
import { AgentsError, UserError } from '../../protocol/errors.ts';
import type { Deadline, Verdict } from '../../store/deadline.ts';
import { meaningOf } from '../../store/postgres/failure.ts';
import { LogError, StoreBlocked } from '../errors.ts';

export type Asked = {
  readonly place: string;
  readonly deadline: Deadline;
  /** Whether something that changes the log was sent. */
  readonly mayHaveWritten: boolean;
  /** Whether to do it twice is to do it once. */
  readonly isRepeatable: boolean;
};

export function judge(thrown: unknown, asked: Asked): Verdict {
  // Of the log, or of a room whose write was committed along.
  if (thrown instanceof AgentsError) return { error: thrown, again: false };
  const { place, deadline, isRepeatable } = asked;
  const { kind, message, cause, again } = meaningOf(thrown, asked);
  switch (kind) {
    case 'lost': {
      const said =
        `The connection to ${place} was lost before it answered; what was asked may be saved or not. ` +
        'Repeat the call: a commit is made once.';
      return { error: new LogError('log/lost', said, { cause }), again: isRepeatable };
    }
    case 'unreachable': {
      const said =
        `${place} could not be reached for ${deadline.ms} ms. Nothing was changed. ` +
        'See whether it runs, or raise timeoutMs.';
      return { error: new LogError('log/unreachable', said, { cause }), again };
    }
    case 'too-long':
      return {
        error: new UserError(
          'postgresLog: tenant, run id and the other id of a row are too long together; PostgreSQL takes about ' +
            '2,600 bytes. Nothing was changed.',
        ),
        again: false,
      };
    case 'busy':
      return { error: new StoreBlocked(message, { cause }), again };
    case 'cannot-open':
    case 'full':
    case 'read-only':
    case 'store':
      return { error: new LogError(`log/${kind}`, message, { cause }), again };
  }
}
