/** What an error of Redis means, whoever asked. */
import { causeOf, NotConnected } from '../deadline.ts';
import { DENIED } from './connections.ts';

/** What a store says in its own errors; `lost` and `unreachable` it words itself. */
export type Meaning = {
  readonly kind: 'cannot-open' | 'busy' | 'full' | 'read-only' | 'store' | 'unreachable' | 'lost';
  readonly message: string;
  readonly cause: Error;
  /** Whether the same may be tried again: nothing of it happened, and it may go better. */
  readonly again: boolean;
};

/** @param asked.mayHaveWritten whether something that changes the store was sent */
export function meaningOf(thrown: unknown, asked: { place: string; mayHaveWritten: boolean }): Meaning {
  const { place, mayHaveWritten } = asked;
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const cause = causeOf(thrown);
  if (DENIED.test(said)) {
    // The answer of Redis names no password.
    const message = `${place} cannot be opened: ${said}. Check user, password and rights.`;
    return { kind: 'cannot-open', message, cause, again: false };
  }
  if (thrown instanceof NotConnected || isOffline(thrown)) {
    return { kind: 'unreachable', message: '', cause: causeOf(causeUnder(thrown)), again: true };
  }
  const known = answerMeaning(said);
  if (!known) return { kind: mayHaveWritten ? 'lost' : 'unreachable', message: '', cause, again: !mayHaveWritten };
  const [kind, what, again = false] = known;
  const message = `${place}: ${what}. Nothing of the call was saved. (Redis says: ${said.split(' ')[0]})`;
  return { kind, message, cause, again };
}

const causeUnder = (thrown: unknown): unknown => (thrown instanceof Error ? (thrown.cause ?? thrown) : thrown);

/** Classes of node-redis; its errors have no codes, and its class is not loaded here. */
const isOffline = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'ClientOfflineError' || error.constructor.name === 'ClientOfflineError');

/** The first word of an error that the server sent, which it did instead of writing. */
function answerMeaning(said: string): [Meaning['kind'], string, boolean?] | undefined {
  switch (/^[A-Z]{2,}\b/.exec(said)?.[0]) {
    case 'OOM':
      return ['full', 'the server is at its maxmemory; make room and call again'];
    case 'READONLY':
      return ['read-only', 'the server is a replica; connect to the primary'];
    case 'MISCONF':
      return ['read-only', 'the server cannot write to its disk and takes no writes; see its log'];
    case 'LOADING':
    case 'MASTERDOWN':
    case 'CLUSTERDOWN':
    case 'TRYAGAIN':
    case 'NOREPLICAS':
      return ['unreachable', 'the server is not ready', true];
    case 'BUSY':
      return ['busy', 'another script keeps the server busy', true];
    case 'WRONGTYPE':
      return ['store', 'a key holds something else; choose another keyPrefix'];
    case 'ERR':
    case 'CROSSSLOT':
    case 'MOVED':
    case 'ASK':
      return ['store', 'the server refused the command'];
    default:
      return undefined;
  }
}
