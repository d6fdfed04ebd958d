/** Distributions: what merging and quantiles promise. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bucketOf,
  type Distribution,
  lowerEdge,
  merge,
  newDistribution,
  observe,
  quantile,
  QUANTILE_ERROR,
  toExponentialHistogram,
} from './buckets.ts';

const numRuns = Number(process.env['BATON_PROPERTY_RUNS'] ?? 100);
const value = fc.double({ min: 1e-9, max: 1e12, noNaN: true });
const values = fc.array(fc.oneof(value, fc.constant(0)), { minLength: 1, maxLength: 200 });
const of = (all: readonly number[]): Distribution => {
  const made = newDistribution();
  for (const each of all) observe(made, each);
  return made;
};

test('a value is in its bucket: above the lower edge, at most at the upper one', () => {
  const edges = fc.integer({ min: -200, max: 300 }).map((bucket) => lowerEdge(bucket));
  fc.assert(
    fc.property(fc.oneof(value, edges), (v) => {
      const bucket = bucketOf(v);
      expect(lowerEdge(bucket)).toBeLessThan(v);
      expect(v).toBeLessThanOrEqual(lowerEdge(bucket + 1));
    }),
    { numRuns },
  );
});

test('a quantile is off the value of its rank by no more than is stated', () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, q) => {
      const exact = all.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * all.length)) - 1] ?? 0;
      const told = quantile(of(all), q) ?? -1;
      expect(Math.abs(told - exact)).toBeLessThanOrEqual(exact * QUANTILE_ERROR * (1 + 1e-9));
    }),
    { numRuns },
  );
});

test('merging gives what observing all at once gives', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const merged = of(a);
      merge(merged, of(b));
      const whole = of([...a, ...b]);
      expect(merged.buckets).toEqual(whole.buckets);
      expect([merged.count, merged.zeros]).toEqual([whole.count, whole.zeros]);
      expect(merged.sum).toBeCloseTo(whole.sum, -6);
    }),
    { numRuns },
  );
});

test('an exponential histogram of scale 3 holds all counts, each at the index that OpenTelemetry gives it', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1e-3, max: 1e4, noNaN: true }), { maxLength: 100 }), (all) => {
      const distribution = of(all);
      const { scale, count, positive } = toExponentialHistogram(distribution);
      expect([scale, count]).toEqual([3, all.length]);
      const back = new Map<number, number>();
      positive.bucketCounts.forEach((n, i) => n > 0 && back.set(positive.offset + i, n));
      expect(back).toEqual(distribution.buckets);
    }),
    { numRuns },
  );
});
