/** The turn on a session and the one on its branch, as one: what is written to the branch carries the branch's fence. */
import type { HeldSessionTurn } from '../turns/types.ts';

/** `first` was taken first, and is the one that others see. */
export function bothTurns(first: HeldSessionTurn, second: HeldSessionTurn): HeldSessionTurn {
  return {
    runId: first.runId,
    fence: first.fence,
    get isEnded() {
      return first.isEnded;
    },
    within: (work) => first.within(() => second.within(work)),
    note: (waitsFor) => first.note(waitsFor),
    async end() {
      try {
        await second.end();
      } finally {
        await first.end();
      }
    },
    // A log commits one of them; neither is its own.
    writeOf: () => undefined,
    ended() {
      second.ended();
      first.ended();
    },
  };
}
