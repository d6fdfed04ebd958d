/** What one durable step is in this benchmark, and how it is measured; the same for all who are measured. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Steps of one run. */
export const STEPS = 20;
/** What a step gives: 2 KB. */
export const RESULT = 'x'.repeat(2000);

export type Figures = {
  /** Of one step as its run sees it, in milliseconds. */
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly stepsPerSecond: number;
  /** How late a timer of 1 ms fires while the runs go on, in milliseconds. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly steps: number;
};

export type Pair = { readonly alone: Figures; readonly fifty: Figures };

/** One run of `STEPS` steps, under a name that was not used before; the time of each step goes into `times`. */
export type OneRun = (name: string, times: number[]) => Promise<void>;

export const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

async function measure(
  one: OneRun,
  name: string,
  { parallel, ms }: { parallel: number; ms: number },
): Promise<Figures> {
  const times: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let made = 0;
  const lane = async (until: number): Promise<void> => {
    while (performance.now() < until) await one(`${name}-${made++}`, times);
  };
  const lanes = (until: number) => Promise.all(Array.from({ length: parallel }, () => lane(until)));
  await lanes(performance.now() + ms / 10);
  times.length = 0;
  delay.enable();
  const from = performance.now();
  await lanes(from + ms);
  const seconds = (performance.now() - from) / 1000;
  delay.disable();
  const sorted = times.toSorted((a, b) => a - b);
  return {
    meanMs: times.reduce((sum, time) => sum + time, 0) / times.length,
    p50Ms: at(sorted, 0.5),
    p99Ms: at(sorted, 0.99),
    stepsPerSecond: times.length / seconds,
    loopP99Ms: delay.percentile(99) / 1e6 - 1,
    loopMaxMs: delay.max / 1e6 - 1,
    steps: times.length,
  };
}

/** One run after the other, then fifty at a time. @param ms how long each of the two takes */
export async function measurePair(one: OneRun, ms: number): Promise<Pair> {
  const alone = await measure(one, 'alone', { parallel: 1, ms });
  return { alone, fifty: await measure(one, 'fifty', { parallel: 50, ms }) };
}
