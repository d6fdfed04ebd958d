/**
 * Append-only lists for immutable states.
 *
 * L1: a view never changes: whatever is appended later, its first `length` elements stay the same.
 * L2: appending to the newest view costs O(1); appending to an older one copies it (a fork).
 */
export type List<T> = { readonly backing: T[]; readonly length: number };

const EMPTY: List<never> = { backing: [], length: 0 };

/** The list with no elements. The first append to it makes a list of its own. */
export const noItems = <T>(): List<T> => EMPTY as List<T>;

export function append<T>(list: List<T>, item: T): List<T> {
  const { backing, length } = list;
  if (list === EMPTY || backing.length !== length)
    return { backing: [...backing.slice(0, length), item], length: length + 1 };
  backing.push(item);
  return { backing, length: length + 1 };
}

export function appendAll<T>(list: List<T>, items: readonly T[]): List<T> {
  if (items.length === 0) return list;
  const { backing, length } = list;
  if (list === EMPTY || backing.length !== length) {
    return { backing: [...backing.slice(0, length), ...items], length: length + items.length };
  }
  for (const item of items) backing.push(item);
  return { backing, length: length + items.length };
}

/** Takes over an array: the caller must not change it afterwards. */
export const listOf = <T>(items: T[]): List<T> => ({ backing: items, length: items.length });

export const at = <T>(list: List<T>, index: number): T | undefined =>
  index < list.length ? list.backing[index] : undefined;

/** A copy as a plain array: pointers only. */
export const toArray = <T>(list: List<T>, from = 0, to = list.length): T[] =>
  list.backing.slice(from, Math.min(to, list.length));

/** What is found of each element, where something is. Of just that length: a `push` to an empty array makes room for 17. */
export function collect<T, R>(items: readonly T[], find: (item: T, index: number) => R | undefined): R[] {
  let found: R[] | undefined;
  for (let index = 0; index < items.length; index++) {
    // The index is within bounds. An iterator would be garbage for each element.
    const one = find(items[index] as T, index);
    if (one === undefined) continue;
    if (found) found.push(one);
    else found = [one];
  }
  return found ?? [];
}
