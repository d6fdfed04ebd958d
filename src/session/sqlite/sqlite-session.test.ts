import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { sessionConformance } from '../../testing/session-conformance.ts';
import { SQLiteSession } from './sqlite-session.ts';

const folder = mkdtempSync(join(tmpdir(), 'baton-sqlite-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('conformance of a file', () => {
  const dbPath = join(folder, 'conformance.db');
  for (const { name, run } of sessionConformance({
    create: (id) => new SQLiteSession(id, { dbPath }),
    createForTenant: (id, tenant) => new SQLiteSession(id, { dbPath, tenant }),
    dispose: (session) => (session instanceof SQLiteSession ? session.close() : undefined),
    durable: true,
  }))
    test(name, run);
});

describe('conformance in memory', () => {
  for (const { name, run } of sessionConformance({ create: (id) => new SQLiteSession(id) })) test(name, run);
});
