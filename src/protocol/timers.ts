/** Longest delay of a timer, in milliseconds: with a longer one, `Infinity` included, Node and browsers fire at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/** As much of a wait as a timer can keep, which is 24.8 days. */
export const timerMs = (ms: number): number => Math.min(Math.max(0, ms), MAX_TIMER_MS);
