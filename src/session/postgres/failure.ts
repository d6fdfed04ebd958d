/** What an error of PostgreSQL means to a user, and whether the same may be tried again. */
import { UserError } from '../../protocol/errors.ts';
import { SessionError } from '../errors.ts';
import type { SessionErrorCode } from '../errors.ts';
import type { Command } from '../sqlite/commands.ts';
import { causeOf, lost, unreachable } from '../stored/deadline.ts';
import type { Deadline, Verdict } from '../stored/deadline.ts';
import { isRepeatable } from '../stored/operations.ts';
import { isStatementError, NotConnected, sqlState } from './connections.ts';

export type Asked = {
  readonly place: string;
  readonly deadline: Deadline;
  readonly command: Command;
  /** Whether something that changes the session was sent. */
  readonly mayHaveWritten: boolean;
};

export function judge(thrown: unknown, asked: Asked): Verdict {
  const { place, deadline, command, mayHaveWritten } = asked;
  if (thrown instanceof SessionError || thrown instanceof UserError) return { error: thrown, again: false };
  if (thrown instanceof NotConnected) return judgeConnection(thrown.cause ?? thrown, asked);
  if (isStatementError(thrown)) return judgeStatement(thrown, asked);
  if (!mayHaveWritten) return { error: unreachable(place, deadline, thrown), again: true };
  return { error: lost(place, thrown), again: isRepeatable(command) };
}

/** Codes of errors that waiting does not mend. */
const WRONG_SETTINGS = /^(28|3D|3F)/;
const NO_SUCH_HOST = 'ENOTFOUND';

function judgeConnection(thrown: unknown, { place, deadline }: Asked): Verdict {
  const state = sqlState(thrown);
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if ((state !== undefined && WRONG_SETTINGS.test(state)) || code === NO_SUCH_HOST) {
    const said = thrown instanceof Error ? thrown.message : String(thrown);
    const message = `${place} cannot be opened: ${said}. Check host, database, user and password.`;
    return { error: new SessionError('session/cannot-open', message, { cause: causeOf(thrown) }), again: false };
  }
  return { error: unreachable(place, deadline, thrown), again: true };
}

/** The statement was rolled back. */
function judgeStatement(thrown: unknown, { place, deadline }: Asked): Verdict {
  const state = sqlState(thrown) ?? '';
  if (state === '54000' || state === '22001') {
    const message =
      'PostgresSession: tenant, session id and operation id are too long together; PostgreSQL takes about 2,600 bytes. Nothing was changed.';
    return { error: new UserError(message), again: false };
  }
  const [code, what, again = false] = meaning(state, deadline);
  // The message of an error may quote values; its code does not.
  const message = `${place}: ${what}. Nothing of the call was saved. (SQLSTATE ${state})`;
  return { error: new SessionError(code, message, { cause: causeOf(thrown) }), again };
}

/** https://www.postgresql.org/docs/15/errcodes-appendix.html */
function meaning(state: string, { ms }: Deadline): [SessionErrorCode, string, boolean?] {
  switch (state) {
    case '55P03':
    case '57014':
      return ['session/busy', `others held the session for ${ms} ms; see pg_stat_activity, or raise timeoutMs`];
    case '40001':
    case '40P01':
      return ['session/busy', 'other transactions were in the way', true];
    case '53100':
      return ['session/full', 'the disk of the server is full; make room and call again'];
    case '53200':
    case '53300':
      return ['session/busy', 'the server has no memory or no connection left', true];
    case '25006':
      return ['session/read-only', 'the server takes no writes; is it a replica? Connect to the primary'];
    case '42501':
      return ['session/read-only', 'the user may not do this; grant CREATE once on the schema, then rights on baton_*'];
    default:
      return ['session/store', 'the database failed'];
  }
}
