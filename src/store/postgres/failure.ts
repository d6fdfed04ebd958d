/** What an error of PostgreSQL means, whoever asked. */
import { causeOf, NotConnected } from '../deadline.ts';
import type { Deadline } from '../deadline.ts';
import { isStatementError, sqlState } from './connections.ts';

/** What a store says in its own errors; `lost` and `unreachable` it words itself. */
export type Meaning = {
  readonly kind: 'cannot-open' | 'busy' | 'full' | 'read-only' | 'too-long' | 'store' | 'unreachable' | 'lost';
  readonly message: string;
  readonly cause: Error;
  /** Whether the same may be tried again: nothing of it happened, and it may go better. */
  readonly again: boolean;
};

/** Codes of errors that waiting does not mend. */
const WRONG_SETTINGS = /^(28|3D|3F)/;
const NO_SUCH_HOST = 'ENOTFOUND';

/** @param asked.mayHaveWritten whether something that changes the store was sent */
export function meaningOf(
  thrown: unknown,
  asked: { readonly place: string; readonly deadline: Deadline; readonly mayHaveWritten: boolean },
): Meaning {
  const { place, deadline, mayHaveWritten } = asked;
  if (thrown instanceof NotConnected) return connectionMeaning(thrown.cause ?? thrown, place);
  const cause = causeOf(thrown);
  if (!isStatementError(thrown)) {
    return { kind: mayHaveWritten ? 'lost' : 'unreachable', message: '', cause, again: !mayHaveWritten };
  }
  const state = sqlState(thrown) ?? '';
  const [kind, what, again = false] = statementMeaning(state, deadline);
  // The message of an error may quote values; its code does not.
  const message = `${place}: ${what}. Nothing of the call was saved. (SQLSTATE ${state})`;
  return { kind, message, cause, again };
}

function connectionMeaning(thrown: unknown, place: string): Meaning {
  const cause = causeOf(thrown);
  const state = sqlState(thrown);
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if ((state !== undefined && WRONG_SETTINGS.test(state)) || code === NO_SUCH_HOST) {
    const message = `${place} cannot be opened: ${cause.message}. Check host, database, user and password.`;
    return { kind: 'cannot-open', message, cause, again: false };
  }
  return { kind: 'unreachable', message: '', cause, again: true };
}

/** https://www.postgresql.org/docs/15/errcodes-appendix.html */
function statementMeaning(state: string, { ms }: Deadline): [Meaning['kind'], string, boolean?] {
  switch (state) {
    case '54000':
    case '22001':
      return ['too-long', 'an id is too long for an index; PostgreSQL takes about 2,600 bytes'];
    case '55P03':
    case '57014':
      return ['busy', `others held the rows for ${ms} ms; see pg_stat_activity, or raise timeoutMs`];
    case '40001':
    case '40P01':
      return ['busy', 'other transactions were in the way', true];
    case '53100':
      return ['full', 'the disk of the server is full; make room and call again'];
    case '53200':
    case '53300':
      return ['busy', 'the server has no memory or no connection left', true];
    case '25006':
      return ['read-only', 'the server takes no writes; is it a replica? Connect to the primary'];
    case '42501':
      return ['read-only', 'the user may not do this; grant CREATE once on the schema, then rights on baton_*'];
    default:
      return ['store', 'the database failed'];
  }
}
