import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { eventLogConformance } from '../../testing/event-log-conformance.ts';
import { sqliteLog } from './sqlite-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'baton-log-'));
const path = join(folder, 'x.db');
const keeper = sqliteLog({ path });
afterAll(async () => {
  await keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a log in SQLite', async () => {
  await keeper.list();
  for (const { name, run } of eventLogConformance({ create: (tenant) => sqliteLog({ path, tenant }), shared: true })) {
    test(name, run);
  }
});
