/** How the store finds the newest runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
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

const TABLES = `INSERT INTO baton_traces (trace, tenant, trace_id, group_id, started_at, touched_at) VALUES (?, ?, ?, ?, 0, 0)`;
const RUNS = `INSERT INTO baton_trace_runs (run, tenant, run_id, trace, parent, agent, status, segment_at, started_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)`;

type Row = {
  tenant: string;
  isChild: boolean;
  groupId: string | null;
  agent: string;
  status: string;
  startedAt: number;
};
const row = fc.record<Row>({
  tenant: fc.constantFrom('default', 'other'),
  isChild: fc.boolean(),
  groupId: fc.constantFrom('g', 'h', null),
  agent: fc.constantFrom('A', 'B'),
  status: fc.constantFrom('finished', 'failed'),
  startedAt: fc.nat(9),
});
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const filter = fc.record({
  status: some(fc.constantFrom('finished', 'failed')),
  agent: some(fc.constantFrom('A', 'B')),
  groupId: some(fc.constantFrom('g', 'h', 'none')),
  since: some(fc.nat(9)),
  until: some(fc.nat(9)),
  before: some(fc.nat(12)),
  limit: fc.integer({ min: 1, max: 8 }),
});

test('what is found are the newest root runs that fit, whatever is asked together', () => {
  const db = new DatabaseSync(':memory:');
  for (const step of traceTables.steps) db.exec(step);
  const tables = new Statements(db);
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), filter, (rows, { limit, ...asked }) => {
      db.exec('DELETE FROM baton_traces; DELETE FROM baton_trace_runs');
      for (const [index, { tenant, isChild, groupId, agent, status, startedAt }] of rows.entries()) {
        const key = index + 1;
        tables.run(TABLES, key, tenant, `t${key}`, groupId);
        tables.run(RUNS, key, tenant, `r${key}`, key, isChild ? 99 : null, agent, status, startedAt);
      }
      const { status, agent, groupId, since = 0, until = 9, before = 99 } = asked;
      const fits = rows.flatMap((one, index) =>
        one.tenant === 'default' &&
        !one.isChild &&
        (status ?? one.status) === one.status &&
        (agent ?? one.agent) === one.agent &&
        (groupId ?? one.groupId) === one.groupId &&
        one.startedAt >= since &&
        one.startedAt <= until &&
        index + 1 < before
          ? [`r${index + 1}`]
          : [],
      );
      const found = readRuns(tables, { do: 'runs', tenant: 'default', limit, ...given(asked) });
      expect(found.map((one) => one['run_id'])).toEqual(fits.toReversed().slice(0, limit));
    }),
  );
  db.close();
});

const given = <T extends object>(asked: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as never;

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
  // Those of a group without looking at all traces.
  const steps = readRuns(explained, { do: 'runs', tenant: 'default', limit: 20, groupId: 'g' });
  expect(steps.map(({ detail }) => String(detail))).toContainEqual(expect.stringContaining('baton_traces_group'));
  db.close();
  rmSync(folder, { recursive: true, force: true });
});
