/**
 * Turns on a session: one run at a time reads a conversation and adds to it.
 *
 * A turn belongs to a run, not to a process: a durable run that is taken up elsewhere still has it. What is written in
 * a turn carries its fence, so whoever lost the turn without notice (its process was stopped for long) is refused.
 */
import type { StoreWrite } from '../../store/write.ts';
import type { Session } from '../types.ts';

export type SessionTurnRequest = {
  /** Whose turn it is to be. */
  runId: string;
  /**
   * What happens where another has the turn: wait, first come first served; fail at once; or ask it to end with
   * `interrupt` and wait before all others.
   * @default 'queue'
   */
  onBusy?: 'queue' | 'reject' | 'interrupt';
  /** Asks who has the turn to end, once. Where it throws, nobody waits. Needed with onBusy 'interrupt'. */
  interrupt?: (holder: SessionTurnHolder) => Promise<void>;
  /** How long to wait, in milliseconds. @default 300000 */
  timeoutMs?: number;
  /** Gives up waiting. */
  signal?: AbortSignal;
  /**
   * The run outlives its process, and keeps the turn until it ends it. Otherwise the turn ends by itself some time
   * after its process has died.
   * @default false
   */
  durable?: boolean;
};

/** Who has the turn. */
export type SessionTurnHolder = {
  readonly runId: string;
  /** Of its turn. */
  readonly fence: number;
  /** Whether the run outlives its process. */
  readonly isDurable: boolean;
  /** What it waits for, such as an approval, where it is known. */
  readonly waitsFor?: string;
};

/** A turn that a run has. */
export interface HeldSessionTurn {
  readonly runId: string;
  /** Grows with each turn of the session. */
  readonly fence: number;
  /** Whether it was ended here. That it was lost is told by the next write: `session/fenced`. */
  readonly isEnded: boolean;
  /** Does work in this turn: what it writes to the session carries the fence, and runs that it starts join the turn. */
  within<T>(work: () => T): T;
  /** Tells others what the run waits for. */
  note(waitsFor: string | undefined): Promise<void>;
  /** Ends the turn; a second call does nothing. A turn that was joined goes on. */
  end(): Promise<void>;
  /**
   * The end, or a note, as a write that a log in the same database commits with its own events. Undefined where there
   * is none, such as for a turn that was joined.
   */
  writeOf(change: SessionTurnChange): StoreWrite | undefined;
  /** That the end was committed so. */
  ended(): void;
}
export type SessionTurnChange = { end: true } | { waitsFor: string };

/** A session on which runs take turns. */
export interface TurnAwareSession extends Session {
  /**
   * Waits for the turn. Where this code already works in a turn on the same session, it joins that one.
   *
   * @throws SessionBusy where another run has it, at once or after `timeoutMs`; the signal's reason
   */
  takeTurn(request: SessionTurnRequest): Promise<HeldSessionTurn>;
  /** Takes the turn from a run that will not come back, such as one whose log was removed. */
  endTurn(runId: string): Promise<void>;
  /** The run that has the turn; undefined where none has it, and where this code works in the turn itself. */
  turnHolder?(): Promise<SessionTurnHolder | undefined>;
}

export function isTurnAwareSession(session: Session | undefined): session is TurnAwareSession {
  return session !== undefined && session !== null && 'takeTurn' in session && typeof session.takeTurn === 'function';
}

/** A session that can hand an append over to a log in the same database, to be committed along with its events. */
export interface StoreSharingSession extends Session {
  /** Undefined where no log can share the database. */
  appendWrite(items: Parameters<Session['addItems']>[0], options: { operationId: string }): StoreWrite | undefined;
}

export function isStoreSharingSession(session: Session | undefined): session is StoreSharingSession {
  return session !== undefined && session !== null && 'appendWrite' in session;
}
