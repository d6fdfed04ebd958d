/**
 * p95 of time to completion over 1 h, 24 h and 7 d in a store of 1,000,000 runs, which ended over 7 days.
 *
 * `npm run bench:metrics [runs]`. The store is filled by the code of its writer thread, in transactions of 10,000 and
 * without waiting for the disk; the queries go the way that they always go, to the writer thread and back.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { quantile } from '../src/trace/metrics/buckets.ts';
import { openMetricsStore } from '../src/trace/metrics/index.ts';
import { metricTables } from '../src/trace/metrics/store/tables.ts';
import { observation, randomNumbers } from '../src/trace/metrics/synthetic.fixture.ts';

const HOUR = 3_600_000;
const SPAN = 7 * 24 * HOUR;
const REPEATS = 21;
const LIMIT_MS = 50;
const runs = Number(process.argv[2] ?? 1_000_000);
const now = Date.UTC(2026, 10, 25, 12, 34);
const folder = mkdtempSync(join(tmpdir(), 'baton-bench-metrics-'));
const path = join(folder, 'traces.db');

async function make(): Promise<void> {
  const store = openMetricsStore({ path });
  await store.window(0, 1);
  await store.close();
}

/** Seconds of each run, by the time of its end. */
function fill(): { at: number; seconds: number }[] {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -65536');
  const execute = metricTables.open(db, path);
  const random = randomNumbers(1);
  const made: { at: number; seconds: number }[] = [];
  for (let n = 0; n < runs; n++) {
    if (n % 10_000 === 0) db.exec('BEGIN');
    const endedAt = now - SPAN + Math.floor((n / runs) * SPAN);
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const activeMs = Math.round(1_000 * Math.exp(2 + normal));
    const run = observation({ runId: `r${n}`, session: `s${Math.floor(n / 3)}`, endedAt, activeMs });
    execute({ tenant: 'default', do: 'add', run, slowMs: 30_000 });
    made.push({ at: endedAt, seconds: activeMs / 1_000 });
    if (n % 10_000 === 9_999 || n === runs - 1) db.exec('COMMIT');
  }
  db.close();
  return made;
}

try {
  await make();
  const began = performance.now();
  const made = fill();
  const us = ((performance.now() - began) * 1_000) / runs;
  console.log(`${runs} runs, ${us.toFixed(0)} µs a run, ${(statSync(path).size / 2 ** 20).toFixed(0)} MB`);
  const store = openMetricsStore({ path });
  let slowest = 0;
  for (const [name, ms] of [['1 h', HOUR] as const, ['24 h', 24 * HOUR] as const, ['7 d', SPAN] as const]) {
    const times: number[] = [];
    let p95: number | undefined;
    for (let n = 0; n < REPEATS; n++) {
      const from = performance.now();
      p95 = quantile(await store.activeSeconds(now - ms, now), 0.95);
      times.push(performance.now() - from);
    }
    times.sort((a, b) => a - b);
    const [median = 0, max = 0] = [times[Math.floor(REPEATS / 2)], times.at(-1)];
    slowest = Math.max(slowest, median);
    const inside = made.filter(({ at }) => at >= now - ms).map(({ seconds }) => seconds);
    const exact = inside.toSorted((a, b) => a - b)[Math.ceil(0.95 * inside.length) - 1] ?? 0;
    const off = (((p95 ?? 0) / exact - 1) * 100).toFixed(1);
    console.log(
      `${name}: p95 ${(p95 ?? 0).toFixed(2)} s (exact ${exact.toFixed(2)}, ${off} %), median ${median.toFixed(1)} ms, max ${max.toFixed(1)} ms`,
    );
  }
  const from = performance.now();
  const day = await store.window(now - 24 * HOUR, now);
  console.log(`all sums and ${day.sessions} distinct sessions of 24 h: ${(performance.now() - from).toFixed(0)} ms`);
  await store.close();
  if (slowest > LIMIT_MS) {
    console.error(`A p95 took more than ${LIMIT_MS} ms.`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
