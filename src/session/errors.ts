/** What a store of sessions can fail with. Wrong use is a `UserError`; this is about the store and what is in it. */
import { AgentsError } from '../protocol/errors.ts';

/**
 * - `session/busy`: other writers held the store for longer than `timeoutMs`; nothing was changed.
 * - `session/full`: no space; nothing was changed.
 * - `session/read-only`: the store cannot be written.
 * - `session/cannot-open`, `session/not-a-database`: the file cannot be opened, or is another kind of file.
 * - `session/newer-schema`: a newer version of this package wrote the store.
 * - `session/moved`: the file was deleted or replaced while it was open.
 * - `session/corrupt-item`: a stored item is unreadable; it was kept. `positions` says which.
 * - `session/cleared`: the session was cleared since; a late retry must not bring erased items back.
 * - `session/conflict`: the session has other items than the caller expected; nothing was changed.
 * - `session/closed`: the session was closed before the call.
 * - `session/lost`: the writer or the connection died before it answered. The change may be there or not: retry with
 *   an operation id.
 * - `session/unreachable`: the server could not be reached within `timeoutMs`; nothing was changed.
 * - `session/not-durable`: `requireDurable` was asked for and the server does not keep what it acknowledges.
 * - `session/store`: anything else that the database says.
 */
export type SessionErrorCode = `session/${(typeof KINDS)[number]}`;

const KINDS = [
  'busy',
  'full',
  'read-only',
  'cannot-open',
  'not-a-database',
  'newer-schema',
  'moved',
  'corrupt-item',
  'cleared',
  'conflict',
  'closed',
  'lost',
  'unreachable',
  'not-durable',
  'store',
] as const;
const CODES: ReadonlySet<string> = new Set(KINDS.map((kind) => `session/${kind}`));
export const isSessionErrorCode = (code: string): code is SessionErrorCode => CODES.has(code);

export type SessionErrorDetails = {
  /** Positions of the unreadable items. */
  readonly positions?: readonly number[];
  /** Id of the process that holds the store, where it is known. */
  readonly blockedBy?: number;
  /** What the database said. */
  readonly cause?: unknown;
};

/** A session's store refuses or fails. The message names the file and the remedy, never what items say. */
export class SessionError extends AgentsError {
  override readonly code: SessionErrorCode;
  declare readonly positions?: readonly number[];
  declare readonly blockedBy?: number;

  constructor(code: SessionErrorCode, message: string, { positions, blockedBy, cause }: SessionErrorDetails = {}) {
    super(message);
    this.code = code;
    if (positions) this.positions = positions;
    if (blockedBy !== undefined) this.blockedBy = blockedBy;
    if (cause !== undefined) this.cause = cause;
  }
}
