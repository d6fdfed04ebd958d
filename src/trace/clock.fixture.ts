/** A clock that stands still until it is told to go on. */
import type { Clock } from './hourly.ts';

export type FakeClock = Clock & {
  /** What is due meanwhile is done, once each. */
  advance(ms: number): void;
  /** In how many milliseconds something is due. */
  waiting(): number[];
};

export function fakeClock(at: number): FakeClock {
  let now = at;
  let timers: { due: number; work: () => void }[] = [];
  return {
    now: () => now,
    random: () => 0.5,
    after(ms, work) {
      const timer = { due: now + ms, work };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    advance(ms) {
      now += ms;
      const due = timers.filter((timer) => timer.due <= now);
      timers = timers.filter((timer) => timer.due > now);
      for (const { work } of due) work();
    },
    waiting: () => timers.map(({ due }) => due - now),
  };
}
