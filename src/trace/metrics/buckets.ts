/**
 * Distributions as counts in buckets on a logarithmic scale, which merge by addition.
 *
 * B1: bucket `i` holds what is greater than 2^(i/8) and at most 2^((i+1)/8): the buckets of an OpenTelemetry
 *     exponential histogram of scale 3, so that nothing is lost on the way there or back.
 * B2: what is zero or less is counted apart.
 * B3: a quantile is the middle of its bucket, at most 4.5 % off a value that has the rank asked for. The bound is
 *     (2^(1/8) - 1) / 2 of the bucket's lower edge.
 */

/** Buckets to a doubling. */
const PER_DOUBLING = 8;
/** Of an OpenTelemetry exponential histogram. */
const SCALE = 3;

/** How far a quantile may be off a value of the rank asked for, as a share of that value. */
export const QUANTILE_ERROR = (2 ** (1 / PER_DOUBLING) - 1) / 2;

/** Counts by bucket. Mutable: accumulators add to it in place. */
export type Distribution = {
  count: number;
  sum: number;
  /** How many were zero or less. */
  zeros: number;
  readonly buckets: Map<number, number>;
};

export const newDistribution = (): Distribution => ({ count: 0, sum: 0, zeros: 0, buckets: new Map() });

/** The bucket of a value that is greater than zero. */
export function bucketOf(value: number): number {
  const guess = Math.ceil(Math.log2(value) * PER_DOUBLING) - 1;
  // The logarithm is rounded: at an edge it may point to the neighbour.
  if (value <= lowerEdge(guess)) return guess - 1;
  return value > lowerEdge(guess + 1) ? guess + 1 : guess;
}

/** What the values of a bucket are greater than; the edge above is that of the next bucket. */
export const lowerEdge = (bucket: number): number => 2 ** (bucket / PER_DOUBLING);

/** What a bucket stands for. */
export const middleOf = (bucket: number): number => (lowerEdge(bucket) + lowerEdge(bucket + 1)) / 2;

export function observe(into: Distribution, value: number): void {
  if (!Number.isFinite(value)) return;
  into.count += 1;
  into.sum += Math.max(value, 0);
  if (value <= 0) into.zeros += 1;
  else addTo(into.buckets, bucketOf(value), 1);
}

export function merge(into: Distribution, other: Distribution): void {
  into.count += other.count;
  into.sum += other.sum;
  into.zeros += other.zeros;
  for (const [bucket, count] of other.buckets) addTo(into.buckets, bucket, count);
}

export const addTo = <K>(counts: Map<K, number>, key: K, count: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + count);

/** The value of a rank: 0.95 for the 95th percentile. Undefined where nothing was observed. */
export function quantile({ count, zeros, buckets }: Distribution, q: number): number | undefined {
  if (count === 0) return undefined;
  let left = Math.max(1, Math.ceil(q * count)) - zeros;
  if (left <= 0) return 0;
  for (const bucket of [...buckets.keys()].toSorted((a, b) => a - b)) {
    left -= buckets.get(bucket) ?? 0;
    if (left <= 0) return middleOf(bucket);
  }
  return undefined;
}

/** A data point of an OpenTelemetry exponential histogram, without its times and attributes. */
export type ExponentialHistogram = {
  readonly scale: number;
  readonly count: number;
  readonly sum: number;
  readonly zeroCount: number;
  /** `bucketCounts[n]` belongs to bucket `offset + n`. */
  readonly positive: { readonly offset: number; readonly bucketCounts: readonly number[] };
};

/** The same counts in the shape of OpenTelemetry. */
export function toExponentialHistogram({ count, sum, zeros, buckets }: Distribution): ExponentialHistogram {
  const used = [...buckets.keys()].toSorted((a, b) => a - b);
  const offset = used[0] ?? 0;
  const size = used.length === 0 ? 0 : (used.at(-1) ?? 0) - offset + 1;
  const bucketCounts = Array.from({ length: size }, (_, n) => buckets.get(offset + n) ?? 0);
  return { scale: SCALE, count, sum, zeroCount: zeros, positive: { offset, bucketCounts } };
}
