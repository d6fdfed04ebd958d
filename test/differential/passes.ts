/** The two passes over all cases: which sides they compare, and what may differ between them. */
import { amnesiaDeviations } from './amnesia.ts';
import { deviations } from './deviations.ts';
import { loadSide, play, type Case } from './harness.ts';
import { all, type Pair } from './masks.ts';
import { firstDifference } from './normalise.ts';
import { errorState, errorTexts, type Deviation } from './rules.ts';

export type Pass = {
  name: string;
  /** Plays a case on both sides. */
  play: (one: Case) => Promise<Pair>;
  /** What is listed, by case. */
  listed: ReadonlyMap<string, readonly Deviation[]>;
  /** Applies to every case. */
  always: readonly Deviation[];
};

export const passes: Readonly<Record<'published' | 'amnesia', Pass>> = {
  published: {
    name: 'ours against the published SDK',
    play: async (one) => ({
      published: await play(one, await loadSide('published')),
      ours: await play(one, await loadSide('ours')),
    }),
    listed: deviations,
    always: [errorState, errorTexts],
  },
  amnesia: {
    name: 'ours with amnesia after every commit against ours',
    play: async (one) => ({
      published: await play(one, await loadSide('ours')),
      ours: await play(one, await loadSide('ours', { amnesia: true })),
    }),
    listed: amnesiaDeviations,
    always: [],
  },
};

/** The pair without what these deviations explain. Throws where one of them is not as it should be. */
export const reconcile = (pass: Pass, pair: Pair, found: readonly Deviation[]): Pair =>
  all(...[...found, ...pass.always].map(({ mask }) => mask))(pair);

/** The deviations of a case that it does not need: without them, the traces are equal too. */
export function needless(pass: Pass, pair: Pair, found: readonly Deviation[]): string[] {
  const enough = (some: readonly Deviation[]): boolean => {
    try {
      const { published, ours } = reconcile(pass, pair, some);
      return firstDifference(published, ours) === undefined;
    } catch {
      // A claim of another deviation failed: what was left out is needed.
      return false;
    }
  };
  const always = found.filter(({ sometimes }) => sometimes !== true);
  return always.filter((one) => enough(found.filter((other) => other !== one))).map(({ id }) => id);
}
