/** Four processes that write into one file at once. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openTraceStore } from '../../store/index.ts';
import { openMetricsStore } from './open.ts';

const PROGRAM = join(import.meta.dirname, 'writer.fixture.ts');
const COUNT = 200;

test('four processes that write at once: no error, each end once, all sums exact', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-metrics-'));
  const path = join(folder, 'traces.db');
  const { NODE_ENV: _, ...env } = process.env;
  const life = (name: string) =>
    promisify(execFile)(process.execPath, [PROGRAM, name, path, String(COUNT)], {
      env: { ...env, BATON_TRACE_STORE: folder },
    });
  const ended = await Promise.all(['a', 'b', 'c', 'd'].map(life));
  expect(ended.map(({ stderr }) => stderr)).toEqual(['', '', '', '']);

  const store = openMetricsStore({ path });
  const now = Date.now();
  const { sums, sessions, operations, modelSeconds } = await store.window(now - 3_600_000, now + 60_000);
  const told = COUNT / 10 + 4 * (COUNT - COUNT / 10);
  const traced = 4 * (COUNT / 20);
  expect({ runs: sums.runs, modelCalls: sums.modelCalls }).toEqual({
    runs: told + traced,
    modelCalls: 3 * told + traced,
  });
  expect(modelSeconds.count).toBe(told + traced);
  expect(sessions).toBe(7 + traced);
  expect(operations.cooldowns).toBe(4 * COUNT);
  expect(await store.text()).toContain(`baton_store_runs_total ${told + traced}\n`);
  await store.close();
  const traces = await openTraceStore({ path });
  expect(await traces.runs({ limit: 1000, status: 'finished' })).toHaveLength(traced);
  await traces.close();
  rmSync(folder, { recursive: true, force: true });
});
