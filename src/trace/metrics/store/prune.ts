/**
 * Retention: minutes are kept 2 days, ends of runs and questions 30, hours 90; totals always. One call deletes one
 * chunk, as each holds the write lock.
 */
import type { Statements, Value } from '../../../store/sqlite/statements.ts';
import { HOUR_MS } from '../rollup.ts';

export type Pruned = { readonly deleted: number; readonly more: boolean };

const ROWS = 2000;
const DAY_MS = 24 * HOUR_MS;
const HOUR = 1;
const MINUTE = 2;
/** What makes a row of each table its own. */
const KEYS = {
  baton_metric_sums: 'tenant, level, start, name',
  baton_metric_buckets: 'tenant, level, start, bucket',
  baton_metric_histograms: 'tenant, level, start, name, bucket',
  baton_metric_sessions: 'tenant, level, start, session',
} as const;

export function prune(db: Statements, now: number): Pruned {
  let left = ROWS;
  const cut = (table: string, key: string, { where, values }: { where: string; values: readonly Value[] }): void => {
    if (left <= 0) return;
    // SQLite is built without DELETE … LIMIT.
    const chosen = `SELECT ${key} FROM ${table} WHERE ${where} LIMIT ?`;
    left -= db.run(`DELETE FROM ${table} WHERE (${key}) IN (${chosen})`, ...values, left);
  };
  cut('baton_metric_runs', 'tenant, run_id, seq', { where: 'ended_at < ?', values: [now - 30 * DAY_MS] });
  cut('baton_metric_waiting', 'tenant, run_id', { where: 'since < ?', values: [now - 30 * DAY_MS] });
  for (const [table, key] of Object.entries(KEYS)) {
    for (const tenant of tenantsOf(db, table)) {
      for (const [level, days] of [[MINUTE, 2] as const, [HOUR, 90] as const]) {
        const values = [tenant, level, now - days * DAY_MS];
        cut(table, key, { where: 'tenant = ? AND level = ? AND start < ?', values });
      }
    }
  }
  return { deleted: ROWS - left, more: left <= 0 };
}

/** One look into the key a tenant: rows are many, and those of tenants that nobody writes any more get old, too. */
function tenantsOf(db: Statements, table: string): string[] {
  const tenants: string[] = [];
  const next = `SELECT min(tenant) AS tenant FROM ${table} WHERE tenant > ?`;
  for (let last = ''; ;) {
    const tenant = db.get(next, last)?.['tenant'];
    if (typeof tenant !== 'string') return tenants;
    tenants.push(tenant);
    last = tenant;
  }
}
