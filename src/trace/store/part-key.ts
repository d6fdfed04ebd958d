/** Keys of parts: the number of the trace, and the number of the part within it. */

/** Parts of one trace, at most: with one a second, of 12 days. */
export const MOST_PARTS = 2 ** 20;

/** Safe integers for 8 billion traces. */
export const keyOfPart = (trace: number, index: number): number => trace * MOST_PARTS + index;
