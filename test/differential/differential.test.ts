/** The same scenarios, played by the published SDK and by ours, must leave the same traces. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { deviations } from './deviations.ts';
import { amnesia, casesOf, loadSide, play } from './harness.ts';
import { firstDifference } from './normalise.ts';
import { scenarios } from './scenarios/index.ts';

const cases = casesOf(scenarios);
const ids = new Set(cases.map(({ id }) => id));
const oursExists = existsSync(new URL('../../src/index.ts', import.meta.url));

describe('the list of scenarios', () => {
  test('has no name twice', () => {
    expect(ids.size).toBe(cases.length);
  });

  test('has a case for every deviation', () => {
    expect(Object.keys(deviations).filter((id) => !ids.has(id))).toEqual([]);
  });

  test('has every deviation explained in docs/compatibility.md', () => {
    const docs = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');
    const missing = Object.values(deviations).filter(({ id }) => !docs.includes(`### \`${id}\``));
    expect(missing.map(({ id }) => id)).toEqual([]);
  });

  test('leaves the same trace twice', async () => {
    const published = await loadSide('published');
    const unsteady: string[] = [];
    for (const one of cases) {
      const path = firstDifference(await play(one, published), await play(one, published));
      if (path !== undefined) unsteady.push(`${one.id}: ${path}`);
    }
    expect(unsteady).toEqual([]);
  }, 60_000);
});

/** One pass of all cases: published against ours, or against ours with amnesia. */
function pass(name: string, options: { amnesia: boolean }) {
  describe(name, () => {
    test.each(cases)('$id', async (one) => {
      const published = await play(one, await loadSide('published'));
      const ours = await play(one, await loadSide('ours', options));
      const deviation = deviations[one.id];
      if (deviation === undefined) expect(ours).toEqual(published);
      else {
        expect(
          firstDifference(published, ours),
          `${deviation.id}: the traces are equal, drop the deviation`,
        ).toBeDefined();
        deviation.expect(published, ours);
      }
    });
  });
}

if (oursExists) pass('ours', { amnesia: false });
if (oursExists && amnesia !== undefined) pass('ours, with amnesia after every commit', { amnesia: true });
