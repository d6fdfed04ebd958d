/** The same scenarios, traced by the published SDK and by ours, must leave the same trees of spans. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { casesOf, loadSide } from './harness.ts';
import { firstDifference } from './normalise.ts';
import { scenarios } from './scenarios/index.ts';
import { align, otherRuns, RULES } from './span-rules.ts';
import { type Node, spansOf, traced, type Tree } from './spans.ts';

const cases = casesOf(scenarios);
const docs = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');
const [, section = ''] = docs.split('\n## Spans\n');
const used = new Set<string>();
const differing = new Set<string>();

const everyNode = (nodes: readonly Node[]): Node[] => nodes.flatMap((node) => [node, ...everyNode(node.under)]);
const models = (trees: readonly Tree[]): number =>
  trees.flatMap(({ under }) => everyNode(under)).filter(({ data }) => JSON.stringify(data).includes('"generation"'))
    .length;

describe('spans of ours against the published SDK', () => {
  test.each(cases)('$id', async (one) => {
    const published = await spansOf(one, await loadSide('published'));
    const { trees: ours, faults, requests } = await traced(one, await loadSide('ours'));
    expect(faults).toEqual([]);
    expect(everyNode(ours.flatMap(({ under }) => under)).filter(({ ended }) => !ended)).toEqual([]);
    expect(ours.filter(({ starts, ends }) => starts !== ends || starts === 0)).toEqual([]);
    // Attempts of one call are one span.
    if (!one.id.startsWith('retry')) expect(models(ours)).toBeGreaterThanOrEqual(requests);
    const pair = align(published, ours);
    if (otherRuns.has(one.scenario.name)) {
      if (firstDifference(pair.published, pair.ours) !== undefined) differing.add(one.scenario.name);
      return;
    }
    expect(pair.ours).toEqual(pair.published);
    for (const rule of pair.used) used.add(rule);
  });
});

test('every rule is needed, and every case that goes otherwise does', () => {
  expect(used).toEqual(new Set(RULES.filter((rule) => rule !== 'span-order')));
  expect(differing).toEqual(new Set(otherRuns.keys()));
});

test('docs/compatibility.md explains every rule, and no others', () => {
  const listed = [...(section.split('\n## ')[0] ?? '').matchAll(/^- `(span-[\w-]+)`/gm)].map(([, id]) => id);
  expect(new Set(listed)).toEqual(new Set(RULES));
});
