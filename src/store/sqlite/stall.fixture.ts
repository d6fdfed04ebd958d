/**
 * How long the event loop of this process stood still, and how much of that was this process's doing. On a machine
 * with more to do than processors, a thread also stands still because it waits for one; Linux says for how long.
 */
import { readFileSync } from 'node:fs';

export type Stall = {
  /** The longest time by which a timer was late. */
  readonly longestStallMs: number;
  /** The same, less the time in which the thread was ready to run and had no processor. */
  readonly ownStallMs: number;
  /** When that was, since the measure began. */
  readonly ownStallAtMs: number;
};

const TICK_MS = 5;

/** Begins to measure. The function gives what was found until then, and ends it. */
export function measureStall(): () => Stall {
  const began = performance.now();
  let [longestStallMs, ownStallMs, ownStallAtMs] = [0, 0, 0];
  let [last, waited] = [performance.now(), waitedForProcessorMs()];
  const tick = (): void => {
    const [now, waitedNow] = [performance.now(), waitedForProcessorMs()];
    const late = now - last - TICK_MS;
    longestStallMs = Math.max(longestStallMs, late);
    const own = late - (waitedNow - waited);
    if (own > ownStallMs) [ownStallMs, ownStallAtMs] = [own, now - began];
    [last, waited] = [now, waitedNow];
    timer = setTimeout(tick, TICK_MS);
  };
  let timer = setTimeout(tick, TICK_MS);
  return () => {
    clearTimeout(timer);
    return { longestStallMs, ownStallMs, ownStallAtMs };
  };
}

/** Of this thread since it began; 0 where the system does not tell. */
function waitedForProcessorMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1] ?? 0) / 1e6;
  } catch {
    return 0;
  }
}
