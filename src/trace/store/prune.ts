/**
 * Retention: deletes one chunk of what is too old, or too much. Chunks are small, as each holds the write lock.
 *
 * What was said goes first; a run goes with its trace, when nothing was written to the trace for long enough.
 */
import { bareText } from './bare.ts';
import type { PruneCommand } from './commands.ts';
import { keyOfPart, MOST_PARTS } from './part-key.ts';
import type { Statements } from '../../store/sqlite/statements.ts';

/** Whether there may be more to delete. */
export type Pruned = { readonly more: boolean };

/** Traces a chunk: of a few kilobytes each, a chunk takes milliseconds. */
const TRACES = 100;
const ROWS = 2000;

export function prune(db: Statements, { contentBefore, runsBefore, usageBefore, contentBytes }: PruneCommand): Pruned {
  db.run('DELETE FROM baton_trace_usage WHERE hour < ?', usageBefore);
  db.run('DELETE FROM baton_trace_writers WHERE beat_at < ?', runsBefore);
  const runs = forgetTraces(db, runsBefore);
  if (runs) return { more: true };
  const old = db.all(
    'SELECT trace FROM baton_traces WHERE content_bytes > 0 AND touched_at < ? ORDER BY touched_at LIMIT ?',
    contentBefore,
    TRACES,
  );
  const chosen = old.length > 0 ? old.map(({ trace }) => Number(trace)) : overBudget(db, contentBytes);
  const isCut = chosen.some((trace) => !forgetContent(db, trace));
  return { more: isCut || chosen.length > 0 };
}

/** Traces that are looked at, by their keys: those that began first, of which only few can still go on. */
const FIRST = 10_000;
const OLDEST = `SELECT trace FROM (SELECT trace, touched_at FROM baton_traces ORDER BY trace LIMIT ?)
  WHERE touched_at < ? LIMIT ?`;

/** Whether a chunk of old traces was deleted. */
function forgetTraces(db: Statements, before: number): boolean {
  const old = db.all(OLDEST, FIRST, before, TRACES);
  let left = ROWS;
  for (const row of old) {
    left -= forgetRows(db, Number(row['trace']), left);
    // A trace that is larger than a chunk goes on with the next one.
    if (left <= 0) break;
  }
  return old.length > 0;
}

/** Deletes a chunk of a trace. Whether all of it is gone. */
export const forgetTrace = (db: Statements, trace: number): boolean => forgetRows(db, trace, ROWS) < ROWS;

/** How many rows were deleted; when they were fewer than `most`, nothing of the trace is left. */
function forgetRows(db: Statements, trace: number, most: number): number {
  let left = most - deleteParts(db, trace, most);
  if (left > 0) left -= deleteOpen(db, trace, left);
  if (left <= 0) return most;
  db.run('DELETE FROM baton_trace_runs WHERE trace = ?', trace);
  db.run('DELETE FROM baton_traces WHERE trace = ?', trace);
  return most - left;
}

/** Traces whose contents make the store too large, oldest first. */
function overBudget(db: Statements, most: number): number[] {
  const sum = 'SELECT sum(content_bytes) AS bytes FROM baton_traces WHERE content_bytes > 0';
  let over = Number(db.get(sum)?.['bytes'] ?? 0) - most;
  const oldest = 'SELECT trace, content_bytes FROM baton_traces WHERE content_bytes > 0 ORDER BY touched_at LIMIT ?';
  const chosen: number[] = [];
  if (over <= 0) return chosen;
  for (const row of db.all(oldest, TRACES)) {
    if (over <= 0) break;
    chosen.push(Number(row['trace']));
    over -= Number(row['content_bytes']);
  }
  return chosen;
}

const WITH_SAID = `SELECT part, segment, text FROM baton_trace_parts
  WHERE part BETWEEN ? AND ? AND has_said = 1 LIMIT ?`;
const WITHOUT_SAID = 'UPDATE baton_trace_parts SET has_said = 0, said = NULL, text = ? WHERE part = ?';

/** Whether all of it is gone. */
function forgetContent(db: Statements, trace: number): boolean {
  const rows = db.all(WITH_SAID, keyOfPart(trace, 0), keyOfPart(trace, MOST_PARTS - 1), ROWS);
  for (const { part, segment, text } of rows) {
    const told = String(text);
    db.run(WITHOUT_SAID, segment === null ? told : bareText(told), Number(part));
  }
  const isAll = rows.length < ROWS;
  if (isAll) db.run('UPDATE baton_traces SET content_bytes = 0 WHERE trace = ?', trace);
  return isAll;
}

/** How many rows of a trace were deleted. SQLite is built without DELETE … LIMIT. */
function deleteParts(db: Statements, trace: number, most: number): number {
  return db.run(
    'DELETE FROM baton_trace_parts WHERE part IN (SELECT part FROM baton_trace_parts WHERE part BETWEEN ? AND ? LIMIT ?)',
    keyOfPart(trace, 0),
    keyOfPart(trace, MOST_PARTS - 1),
    most,
  );
}

function deleteOpen(db: Statements, trace: number, most: number): number {
  const some = 'SELECT span_id FROM baton_trace_open WHERE trace = ? LIMIT ?';
  return db.run(`DELETE FROM baton_trace_open WHERE trace = ? AND span_id IN (${some})`, trace, trace, most);
}
