/** Pruning on a timer. */
import { UserError } from '../protocol/errors.ts';
import { timerMs } from '../protocol/timers.ts';
import { warn } from '../protocol/warn.ts';
import type { RunRetention } from './types.ts';

/** @throws UserError for a limit that is none */
export function checkRetention(retention: RunRetention): void {
  for (const [name, value] of Object.entries(retention)) {
    if (typeof value === 'number' && value >= 0) continue;
    throw new UserError(`RunStore: retention.${name} is ${String(value)}. Give a number, 0 or more.`);
  }
}

/** A timer that does not keep the process alive; undefined where none was asked for. */
export function pruneEvery(
  retention: RunRetention | undefined,
  prune: () => Promise<unknown>,
): ReturnType<typeof setInterval> | undefined {
  if (!retention) return undefined;
  checkRetention(retention);
  const { everyMs } = retention;
  if (everyMs === undefined) return undefined;
  let isBusy = false;
  const timer = setInterval(
    () => {
      if (isBusy) return;
      isBusy = true;
      prune()
        // The next time may go better; runs say more of a store in trouble.
        .catch((error: unknown) =>
          warn(`Old runs were not pruned: ${error instanceof Error ? error.message : String(error)}`),
        )
        .finally(() => (isBusy = false));
    },
    timerMs(Math.max(1000, everyMs)),
  );
  timer.unref();
  return timer;
}
