import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, test } from 'vitest';
import { SQLiteSession } from '../sqlite/sqlite-session.ts';
import { expectFencedByChange } from './run-out.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'baton-run-out-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(['popItem', 'clearSession'] as const)(
  'who stood still until its turn ran out writes nothing after a %s',
  async (change) => {
    const dbPath = join(folder, `${change}.db`);
    await using session = new SQLiteSession('s', { dbPath, synchronous: 'normal' });
    const runOut = (): void => {
      const db = new DatabaseSync(dbPath);
      db.exec(`UPDATE baton_session_turns SET line = json_set(line, '$.holder.until', 1)`);
      db.close();
    };
    await expectFencedByChange(session, { runOut, change });
  },
);
