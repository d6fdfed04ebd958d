/** Housekeeping: what is done when a process begins to write, and about every hour from then on. */

/** Time, for tests to set. Milliseconds. */
export type Clock = {
  /** Since the epoch. */
  now(): number;
  /** Does the work later, without keeping the process alive for it. Gives what prevents it. */
  after(ms: number, work: () => void): () => void;
  /** From 0 to 1. */
  random(): number;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    timer.unref?.();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

const HOUR_MS = 3_600_000;
/** Processes that were started together do not come together: between 54 and 66 minutes. */
const JITTER = 0.2;

/** @param work must not reject. Gives what ends it. */
export function hourly(work: () => Promise<void>, clock: Clock): () => void {
  let isOver = false;
  let cancel = (): void => undefined;
  const turn = async (): Promise<void> => {
    await work();
    if (!isOver) cancel = clock.after(HOUR_MS * (1 - JITTER / 2 + JITTER * clock.random()), () => void turn());
  };
  void turn();
  return () => {
    isOver = true;
    cancel();
  };
}
