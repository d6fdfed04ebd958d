/** How runs take turns on a session. */
import { UserError } from '../protocol/errors.ts';

export type SessionTurnOptions = {
  /**
   * What a run does that finds its session busy with another:
   * - 'queue' waits, first come first served;
   * - 'reject' fails with `SessionBusy`, which names the other run and what that waits for;
   * - 'interrupt' cancels the other run, which answers its open calls and saves what it did, and goes next;
   * - 'merge' adds its input to the other run, at that one's next model call, and gives that one's result. Where that
   *   ends without another model call, the run goes on by itself.
   *
   * The last two reach a run of another process where both are durable in one store; else they fail with `SessionBusy`.
   * @default 'queue'
   */
  onBusy?: 'queue' | 'reject' | 'interrupt' | 'merge';
  /** How long it waits, in milliseconds. Then it fails with `SessionBusy`. @default 300000 */
  turnTimeoutMs?: number;
  /**
   * Whether a durable run that waits for a person holds the turn until it has ended, so that nobody comes between, or
   * gives it back and takes it again. Runs that are not durable give it back.
   * @default 'hold'
   */
  onPause?: 'hold' | 'release';
};

/** @throws UserError that names the option, its value and what it takes */
export function checkTurnOptions({ onBusy, turnTimeoutMs, onPause }: SessionTurnOptions, isDurable: boolean): void {
  if (onBusy !== undefined && !['queue', 'reject', 'interrupt', 'merge'].includes(onBusy)) {
    throw new UserError(
      `sessionTurn.onBusy is ${JSON.stringify(onBusy)}. Use 'queue', 'reject', 'interrupt' or 'merge'.`,
    );
  }
  if (turnTimeoutMs !== undefined && !(turnTimeoutMs >= 0)) {
    throw new UserError(`sessionTurn.turnTimeoutMs is ${turnTimeoutMs}. Give milliseconds, 0 or more.`);
  }
  if (onPause !== undefined && onPause !== 'hold' && onPause !== 'release') {
    throw new UserError(`sessionTurn.onPause is ${JSON.stringify(onPause)}. Use 'hold' or 'release'.`);
  }
  if (onPause === 'hold' && !isDurable) {
    throw new UserError(
      "sessionTurn.onPause is 'hold', and the run is not durable: nobody would know who has the turn when its process " +
        'ends. Leave it out, or start the run with `durable`.',
    );
  }
}
