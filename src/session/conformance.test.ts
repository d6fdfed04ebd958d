/**
 * The one suite of all drivers, on memory and on SQLite; servers run it in `*.services.test.ts`.
 *
 * What is weak in the sessions of others, and which test shows that it is not so here. [suite] is a case of
 * `sessionConformance`, which every driver runs; [pg], [redis], [sqlite] are tests of the driver's folder.
 *
 * - Foreign keys declared and never on: [sqlite] "foreign keys are on", [pg] "with a session its items … go".
 * - Lock errors reach the user, a busy handler starves: [sqlite] processes, [pg, redis] processes.soak.services.
 * - Limits of 0 and below mean other things in other stores: [suite] "takes any limit".
 * - Unreadable rows are skipped in silence: [suite] "… is an error that names its position", "left out on request …".
 * - A pop deletes them and goes on: [suite] "a pop does not destroy an unreadable item".
 * - Windows that double over unreadable rows: [suite] "many unreadable items in a row …".
 * - Undecodable history reads as empty, then is overwritten: [suite] "replacing a suffix does not destroy …".
 * - No schema version: [sqlite, pg, redis] "of a newer version is refused and not changed".
 * - No idempotency key: [suite] "tells a repeated operation …", "does an operation once when many ask …".
 * - No optimistic concurrency: [suite] "refuses an append when somebody else was faster", "lets one of many through …".
 * - A clear that late retries undo: [suite] "refuses retries from before a clear …", "keeps after a clear …".
 * - Rewinding for a retry pops item by item: [suite] "replaces a suffix only while it is the newest …".
 * - Names put into SQL or keys as they are: [suite] "takes ids of any characters …", [redis] "… in one slot …".
 * - Order by the database's clock: [sqlite, pg] "times in the rows mean nothing", [suite] "gives each append positions …".
 * - Write retries without bound (WATCH), in-process locks only: [redis] one script a change, timeoutMs; [suite] races.
 * - A sliding time to live that misses some keys: [redis] "all keys of a session end together …".
 * - One document or value for a batch or a whole history (16 MB, cost of an append grows): [suite] "keeps a batch of
 *   many megabytes", long-session.soak.services.
 * - A cleanup over the whole session at every pop: long-session.soak.services counts rows and commands.
 * - A closed own client, an injected one that is closed: [pg, redis] "… that is handed in stays open".
 *
 * Not here, since these rooms are others': branching and usage, encryption, compaction, turns of runs.
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
