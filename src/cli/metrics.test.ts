/** `baton metrics` and `baton alerts`, as a terminal shows them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openMetricsStore } from '../trace/metrics/index.ts';
import { observation } from '../trace/metrics/synthetic.fixture.ts';
import { alerts } from './alerts.ts';
import { metrics } from './metrics.ts';
import { plain } from './terminal.ts';

const terminal = () => {
  const lines: string[] = [];
  const out = (line: string): void => void lines.push(line);
  return { lines, out, err: out, columns: 100, paint: plain };
};

afterEach(() => void vi.useRealTimers());

test('metrics shows the five with their samples, and JSON; without a file it says how there comes to be one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-cli-metrics-'));
  const path = join(folder, 'traces.db');
  await expect(metrics.run(['--store', folder], terminal())).rejects.toThrow(/enableMetrics/);
  const store = openMetricsStore({ path });
  await store.window(0, 1);
  const empty = terminal();
  expect(await metrics.run(['--store', path], empty)).toBe(0);
  expect(empty.lines.at(-1)).toMatch(/^No run that ended is counted in .*enableMetrics\(/);
  for (let n = 0; n < 4; n++) {
    await store.add(
      observation({ endedAt: Date.now() - 60_000, handoffs: 1, handoffsGood: n > 0 ? 1 : 0, tripped: n > 2 ? 1 : 0 }),
    );
  }
  await store.close();
  const shown = terminal();
  expect(await metrics.run(['--store', folder], shown)).toBe(0);
  const words = shown.lines.map((line) => line.replaceAll(/\s+/g, ' '));
  expect(words[0]).toBe('turns per session 3.0, p95 3 4 sessions');
  expect(words[1]).toBe('guardrail trip rate 25.0 % 4 sessions');
  expect(words[2]).toBe('handoff success 75.0 % 4 handoffs');
  expect(words[3]).toBe('cost per run $0.00100 4 of 4 runs priced');
  expect(words).toHaveLength(5);
  expect(words[4]).toMatch(
    /^p95 time to completion .* s 4 runs, 0 slow$|^p95 time to completion .* ms 4 runs, 0 slow$/,
  );
  const json = terminal();
  await metrics.run(['--json', '--store', path], json);
  expect(JSON.parse(json.lines.join('\n'))).toMatchObject({ sessions: 4, sessionsTripped: 1, sums: { runs: 4 } });
  rmSync(folder, { recursive: true, force: true });
});

test('a window of days has all of its first hour, of which the minutes are no longer kept', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-cli-metrics-'));
  const path = join(folder, 'traces.db');
  const HOUR_MS = 3_600_000;
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-26T10:30') });
  const store = openMetricsStore({ path });
  // The last minute of the hour in which the window begins, and one before that.
  const first = Math.floor((Date.now() - 72 * HOUR_MS) / HOUR_MS) * HOUR_MS;
  for (const [n, endedAt] of [first + 59 * 60_000, first - 1].entries())
    await store.add(observation({ runId: `run_${n}`, endedAt }));
  await store.prune();
  await store.close();
  const json = terminal();
  await metrics.run(['--json', '--hours', '72', '--store', path], json);
  expect(JSON.parse(json.lines.join('\n'))).toMatchObject({ sums: { runs: 1 } });
  rmSync(folder, { recursive: true, force: true });
});

test('alerts exports a rule file, and nothing else', async () => {
  const shown = terminal();
  expect(await alerts.run(['export', '--prometheus'], shown)).toBe(0);
  expect(shown.lines.join('\n')).toContain('- alert: "BatonSlowRuns"');
  await expect(alerts.run(['import'], terminal())).rejects.toThrow(/baton alerts export --prometheus/);
});
