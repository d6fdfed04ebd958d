/** Choices that a seed decides, so that a system, its models and the people who approve are the same each time. */
export type Random = {
  /** A number from 0 up to, not including, 1. */
  (): number;
};

/** mulberry32. */
export function random(seed: number): Random {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** FNV-1a. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) h = Math.imul(h ^ text.charCodeAt(n), 0x01000193);
  return h >>> 0;
}

export function pick<const T>(r: Random, list: readonly T[]): T {
  const chosen = list[Math.floor(r() * list.length)];
  if (chosen === undefined) throw new Error('There is nothing to pick from.');
  return chosen;
}
export const chance = (r: Random, p: number): boolean => r() < p;
export const upTo = (r: Random, max: number): number => Math.floor(r() * (max + 1));
export const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
