/** What an error of Redis means to a user, and whether the same may be tried again. */
import { UserError } from '../../protocol/errors.ts';
import { SessionError } from '../errors.ts';
import type { SessionErrorCode } from '../errors.ts';
import type { Command } from '../sqlite/commands.ts';
import { causeOf } from '../../store/deadline.ts';
import type { Deadline, Verdict } from '../../store/deadline.ts';
import { lost, unreachable } from '../stored/deadline.ts';
import { isRepeatable } from '../stored/operations.ts';
import { DENIED, NotConnected } from './connections.ts';

export type Asked = {
  readonly place: string;
  readonly deadline: Deadline;
  readonly command: Command;
  /** Whether something that changes the session was sent. */
  readonly mayHaveWritten: boolean;
};

export function judge(thrown: unknown, { place, deadline, command, mayHaveWritten }: Asked): Verdict {
  if (thrown instanceof SessionError || thrown instanceof UserError) return { error: thrown, again: false };
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  if (DENIED.test(said)) {
    // The answer of Redis names no password.
    const message = `${place} cannot be opened: ${said}. Check user, password and rights.`;
    return { error: new SessionError('session/cannot-open', message, { cause: causeOf(thrown) }), again: false };
  }
  const isUnsent = thrown instanceof NotConnected || (thrown instanceof Error && thrown.name === 'ClientOfflineError');
  if (isUnsent || isOffline(thrown)) {
    return {
      error: unreachable(place, deadline, thrown instanceof Error ? (thrown.cause ?? thrown) : thrown),
      again: true,
    };
  }
  const known = meaning(said);
  if (known) {
    const [code, what, again = false] = known;
    const message = `${place}: ${what}. Nothing of the call was saved. (Redis says: ${said.split(' ')[0]})`;
    return { error: new SessionError(code, message, { cause: causeOf(thrown) }), again };
  }
  if (!mayHaveWritten) return { error: unreachable(place, deadline, thrown), again: true };
  return { error: lost(place, thrown), again: isRepeatable(command) };
}

/** Classes of node-redis; its errors have no codes, and its class is not loaded here. */
const isOffline = (error: unknown): boolean =>
  error instanceof Error && error.constructor.name === 'ClientOfflineError';

/** The first word of an error that the server sent, which it did instead of writing. */
function meaning(said: string): [SessionErrorCode, string, boolean?] | undefined {
  switch (/^[A-Z]{2,}\b/.exec(said)?.[0]) {
    case 'OOM':
      return ['session/full', 'the server is at its maxmemory; make room and call again'];
    case 'READONLY':
      return ['session/read-only', 'the server is a replica; connect to the primary'];
    case 'MISCONF':
      return ['session/read-only', 'the server cannot write to its disk and takes no writes; see its log'];
    case 'LOADING':
    case 'MASTERDOWN':
    case 'CLUSTERDOWN':
    case 'TRYAGAIN':
    case 'NOREPLICAS':
      return ['session/unreachable', 'the server is not ready', true];
    case 'BUSY':
      return ['session/busy', 'another script keeps the server busy', true];
    case 'WRONGTYPE':
      return ['session/store', 'a key of this session holds something else; choose another keyPrefix'];
    case 'ERR':
    case 'CROSSSLOT':
    case 'MOVED':
    case 'ASK':
      return ['session/store', 'the server refused the command'];
    default:
      return undefined;
  }
}
