/** Deletes a chunk of the traces of runs, with all that was said in them. */
import type { Statements } from '../../store/sqlite/statements.ts';
import type { EraseCommand } from './commands.ts';
import { forgetTrace } from './prune.ts';

/** How many traces were deleted whole, and whether there may be more. */
export type Erased = { readonly traces: number; readonly more: boolean };

const NAMED = `SELECT DISTINCT trace FROM baton_trace_runs
  WHERE tenant = ? AND run_id IN (SELECT value FROM json_each(?)) LIMIT 1`;
const GROUPED = `SELECT trace FROM baton_traces
  WHERE tenant = ? AND group_id IN (SELECT value FROM json_each(?)) LIMIT 1`;
const ANY = 'SELECT trace FROM baton_traces WHERE tenant = ? LIMIT 1';
const USAGE = 'DELETE FROM baton_trace_usage WHERE tenant = ?';

export function erase(db: Statements, { tenant, runs, groups, all }: EraseCommand): Erased {
  const row = all
    ? db.get(ANY, tenant)
    : (db.get(NAMED, tenant, JSON.stringify(runs)) ?? db.get(GROUPED, tenant, JSON.stringify(groups)));
  if (!row) {
    if (all) db.run(USAGE, tenant);
    return { traces: 0, more: false };
  }
  return { traces: forgetTrace(db, Number(row['trace'])) ? 1 : 0, more: true };
}
