/** Metrics in a file: the same answers as memory gives, once, and over restarts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MemoryRollups, type WindowSums } from '../rollup.ts';
import { observation, randomNumbers } from '../synthetic.fixture.ts';
import { startAlerts } from '../alerts/index.ts';
import { type MetricsStore, openMetricsStore } from './open.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 25, 12, 34);
let folder: string;
let path: string;
let store: MetricsStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-metrics-'));
  path = join(folder, 'traces.db');
  store = openMetricsStore({ path });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Sums of fractions depend on their order. */
function rounded({ activeSeconds, modelSeconds, firstTokenSeconds, ...window }: WindowSums): object {
  const all = [activeSeconds, modelSeconds, firstTokenSeconds];
  return { ...window, all: all.map(({ sum, ...counts }) => ({ ...counts, sum: sum.toFixed(6) })) };
}

test('answers for windows as memory does, sessions exactly, also after it was opened again', async () => {
  const random = randomNumbers(3);
  const memory = new MemoryRollups({ slowMs: 30_000 });
  const runs = Array.from({ length: 400 }, () =>
    observation({
      endedAt: NOW - Math.floor(random() * 26 * HOUR),
      activeMs: Math.floor(random() * 60_000) - 100,
      turns: Math.ceil(random() * 12),
      session: `s${Math.floor(random() * 60)}`,
      tripped: random() < 0.1 ? 2 : 0,
      unpriced: random() < 0.1 ? 1 : 0,
      modelMs: [Math.floor(random() * 9000), 300, 0],
      firstTokenMs: random() < 0.5 ? [Math.floor(random() * 900)] : [],
      approvals: random() < 0.1 ? 1 : 0,
      cachedTokens: 5,
    }),
  ).toSorted((a, b) => a.endedAt - b.endedAt);
  for (const run of runs) memory.add(run);
  // Told twice, counted once.
  await Promise.all([...runs, ...runs].map((run) => store.add(run)));
  await store.close();
  store = openMetricsStore({ path });
  for (const ms of [5 * 60_000, HOUR, 90 * 60_000, 24 * HOUR]) {
    const [told, known] = [await store.window(NOW - ms, NOW), memory.window(NOW - ms, NOW)];
    expect(rounded(told)).toEqual(rounded(known));
  }
});

test('totals are not lowered by retention, and windows forget', async () => {
  for (let n = 0; n < 5; n++) await store.add(observation({ endedAt: NOW - 100 * 24 * HOUR }));
  const before = await store.text();
  expect(before).toContain('baton_store_runs_total 5\n');
  expect(before).toContain('baton_store_run_active_seconds_count 5\n');
  expect(await store.prune(NOW)).toBeGreaterThan(0);
  expect(await store.text()).toBe(before);
  expect((await store.window(0, NOW)).sums.runs).toBe(0);
});

test('one tenant knows nothing of another', async () => {
  await store.add(observation({ endedAt: NOW - 1 }));
  const other = openMetricsStore({ path, tenant: 'other' });
  expect((await other.window(NOW - HOUR, NOW)).sums.runs).toBe(0);
  await other.close();
});

test('of those who watch one file, one looks; another takes over with the states when the lease is over', async () => {
  await store.add(observation({ endedAt: NOW - 1, nearMaxTurns: true }));
  const told: string[] = [];
  let now = NOW;
  const source = { window: store.window, activeBeyond: () => 0 };
  const watch = (name: string) =>
    startAlerts({
      source,
      keeper: store.keeper,
      everyMs: 0,
      now: () => now,
      actions: [({ status }) => void told.push(`${name} ${status}`)],
    });
  const [a, b] = [watch('a'), watch('b')];
  expect((await a.evaluate())?.['turns-per-session']?.status).toBe('firing');
  expect(await b.evaluate()).toBeUndefined();
  now += 10 * 60_000;
  expect((await b.evaluate())?.['turns-per-session']).toMatchObject({ status: 'firing', since: NOW });
  expect(await a.evaluate()).toBeUndefined();
  expect(told).toEqual(['a firing']);
});
