/** The line of a session that lives in this process. */
import { decideTurn, hasTurn, type Line, NOBODY, type TurnAnswer, type TurnCommand } from './line.ts';
import { fenced, taken } from './refusals.ts';
import type { TurnStore } from './take.ts';

export class MemoryTurns implements TurnStore {
  readonly session = this;
  readonly isLocal = true;
  readonly sessionId: string;
  #line: Line = NOBODY;
  #waiting: Set<() => void> | undefined;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  async turn(command: TurnCommand): Promise<TurnAnswer> {
    const { line, answer } = decideTurn(this.#line, command, Date.now());
    const isChanged = line !== this.#line;
    this.#line = line;
    if (isChanged && this.#waiting) for (const wake of this.#waiting) wake();
    return answer;
  }

  async look(): Promise<{ line: Line; now: number }> {
    return { line: this.#line, now: Date.now() };
  }

  async change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const waiting = (this.#waiting ??= new Set());
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        waiting.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake);
      waiting.add(wake);
    });
  }

  /** @throws SessionError `session/fenced`, `session/turn-taken` */
  check(turn: { key: string; fence: number } | undefined, needsTurn: boolean): void {
    checkTurn(this.#line, { turn, needsTurn, sessionId: this.sessionId });
  }
}

export type TurnCheck = {
  /** The turn that a write is made in. */
  turn: { readonly key: string; readonly fence: number } | undefined;
  /** Whether nobody else may have the turn. Whose turn ran out has it until it is taken: only then it writes no more. */
  needsTurn: boolean;
  sessionId: string;
};

/** @throws SessionError `session/fenced` where the turn was lost, `session/turn-taken` where another has it */
export function checkTurn(line: Line, { turn, needsTurn, sessionId }: TurnCheck): void {
  if (turn && !hasTurn(line, turn)) throw fenced(line, sessionId);
  if (needsTurn && !turn && line.holder) throw taken(line.holder.runId, sessionId);
}
