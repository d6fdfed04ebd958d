/** What a listing of runs reads: SQLite keeps no statistics, and a worker lists what runs again and again. */
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Statements, type Value } from '../../store/sqlite/statements.ts';
import type { RunQuery } from '../types.ts';
import { list } from './read.ts';
import { STEPS } from './schema.ts';

let db: DatabaseSync;
beforeEach(() => {
  db = new DatabaseSync(':memory:');
  for (const step of STEPS) db.exec(step);
});
afterEach(() => db.close());

/** How SQLite finds the runs of a listing, a line a place. */
function planOf(query: RunQuery): string[] {
  let plan: string[] = [];
  class Explained extends Statements {
    override all(sql: string, ...values: Value[]): never[] {
      const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
      plan = rows.map(({ detail }) => String(detail)).filter((line) => /\br\b|ORDER BY/.test(line));
      return [];
    }
  }
  list(new Explained(db), { do: 'list', tenant: 't', query });
  return plan;
}

const search = (index: string, terms: string): string =>
  `SEARCH r USING INDEX baton_runs_by_${index} (tenant=?${terms})`;
const SORTED = 'USE TEMP B-TREE FOR ORDER BY';

test.each<[string, RunQuery, string[]]>([
  ['all', {}, [search('time', '')]],
  ['of the root', { parent: null }, [search('time', '')]],
  ['since', { createdFrom: 5 }, [search('time', ' AND created_at>?')]],
  ['of a status', { status: 'paused', hasInbox: true }, [search('status', ' AND status=?')]],
  ['of a session', { session: 's' }, [search('session', ' AND session=?')]],
  ['of a session and a status', { session: 's', status: 'failed' }, [search('session', ' AND session=?')]],
  // Few by nature: those of one run, and of the workers that are there.
  ['of a run', { parent: 'r' }, [search('parent', ' AND parent=?'), SORTED]],
  ['copied from', { forkOf: 'r' }, [search('fork', ' AND fork_of=?'), SORTED]],
  ['at a worker', { isOwned: true }, [search('owner', ' AND owner>?'), SORTED]],
])('runs %s are found from the index, newest first', (_, query, plan) => {
  expect(planOf(query)).toEqual(plan);
});

test('runs of several statuses are found status by status', () => {
  const plan = planOf({ status: ['running', 'stopping', 'running'], parent: null });
  expect(plan.filter((line) => line.startsWith('SEARCH r'))).toEqual(Array(2).fill(search('status', ' AND status=?')));
  expect(plan.some((line) => line.startsWith('SCAN'))).toBe(false);
});
