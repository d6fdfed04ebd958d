/** L1 and L2 of list.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { append, appendAll, at, type List, listOf, noItems, toArray } from './list.ts';

test('whatever is appended to which view, each view stays what it was', () => {
  const moves = fc.array(fc.tuple(fc.nat(), fc.array(fc.integer(), { maxLength: 3 }), fc.boolean()), { maxLength: 40 });
  fc.assert(
    fc.property(moves, (all) => {
      const views: { list: List<number>; is: number[] }[] = [{ list: noItems<number>(), is: [] }];
      for (const [which, items, one] of all) {
        const from = views[which % views.length] ?? { list: noItems<number>(), is: [] };
        const added = one ? items.slice(0, 1) : items;
        const [first] = added;
        const list = one && first !== undefined ? append(from.list, first) : appendAll(from.list, added);
        views.push({ list, is: [...from.is, ...added] });
      }
      for (const { list, is } of views) expect(toArray(list)).toEqual(is);
    }),
  );
});

test('appending to the newest view extends it in place, appending to an older one copies', () => {
  const one = append(listOf([1]), 2);
  const two = append(one, 3);
  expect(two.backing).toBe(one.backing);
  const fork = append(one, 4);
  expect(fork.backing).not.toBe(one.backing);
  expect([toArray(one), toArray(two), toArray(fork)]).toEqual([
    [1, 2],
    [1, 2, 3],
    [1, 2, 4],
  ]);
  expect(toArray(appendAll(one, [5, 6]))).toEqual([1, 2, 5, 6]);
  expect(appendAll(one, [])).toBe(one);
});

test('a view ends where it ends, also where its backing goes on', () => {
  const one = listOf(['a']);
  append(one, 'b');
  expect(at(one, 0)).toBe('a');
  expect(at(one, 1)).toBeUndefined();
  expect(toArray(one, 0, 9)).toEqual(['a']);
  const empty = noItems<string>();
  append(empty, 'x');
  appendAll(empty, ['y']);
  expect(toArray(empty)).toEqual([]);
});
