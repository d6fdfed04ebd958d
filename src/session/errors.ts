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
 * - `session/wrong-key`: an item is sealed with a key that was not given. It was kept, as in the five cases below.
 * - `session/tampered`: a sealed item was changed, or comes from another session or tenant.
 * - `session/reordered`: sealed items are missing, repeated or in another order than they were added.
 * - `session/truncated`: the newest items are missing; told only with a `head` kept elsewhere.
 * - `session/expired`: a sealed item is older than `ttlMs`.
 * - `session/plaintext`: an item that is not sealed stands in a sealed session.
 * - `session/unknown-branch`: there is no branch of that name, or no more.
 * - `session/turn-taken`: another run has the turn; nothing was changed. A `SessionBusy` says which.
 * - `session/fenced`: the turn in which this was written is over or another's; nothing was changed.
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
  'wrong-key',
  'tampered',
  'reordered',
  'truncated',
  'expired',
  'plaintext',
  'unknown-branch',
  'turn-taken',
  'fenced',
  'lost',
  'unreachable',
  'not-durable',
  'store',
] as const;
const CODES: ReadonlySet<string> = /* @__PURE__ */ new Set(/* @__PURE__ */ KINDS.map((kind) => `session/${kind}`));
export const isSessionErrorCode = (code: string): code is SessionErrorCode => CODES.has(code);

export type SessionErrorDetails = {
  /** Positions of the unreadable items; of sealed ones, their index in what was read. */
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

type Busy = {
  sessionId: string;
  runId: string;
  waitsFor: string | undefined;
  waitedMs: number | undefined;
  /** Why waiting is no use, and what to do, in place of the advice. Without a full stop. */
  why?: string;
};

/** Another run has the turn on the session. Nothing was read or changed. */
export class SessionBusy extends SessionError {
  /** The run that has the turn, or is next. */
  readonly runId: string;
  /** What that run waits for, such as an approval, where it is known. */
  declare readonly waitsFor?: string;

  constructor({ sessionId, runId, waitsFor, waitedMs, why }: Busy) {
    const reason = waitsFor === undefined ? '' : `, which waits for ${waitsFor}`;
    const waited = waitedMs === undefined ? '' : ` It was waited for ${waitedMs} ms.`;
    const advice =
      'Run again when that has ended. Where it will not come back, session.endTurn(runId) frees the session';
    super(
      'session/turn-taken',
      `Session "${sessionId}" is busy with run ${runId}${reason}.${waited} ${why ?? advice}.`,
    );
    this.runId = runId;
    if (waitsFor !== undefined) this.waitsFor = waitsFor;
  }
}
