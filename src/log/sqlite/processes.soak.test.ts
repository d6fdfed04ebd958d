import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { workTogether } from '../../store/sqlite/soak.fixture.ts';
import { inspectRuns, startAppender } from '../processes.fixture.ts';

test('32 processes, 128 runs, 60,000 commits on one file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-log-soak-'));
  const path = join(folder, 'x.db');
  const runsOf = (p: number): string[] => Array.from({ length: 4 }, (_, n) => `p${p}/${n}`);
  const appenders = Array.from({ length: 32 }, (_, p) =>
    startAppender({ path, name: `p${p}`, runs: runsOf(p), commits: 469, held: true }),
  );
  const acknowledged = await workTogether('60,032 commits', appenders);
  expect(acknowledged).toHaveLength(60_032);
  const runs = appenders.flatMap((_, p) => runsOf(p));
  expect(await inspectRuns(path, runs, acknowledged)).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
}, 900_000);
