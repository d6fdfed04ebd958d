/** Events in another form: what was written before is overwritten, and nothing of the run names it any more. */
import { blobsOf } from '../codec.ts';
import type { ReplaceCommand } from '../commands.ts';
import { text } from './rows.ts';
import type { Columns, Statements } from '../../store/sqlite/statements.ts';
import { keepBlobs } from './write.ts';

const OF_RUN = 'tenant = ? AND run = ?';
const SQL = {
  event: `SELECT event FROM baton_run_events WHERE ${OF_RUN} AND position = ?`,
  replace: `UPDATE baton_run_events SET event = ? WHERE ${OF_RUN} AND position = ?`,
  snapshot: `DELETE FROM baton_run_snapshots WHERE ${OF_RUN} AND position > ?`,
  named: `SELECT 1 FROM baton_run_events WHERE ${OF_RUN} AND instr(event, ?) > 0
    UNION ALL SELECT 1 FROM baton_run_snapshots WHERE ${OF_RUN} AND instr(state, ?) > 0
    UNION ALL SELECT 1 FROM baton_run_inbox WHERE ${OF_RUN} AND instr(event, ?) > 0 LIMIT 1`,
  unuse: `DELETE FROM baton_run_blobs WHERE ${OF_RUN} AND hash = ?`,
  blob: `DELETE FROM baton_blobs WHERE tenant = ? AND hash = ? AND NOT EXISTS
    (SELECT 1 FROM baton_run_blobs AS other WHERE other.tenant = baton_blobs.tenant AND other.hash = baton_blobs.hash)`,
} as const;

export function replace(db: Statements, command: ReplaceCommand): undefined {
  const { tenant, runId, hasSnapshot, events } = command;
  const before = events.flatMap(({ position }): Columns[] => {
    const row = db.get(SQL.event, tenant, runId, position);
    return row ? [row] : [];
  });
  for (const { position, event } of events) db.run(SQL.replace, event.text, tenant, runId, position);
  const oldest = Math.min(...events.map(({ position }) => position));
  if (!hasSnapshot) db.run(SQL.snapshot, tenant, runId, oldest);
  keepBlobs(
    db,
    command,
    events.map(({ event }) => event),
  );
  for (const hash of new Set(before.flatMap((row: Columns) => blobsOf(text(row, 'event'))))) {
    const of = [tenant, runId, hash] as const;
    if (db.get(SQL.named, ...of, ...of, ...of)) continue;
    db.run(SQL.unuse, ...of);
    db.run(SQL.blob, tenant, hash);
  }
}
