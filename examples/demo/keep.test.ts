import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let dir = '';
let file = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-demo-'));
  file = join(dir, 'demo.db');
  vi.stubEnv('BATON_DEMO_DIR', dir);
  vi.resetModules();
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

/** Keeps the demo as a program does that starts now, and says what it told. */
async function started(): Promise<string[]> {
  const { keep } = await import('./keep.ts');
  const told: string[] = [];
  const kept = await keep({ waits: () => told.push('waits'), putAside: (_, because) => told.push(because) });
  expect((await kept.store.list()).runs).toEqual([]);
  await kept.session.addItems([{ type: 'message', role: 'user', content: 'Hello' }]);
  await kept.close();
  return told;
}

function write(sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

const VERSIONS =
  'CREATE TABLE baton_migrations (component TEXT, version INTEGER, applied_at TEXT DEFAULT CURRENT_TIMESTAMP)';

test.each<[string, () => void, RegExp]>([
  [
    'lacks a column',
    () => {
      write(`${VERSIONS}; INSERT INTO baton_migrations (component, version) VALUES ('log', 1);
        CREATE TABLE baton_runs (tenant TEXT, run TEXT, status TEXT, created_at INTEGER, parent TEXT, owner TEXT)`);
    },
    /no such table|no column|no such column/,
  ],
  [
    'is of a newer version',
    () => write(`${VERSIONS}; INSERT INTO baton_migrations (component, version) VALUES ('session', 99)`),
    /version 99 of the session tables/,
  ],
  ['is no database', () => writeFileSync(file, 'Not a database at all, and long enough to be looked at.'), /no SQLite/],
])('a file that %s is put aside, and the demo begins anew', async (_, make, because) => {
  make();
  const told = await started();
  expect(told).toEqual([expect.stringMatching(because)]);
  expect(readdirSync(dir).filter((name) => name.endsWith('.old'))).toHaveLength(1);
});

test('a file of this version is kept', async () => {
  expect(await started()).toEqual([]);
  vi.resetModules();
  expect(await started()).toEqual([]);
  expect(readdirSync(dir)).not.toContainEqual(expect.stringContaining('.old'));
});
