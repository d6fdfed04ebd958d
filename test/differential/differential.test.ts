/** The same scenarios, played by the published SDK and by ours, must leave the same traces. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { amnesiaDeviations } from './amnesia.ts';
import { deviations, repeated } from './deviations.ts';
import { casesOf, loadSide, play } from './harness.ts';
import { firstDifference } from './normalise.ts';
import { needless, passes, reconcile, type Pass } from './passes.ts';

import { scenarios } from './scenarios/index.ts';
import { borrowed } from './wording.ts';

const cases = casesOf(scenarios);
const names = new Set(cases.map(({ id }) => id));
const listed = [...deviations, ...amnesiaDeviations];
const docs = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');

describe('the list of scenarios', () => {
  test('has no name twice', () => {
    expect(names.size).toBe(cases.length);
    expect(repeated).toEqual([]);
  });

  test('has a case for every deviation', () => {
    expect(listed.map(([id]) => id).filter((id) => !names.has(id))).toEqual([]);
  });

  test('has every deviation explained in docs/compatibility.md, and no others', () => {
    const always = passes.published.always.map(({ id }) => id);
    const ids = new Set([...always, ...listed.flatMap(([, found]) => found.map(({ id }) => id))]);
    const headings = [...docs.matchAll(/^### `(.+)`$/gm)].map(([, id]) => id);
    expect(new Set(headings)).toEqual(ids);
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

describe.each(Object.values(passes))('$name', (pass: Pass) => {
  test.each(cases)('$id', async (one) => {
    const pair = await pass.play(one);
    if (pass === passes.published) expect(borrowed(pair.published, pair.ours)).toEqual([]);
    const found = pass.listed.get(one.id) ?? [];
    const { published, ours } = reconcile(pass, pair, found);
    expect(ours).toEqual(published);
    expect(needless(pass, pair, found), 'the traces are equal without these deviations: drop them').toEqual([]);
  });
});
