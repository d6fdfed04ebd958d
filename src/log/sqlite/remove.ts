/** Deleting runs with all that belongs to them, in a transaction that has the write lock. */
import * as refused from '../refusals.ts';
import type { LogStatus } from '../types.ts';
import type { RemoveCommand } from '../commands.ts';
import { text } from './rows.ts';
import type { Statements } from '../../store/sqlite/statements.ts';

const OF_RUN = 'tenant = ? AND run = ?';
const SQL = {
  status: `SELECT status FROM baton_runs WHERE ${OF_RUN}`,
  children: 'SELECT run FROM baton_runs WHERE tenant = ? AND parent = ?',
  unusedBlobs: `DELETE FROM baton_blobs WHERE tenant = ? AND hash IN
    (SELECT hash FROM baton_run_blobs AS mine WHERE mine.tenant = ? AND mine.run = ? AND NOT EXISTS
      (SELECT 1 FROM baton_run_blobs AS other WHERE other.tenant = mine.tenant AND other.hash = mine.hash
        AND other.run <> mine.run))`,
} as const;
const TABLES = ['baton_run_events', 'baton_run_snapshots', 'baton_run_inbox', 'baton_run_blobs'];

const OPEN: readonly LogStatus[] = ['running', 'paused', 'stopping'];
const isOpen = (status: string): boolean => OPEN.some((one) => one === status);

export function remove(db: Statements, { tenant, query }: RemoveCommand): number {
  const { runIds, evenOpen = false, limit = 100, session, updatedBefore } = query;
  if (runIds && !evenOpen) {
    for (const runId of runIds) {
      const row = db.get(SQL.status, tenant, runId);
      if (row && isOpen(text(row, 'status'))) throw refused.notEnded(runId, text(row, 'status'));
    }
  }
  const wanted: [string, string | number | undefined][] = [
    ['session = ?', session],
    ['updated_at < ?', updatedBefore],
  ];
  const given = wanted.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]));
  const sql = [
    'SELECT run FROM baton_runs WHERE tenant = ?',
    runIds ? 'run IN (SELECT value FROM json_each(?))' : 'parent IS NULL',
    ...(evenOpen ? [] : ["status NOT IN ('running', 'paused', 'stopping')"]),
    ...given.map((one) => one.sql),
  ].join(' AND ');
  const values = [...(runIds ? [JSON.stringify(runIds)] : []), ...given.map(({ value }) => value), limit];
  const chosen = db.all(`${sql} ORDER BY created_at, run LIMIT ?`, tenant, ...values);
  return chosen.reduce((sum, row) => sum + removeTree(db, tenant, text(row, 'run')), 0);
}

function removeTree(db: Statements, tenant: string, runId: string): number {
  db.run(SQL.unusedBlobs, tenant, tenant, runId);
  for (const table of TABLES) db.run(`DELETE FROM ${table} WHERE ${OF_RUN}`, tenant, runId);
  const removed = db.run(`DELETE FROM baton_runs WHERE ${OF_RUN}`, tenant, runId);
  const children = db.all(SQL.children, tenant, runId).map((row) => text(row, 'run'));
  return children.reduce((sum, child) => sum + removeTree(db, tenant, child), removed);
}
