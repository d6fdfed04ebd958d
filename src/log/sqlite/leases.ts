/** Commands about who may append. Each is in a transaction that has the write lock. */
import * as refused from '../refusals.ts';
import type { Claimed } from '../types.ts';
import type { BeatCommand, ClaimCommand } from '../commands.ts';
import { leaseOf, number } from './rows.ts';
import type { Statements } from '../../store/sqlite/statements.ts';

const SQL = {
  lease: `SELECT owner, fence, beat FROM baton_runs AS r LEFT JOIN baton_workers AS w
    ON w.tenant = r.tenant AND w.worker = r.owner WHERE r.tenant = ? AND r.run = ?`,
  take: 'UPDATE baton_runs SET owner = ?, fence = fence + 1 WHERE tenant = ? AND run = ?',
  /** A worker that has nothing left and did not say that it goes. */
  forget: `DELETE FROM baton_workers WHERE tenant = ? AND worker = ?
    AND NOT EXISTS (SELECT 1 FROM baton_runs AS r WHERE r.tenant = baton_workers.tenant AND r.owner = baton_workers.worker)`,
  beat: `INSERT INTO baton_workers (tenant, worker, beat, at) VALUES (?, ?, 1, ?)
    ON CONFLICT (tenant, worker) DO UPDATE SET beat = beat + 1, at = excluded.at RETURNING beat`,
  leave: 'DELETE FROM baton_workers WHERE tenant = ? AND worker = ?',
} as const;

export function claim(db: Statements, { tenant, runId, worker, seen }: ClaimCommand): Claimed {
  const row = db.get(SQL.lease, tenant, runId);
  if (!row) throw refused.unknownRun(runId);
  const lease = leaseOf(row);
  if (lease.owner !== seen.owner || lease.fence !== seen.fence || lease.beat !== seen.beat) {
    return { isGranted: false, lease };
  }
  db.run(SQL.take, worker, tenant, runId);
  if (lease.owner !== undefined && lease.owner !== worker) db.run(SQL.forget, tenant, lease.owner);
  return { isGranted: true, fence: lease.fence + 1 };
}

export function beat(db: Statements, { tenant, worker, leave }: BeatCommand): number {
  const row = db.get(SQL.beat, tenant, worker, Date.now());
  if (leave) db.run(SQL.leave, tenant, worker);
  return row ? number(row, 'beat') : 0;
}
