/**
 * Lists where ours differs: `node test/differential/compare.ts [part of a name] [--amnesia]`.
 * For people; CI runs the test.
 */
import { casesOf, loadSide, play } from './harness.ts';
import { firstDifference, type Json } from './normalise.ts';
import { scenarios } from './scenarios/index.ts';

process.env['NODE_ENV'] = 'test';
const [part = '', flag] = process.argv.slice(2).filter((given) => given !== '');
const published = await loadSide('published');
const ours = await loadSide('ours', { amnesia: flag === '--amnesia' });

const at = (trace: object, path: string): string => {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '' && key !== '$');
  const value = keys.reduce<unknown>(
    (node, key) => (node instanceof Object ? new Map(Object.entries(node)).get(key) : undefined),
    trace,
  );
  return (JSON.stringify(value as Json) ?? 'absent').slice(0, 220);
};

let equal = 0;
for (const one of casesOf(scenarios).filter(({ id }) => id.includes(part))) {
  const [theirs, mine] = [await play(one, published), await play(one, ours)];
  const path = firstDifference(theirs, mine);
  if (path === undefined) equal += 1;
  else console.log(`${one.id}\n  ${path}\n  published: ${at(theirs, path)}\n  ours:      ${at(mine, path)}`);
}
console.log(`${equal} equal`);
process.exit(0);
