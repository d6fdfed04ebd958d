/**
 * Lists where ours differs, for people; CI runs the test:
 * `node test/differential/compare.ts [part of a name] [--amnesia] [--raw]`.
 * `--amnesia` compares ours with amnesia against ours, `--raw` shows listed deviations too.
 */
import { casesOf } from './harness.ts';
import type { Pair } from './masks.ts';
import { firstDifference, type Json } from './normalise.ts';
import { passes, reconcile } from './passes.ts';
import { scenarios } from './scenarios/index.ts';

process.env['NODE_ENV'] = 'test';
const given = process.argv.slice(2);
const part = given.find((word) => !word.startsWith('--')) ?? '';
const pass = given.includes('--amnesia') ? passes.amnesia : passes.published;
const raw = given.includes('--raw');

const at = (trace: object, path: string): string => {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '' && key !== '$');
  const value = keys.reduce<unknown>(
    (node, key) => (node instanceof Object ? new Map(Object.entries(node)).get(key) : undefined),
    trace,
  );
  return (JSON.stringify(value as Json) ?? 'absent').slice(0, 220);
};

const counts = new Map<string, number>();
const count = (id: string): unknown => counts.set(id, (counts.get(id) ?? 0) + 1);

for (const one of casesOf(scenarios).filter(({ id }) => id.includes(part))) {
  const found = pass.listed.get(one.id) ?? [];
  let pair: Pair = await pass.play(one);
  try {
    pair = reconcile(pass, pair, raw ? [] : found);
  } catch (error) {
    console.log(`${one.id}\n  ${String(error)}`);
    continue;
  }
  const path = firstDifference(pair.published, pair.ours);
  if (path !== undefined) {
    console.log(`${one.id}\n  ${path}\n  published: ${at(pair.published, path)}\n  ours:      ${at(pair.ours, path)}`);
  } else if (raw || found.length === 0) count('equal');
  else for (const { id } of found) count(id);
}
for (const id of [...counts.keys()].toSorted((one, other) => one.localeCompare(other))) {
  console.log(`${String(counts.get(id)).padStart(4)} ${id}`);
}
process.exit(0);
