/** What a log can refuse or fail with. Wrong use is a `UserError`. */
import { AgentsError } from '../protocol/errors.ts';
import type { Failure } from '../store/write.ts';

/**
 * - `log/conflict`: the log ends at another position than the commit expects: somebody else appended.
 * - `log/fenced`: another worker has, or had, the lease since; or it was given back. The writer must stop.
 * - `log/exists`: there is a run of this id, made by somebody else.
 * - `log/unknown-run`: there is none, or none of this tenant.
 * - `log/ended`: the run is finished or cancelled.
 * - `log/not-ended`: the run is not over, so it is not removed.
 * - `log/too-large`: an event or the run is beyond a limit.
 * - `log/corrupt`: stored rows are unreadable or missing; they were kept. `positions` says which.
 * - `log/other-store`: a write that should be committed along belongs into another database.
 * - `log/busy`: others held the store for longer than `timeoutMs`: a `StoreBlocked`.
 * - `log/full`, `log/read-only`, `log/cannot-open`, `log/not-a-database`: as they say; the message names the file.
 * - `log/newer-schema`: a newer version of this package wrote the store.
 * - `log/moved`: the file was deleted or replaced while it was open.
 * - `log/closed`: the log was closed before the call.
 * - `log/lost`: the writer died, or the connection broke, before it answered. Repeat the commit: it is made once.
 * - `log/unreachable`: the server could not be reached within `timeoutMs`.
 * - `log/store`: anything else that the database says.
 *
 * With all of them but `log/lost`, nothing was changed.
 */
export type LogErrorCode = `log/${
  | 'conflict'
  | 'fenced'
  | 'exists'
  | 'unknown-run'
  | 'ended'
  | 'not-ended'
  | 'too-large'
  | 'corrupt'
  | 'other-store'
  | 'busy'
  | 'full'
  | 'read-only'
  | 'cannot-open'
  | 'not-a-database'
  | 'newer-schema'
  | 'moved'
  | 'closed'
  | 'lost'
  | 'unreachable'
  | 'store'}`;

export type LogErrorDetails = {
  /** Positions of the events that are unreadable or missing. */
  readonly positions?: readonly number[];
  /** Id of the process that holds the store, where it is known. */
  readonly blockedBy?: number;
  /** What the database said. */
  readonly cause?: unknown;
};

/** A log refuses or fails. The message says what to do, never what events say. */
export class LogError extends AgentsError {
  override readonly code: LogErrorCode;
  declare readonly positions?: readonly number[];
  declare readonly blockedBy?: number;

  constructor(code: LogErrorCode, message: string, { positions, blockedBy, cause }: LogErrorDetails = {}) {
    super(message);
    this.code = code;
    if (positions) this.positions = positions;
    if (blockedBy !== undefined) this.blockedBy = blockedBy;
    if (cause !== undefined) this.cause = cause;
  }
}

/**
 * Others have held the database for longer than the call would wait; one of them may be stopped inside a commit.
 * `blockedBy` is its process id where the system tells.
 */
export class StoreBlocked extends LogError {
  constructor(message: string, details: LogErrorDetails = {}) {
    super('log/busy', message, details);
  }
}

const CODES: ReadonlySet<string> = new Set<LogErrorCode>([
  'log/conflict',
  'log/fenced',
  'log/exists',
  'log/unknown-run',
  'log/ended',
  'log/not-ended',
  'log/too-large',
  'log/corrupt',
  'log/other-store',
  'log/busy',
  'log/full',
  'log/read-only',
  'log/cannot-open',
  'log/not-a-database',
  'log/newer-schema',
  'log/moved',
  'log/closed',
  'log/lost',
  'log/unreachable',
  'log/store',
]);
const isCode = (code: string): code is LogErrorCode => CODES.has(code);

/** The error for a failure that came as data. */
export function logError({ code, message, cause, ...details }: Failure): LogError {
  const all = { ...details, ...(cause !== undefined && { cause: new Error(cause) }) };
  if (code === 'log/busy') return new StoreBlocked(message, all);
  return new LogError(isCode(code) ? code : 'log/store', message, all);
}
