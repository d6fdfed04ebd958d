import { expect, test } from 'vitest';
import { LeaseWatch } from './lease-watch.ts';
import type { Lease } from './types.ts';

const run = (lease: Lease, runId = 'r') => ({ runId, lease });
const idsOf = (runs: readonly { runId: string }[]): string[] => runs.map(({ runId }) => runId);

test('a lease may be taken when it looked the same for the whole time, and not a moment earlier', () => {
  let now = 1000;
  const watch = new LeaseWatch({ ttlMs: 100, now: () => now });
  expect(watch.observe([run({ owner: 'w', fence: 1, beat: 7 })])).toEqual([]);
  now = 1099;
  expect(watch.observe([run({ owner: 'w', fence: 1, beat: 7 })])).toEqual([]);
  now = 1100;
  expect(idsOf(watch.observe([run({ owner: 'w', fence: 1, beat: 7 })]))).toEqual(['r']);
});

test('any sign of life begins the time anew: a beat, another owner, another fence', () => {
  let now = 0;
  const watch = new LeaseWatch({ ttlMs: 100, now: () => now });
  const leases = [
    { owner: 'w', fence: 1, beat: 7 },
    { owner: 'w', fence: 1, beat: 8 },
    { owner: 'v', fence: 2, beat: 8 },
    { owner: 'v', fence: 3, beat: 8 },
  ];
  for (const lease of leases) {
    expect(watch.observe([run(lease)])).toEqual([]);
    now += 99;
    expect(watch.observe([run(lease)])).toEqual([]);
    now += 1;
  }
});

test('a run that left the listing is watched from the beginning when it comes back', () => {
  let now = 0;
  const watch = new LeaseWatch({ ttlMs: 100, now: () => now });
  const lease = { owner: 'w', fence: 1, beat: 7 };
  watch.observe([run(lease)]);
  now = 60;
  watch.observe([]);
  now = 120;
  expect(watch.observe([run(lease)])).toEqual([]);
});

test('a free lease, and one whose owner left, may be taken at once; the word of a server is taken', () => {
  const watch = new LeaseWatch({ ttlMs: 100, now: () => 0 });
  const found = watch.observe([
    run({ fence: 0 }, 'free'),
    run({ owner: 'w', fence: 1 }, 'left'),
    run({ owner: 'w', fence: 1, beat: 1, isExpired: true }, 'expired'),
    run({ owner: 'w', fence: 1, beat: 1, isExpired: false }, 'alive'),
  ]);
  expect(idsOf(found)).toEqual(['free', 'left', 'expired']);
});
