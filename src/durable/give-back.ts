/** What runs had set aside of budgets for model calls that nobody asks again. */
import type { Effect } from '../kernel/index.ts';
import type { LiveRun } from '../run/live-run.ts';
import type { AskedCall, Reserved } from '../run/reserved.ts';

export const modelCalls = (runId: string, effects: readonly Effect[] = []): AskedCall[] =>
  effects.flatMap((effect) =>
    effect.do === 'call_model' ? [{ effect: `${runId}/${effect.id}`, epoch: effect.attempt ?? 1 }] : [],
  );

/** Loaded when first needed: few runs are left, and few model calls end without an answer. */
export const giveBack = async (run: LiveRun, reserved: Reserved): Promise<void> =>
  (await import('../run/reserved.ts')).giveBackReserved(run, reserved);
