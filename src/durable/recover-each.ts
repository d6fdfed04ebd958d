/** Goes on with runs side by side, and tells what becomes of them. */
import type { RunInfo } from '../log/index.ts';
import type { Recovered, RecoverOptions } from './types.ts';

/** @param recover takes one up, calls `taken`, and runs it until it rests. Undefined: it was left to others */
export async function recoverEach(
  runs: readonly RunInfo[],
  recover: (run: RunInfo, taken: () => void) => Promise<Recovered['outcome'] | undefined>,
  { onTaken, onLooked, onRest }: RecoverOptions,
): Promise<Recovered[]> {
  /** Neither taken nor left yet. */
  const open = new Set(runs);
  const settled = (run: RunInfo): void => {
    if (open.delete(run) && open.size === 0) onLooked?.();
  };
  if (runs.length === 0) onLooked?.();
  const recovering = runs.map(async (run): Promise<Recovered[]> => {
    const { runId } = run;
    const taken = (): void => {
      onTaken?.(run);
      settled(run);
    };
    const outcome = await recover(run, taken).catch((error: unknown) => ({ error }));
    settled(run);
    if (!outcome) return [];
    onRest?.({ runId, outcome });
    return [{ runId, outcome }];
  });
  return (await Promise.all(recovering)).flat();
}
