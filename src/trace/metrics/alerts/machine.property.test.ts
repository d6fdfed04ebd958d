/** The states of an alert, over random histories of verdicts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { advance, type AlertState } from './machine.ts';
import type { Verdict } from './rules.ts';

const numRuns = Number(process.env['BATON_PROPERTY_RUNS'] ?? 100);
const GAP = 150;

type Look = { after: number; verdict: Verdict };
const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Verdict>({ kind: 'no data', samples: 1 }) },
  { weight: 4, arbitrary: said(true, false) },
  { weight: 2, arbitrary: said(false, true) },
  { weight: 1, arbitrary: said(false, false) },
);
function said(isBreach: boolean, isClear: boolean): fc.Arbitrary<Verdict> {
  return fc.constant({ kind: 'value', value: 1, limit: 2, samples: 30, isBreach, isClear });
}
const after = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: GAP }) },
  fc.integer({ min: GAP + 1, max: 5_000 }),
);
const looks = fc.array(fc.record({ after, verdict }), { minLength: 1, maxLength: 80 });
const forMs = fc.constantFrom(0, 100, 300, 600);

type Seen = { at: number; verdict: Verdict; state: AlertState };
function history(all: readonly Look[], wait: number): Seen[] {
  const seen: Seen[] = [];
  let at = 1_000_000;
  for (const look of all) {
    at += look.after;
    // As it comes back from where it was kept.
    const before = seen.at(-1)?.state && (JSON.parse(JSON.stringify(seen.at(-1)?.state)) as AlertState);
    const state = advance(before, look.verdict, { now: at, forMs: wait, gapMs: GAP });
    seen.push({ at, verdict: look.verdict, state });
  }
  return seen;
}
const isBreach = ({ verdict: each }: Seen): boolean => each.kind === 'value' && each.isBreach;

test('it begins to fire only after breaches alone, for long enough, that were looked at without a gap', () => {
  fc.assert(
    fc.property(looks, forMs, (all, wait) => {
      const seen = history(all, wait);
      seen.forEach((now, n) => {
        if (now.state.status !== 'firing' || seen[n - 1]?.state.status === 'firing') return;
        let first = n;
        while (first > 0 && isBreach(seen[first - 1] as Seen) && now.at - (seen[first]?.at ?? 0) < wait) {
          expect((seen[first]?.at ?? 0) - (seen[first - 1]?.at ?? 0)).toBeLessThanOrEqual(GAP);
          first -= 1;
        }
        expect(isBreach(now)).toBe(true);
        expect(now.at - (seen[first]?.at ?? 0)).toBeGreaterThanOrEqual(wait);
      });
    }),
    { numRuns },
  );
});

test('it fires once breaches last long enough', () => {
  fc.assert(
    fc.property(looks, forMs, fc.integer({ min: 1, max: GAP }), (all, wait, step) => {
      const breach: Verdict = { kind: 'value', value: 3, limit: 2, samples: 30, isBreach: true, isClear: false };
      const lasting = Array.from({ length: Math.ceil(wait / step) + 2 }, () => ({ after: step, verdict: breach }));
      expect(history([...all, ...lasting], wait).at(-1)?.state.status).toBe('firing');
    }),
    { numRuns },
  );
});

test('it ends to fire only where a value is back by the margin, or there is no verdict', () => {
  fc.assert(
    fc.property(looks, forMs, (all, wait) => {
      const seen = history(all, wait);
      seen.forEach((now, n) => {
        if (seen[n - 1]?.state.status !== 'firing' || now.state.status === 'firing') return;
        expect(now.verdict.kind === 'no data' || now.verdict.isClear).toBe(true);
        expect(now.state.status).toBe(now.verdict.kind === 'no data' ? 'no data' : 'resolved');
      });
    }),
    { numRuns },
  );
});

test('without a verdict the status is "no data", and a status lasts since it began', () => {
  fc.assert(
    fc.property(looks, forMs, (all, wait) => {
      const seen = history(all, wait);
      seen.forEach((now, n) => {
        expect(now.state.status === 'no data').toBe(now.verdict.kind === 'no data');
        const before = seen[n - 1]?.state;
        if (before && before.status !== now.state.status) expect(now.state.since).toBe(now.at);
        if (before && before.status === now.state.status && now.state.status !== 'pending') {
          expect(now.state.since).toBe(before.since);
        }
      });
    }),
    { numRuns },
  );
});
