/**
 * Kills random systems at every position of their logs and demands the same end.
 *
 * Each commit, of the run and of its sub-agents' runs, is a position; the process dies before the batch is stored, or
 * after it and before anything of it was shown or started. Then the run is brought back from what was stored, and a
 * second time with another kill at a random position of what is left.
 */
import { expect, test } from 'vitest';
import { differences, repeatedEffects } from './compare.ts';
import type { Kill } from './disk.ts';
import { live } from './life.ts';
import { random, upTo } from './random.ts';
import { systemOf } from './systems.ts';

const SYSTEMS = Number(process.env['BATON_KILL_SYSTEMS'] ?? '120');

const positionsOf = (commits: number): Kill[] =>
  Array.from({ length: commits }, (_, at) => [
    { at, when: 'before' as const },
    { at, when: 'after' as const },
  ]).flat();

test.each([
  { kind: 'a run', durable: false },
  { kind: 'a durable run with tools that must not act twice', durable: true },
])('$kind that is killed at any commit ends as if it had not been', async ({ durable }) => {
  const counts = { systems: 0, racing: 0, positions: 0, doubleKills: 0, repeated: 0, subAgentRuns: 0 };
  const problems: string[] = [];
  for (let seed = 0; seed < SYSTEMS; seed++) {
    const spec = systemOf(seed);
    const base = await live(spec, { durable });
    expect(base.problems, `system ${seed}`).toEqual([]);
    counts.systems += 1;
    counts.racing += spec.race ? 1 : 0;
    counts.subAgentRuns += base.disk.logs.size - 1;
    const r = random(seed);
    for (const kill of positionsOf(base.commits)) {
      const second: Kill = { at: upTo(r, base.commits - kill.at), when: r() < 0.5 ? 'before' : 'after' };
      for (const kills of [[kill], [kill, second]]) {
        const killed = await live(spec, { kills, durable });
        const found = differences(spec, base, killed);
        if (found.length > 0)
          problems.push(`system ${seed}, kills ${JSON.stringify(kills)}: ${found.slice(0, 3).join('; ')}`);
        counts.repeated += repeatedEffects(base, killed);
        if (kills.length === 1) counts.positions += 1;
        else counts.doubleKills += 1;
      }
    }
  }
  console.log(JSON.stringify(counts));
  expect(problems).toEqual([]);
});
