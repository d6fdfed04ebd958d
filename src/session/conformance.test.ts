/**
 * The one suite of all drivers, on memory and on SQLite; servers run it in `*.services.test.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { sessionConformance } from '../testing/session-conformance.ts';
import { MemorySession } from './memory-session.ts';
import { SQLiteSession } from './sqlite/sqlite-session.ts';

describe('memory', () => {
  for (const { name, run } of sessionConformance({ create: (sessionId) => new MemorySession({ sessionId }) }))
    test(name, run);
});

describe('SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-conformance-'));
  const dbPath = join(folder, 'x.db');
  const keeper = new SQLiteSession('keeper', { dbPath });
  beforeAll(() => keeper.getItems());
  afterAll(async () => {
    await keeper.close();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const { name, run } of sessionConformance({
    create: (id) => new SQLiteSession(id, { dbPath }),
    createForTenant: (id, tenant) => new SQLiteSession(id, { dbPath, tenant }),
    createTolerant: (id) => new SQLiteSession(id, { dbPath, onCorrupt: 'warn' }),
    corrupt: ({ sessionId, position, text }) => {
      const db = new DatabaseSync(dbPath, { timeout: 5000 });
      db.prepare('UPDATE baton_session_items SET item = ? WHERE session = ? AND seq = ?').run(
        text,
        sessionId,
        position,
      );
      db.close();
    },
    dispose: (session) => (session instanceof SQLiteSession ? session.close() : undefined),
    durable: true,
  }))
    test(name, run, 30_000);
});
