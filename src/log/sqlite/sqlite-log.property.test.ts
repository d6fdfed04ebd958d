/** The log in memory and the one in SQLite answer the same to the same calls. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { expectAgreement } from '../calls.fixture.ts';
import { sqliteLog } from './sqlite-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'baton-log-property-'));
const path = join(folder, 'x.db');
const keeper = sqliteLog({ path, synchronous: 'normal' });
afterAll(async () => {
  await keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a log in memory and one in SQLite agree on every sequence of calls', async () => {
  // Opened once, so that each sequence need not start a thread.
  await keeper.list();
  const open = () => sqliteLog({ path, synchronous: 'normal', tenant: crypto.randomUUID() });
  await expectAgreement(open, Number(process.env['BATON_PROPERTY_RUNS'] ?? 100));
}, 120_000);
