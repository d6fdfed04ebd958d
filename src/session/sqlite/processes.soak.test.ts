import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { workTogether } from '../../store/sqlite/soak.fixture.ts';
import { inspectStore, startAppender } from './processes.fixture.ts';

test('32 processes, 200 sessions, 60,000 appends on one file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-soak-'));
  const dbPath = join(folder, 'x.db');
  const appenders = Array.from({ length: 32 }, (_, n) =>
    startAppender({ dbPath, name: `p${n}`, appends: 1875, sessions: 200, parallel: 4, held: true }),
  );
  const acknowledged = await workTogether('60,000 appends', appenders);
  expect(acknowledged).toHaveLength(60_000);
  expect(await inspectStore(dbPath, 200, acknowledged)).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
}, 900_000);
