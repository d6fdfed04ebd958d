/** How the store finds the newest runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../store/sqlite/database.ts';
import { type Columns, Statements, type Value } from '../../store/sqlite/statements.ts';
import { readRuns } from './read.ts';
import { traceTables } from './tables.ts';

class Explained extends Statements {
  override all(sql: string, ...values: Value[]): Columns[] {
    return super.all(`EXPLAIN QUERY PLAN ${sql}`, ...values);
  }
}

test('the newest runs are found without sorting all that there are', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-plan-'));
  const path = join(folder, 'traces.db');
  const made = openDatabase(path, { components: [traceTables] });
  made.ready('trace');
  made.close();
  const db = new DatabaseSync(path);
  const explained = new Explained(db);
  for (const more of [{}, { before: 70 }, { status: 'failed' as const }, { agent: 'A' }]) {
    const steps = readRuns(explained, { do: 'runs', tenant: 'default', limit: 20, ...more });
    expect(steps.map(({ detail }) => String(detail)).filter((detail) => detail.includes('TEMP B-TREE'))).toEqual([]);
  }
  db.close();
  rmSync(folder, { recursive: true, force: true });
});
