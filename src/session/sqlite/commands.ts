/** What a session asks of its database, and what it is told. Plain data: it crosses to the writer thread. */
import { UserError } from '../../protocol/errors.ts';
import type { Failure } from '../../store/write.ts';
import { isSessionErrorCode, SessionError } from '../errors.ts';
import type { Line, TurnAnswer, TurnCommand } from '../turns/line.ts';

/** An encoded item. `callId` only for function calls, so that a change of a call need not read the others. */
export type Row = { readonly text: string; readonly callId?: string };

/** Where an append went. Positions grow within a session and are never given twice, not after a pop or a clear. */
export type SessionPosition = {
  /** Counts the clears of the session; starts at 1. */
  readonly generation: number;
  /** Position of the first item; one more than `last` when nothing was appended. */
  readonly first: number;
  /** Position of the last item. */
  readonly last: number;
};

export type Scope = { readonly tenant: string; readonly session: string };

/** The turn that a change is made in. */
export type InTurn = { readonly turn?: { readonly key: string; readonly fence: number } | undefined };

export type Command = Scope &
  InTurn &
  (
    | { readonly do: 'turn'; readonly command: TurnCommand }
    | { readonly do: 'line' }
    | { readonly do: 'read'; /** -1 is all. */ readonly limit: number; readonly tolerant: boolean }
    | { readonly do: 'position' }
    | AppendCommand
    | {
        readonly do: 'replace';
        readonly expected: readonly string[];
        readonly rows: readonly Row[];
        readonly operationId: string;
      }
    | { readonly do: 'rewrite'; readonly changes: readonly { readonly callId: string; readonly row: Row }[] }
    | { readonly do: 'pop'; readonly tolerant: boolean }
    | { readonly do: 'clear' }
  );

export type AppendCommand = {
  readonly do: 'append';
  readonly rows: readonly Row[];
  readonly operationId?: string;
  readonly generation?: number;
  readonly expectedHead?: number;
};

export type Answer = {
  /** Texts of items, oldest first. */
  readonly texts?: readonly string[];
  /** Positions of unreadable items that were left out. */
  readonly unreadable?: readonly number[];
  readonly position?: SessionPosition;
  readonly turn?: TurnAnswer;
  readonly line?: Line;
  /** The time by the store's clock. */
  readonly now?: number;
};

export function isWrite(command: Command): boolean {
  return command.do !== 'read' && command.do !== 'position' && command.do !== 'line';
}

/** How many rows a command writes at most, as far as the command says. */
export function rowsOf(command: Command): number {
  return command.do === 'append' || command.do === 'replace' ? Math.max(1, command.rows.length) : 1;
}

/** The error for a failure that came as data: of the session's own, or of the file. */
export function sessionError({ code, message, cause, ...details }: Failure): UserError | SessionError {
  if (code === 'user/error') return new UserError(message);
  const own = code.replace(/^store\//, 'session/');
  return new SessionError(isSessionErrorCode(own) ? own : 'session/store', message, {
    ...details,
    ...(cause !== undefined && { cause: new Error(cause) }),
  });
}
