/**
 * Commands that change a log. Synchronous, each inside a transaction that has the write lock, so that what is looked
 * at stays as it is until the commit.
 *
 * D1 A refusal (`LogError`) comes before the first write of its command.
 * D2 An append looks at head, fence and owner of its run, and at its events where it was made before.
 */
import { isSameText } from '../codec.ts';
import type { Blob, Encoded } from '../codec.ts';
import * as refused from '../refusals.ts';
import type { Committed, LogStatus } from '../types.ts';
import type { Answers, AppendCommand, PostCommand } from '../commands.ts';
import { blobsIn } from './read.ts';
import { maybe, number, text } from './rows.ts';
import type { Columns, Statements } from '../../store/sqlite/statements.ts';

const OF_RUN = 'tenant = ? AND run = ?';
/** Anonymous parameters only: Node 22.13 does not bind numbered ones by position. */
const SQL = {
  run: `SELECT status, head, bytes, owner, fence, posted, updated_at FROM baton_runs WHERE ${OF_RUN}`,
  create: `INSERT INTO baton_runs (tenant, run, agent, parent, session, fork_of, status, waiting, head, bytes, owner, fence, posted,
    consumed, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, 1, 0, 0, ?, ?)`,
  event: 'INSERT INTO baton_run_events (tenant, run, position, at, event) VALUES (?, ?, ?, ?, ?)',
  events: `SELECT event FROM baton_run_events WHERE ${OF_RUN} AND position >= ? AND position < ? ORDER BY position`,
  advance: `UPDATE baton_runs SET head = ?, bytes = ?, updated_at = ? WHERE ${OF_RUN}`,
  status: `UPDATE baton_runs SET status = ? WHERE ${OF_RUN}`,
  waiting: `UPDATE baton_runs SET waiting = ? WHERE ${OF_RUN}`,
  consume: `UPDATE baton_runs SET consumed = max(consumed, min(posted, ?)) WHERE ${OF_RUN}`,
  release: `UPDATE baton_runs SET owner = NULL WHERE ${OF_RUN}`,
  snapshot: `INSERT INTO baton_run_snapshots (tenant, run, position, state) VALUES (?, ?, ?, ?)
    ON CONFLICT (tenant, run) DO UPDATE SET position = excluded.position, state = excluded.state`,
  blob: 'INSERT INTO baton_blobs (tenant, hash, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  usesBlob: 'INSERT INTO baton_run_blobs (tenant, hash, run) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  posting: `SELECT position, key, at, event FROM baton_run_inbox WHERE ${OF_RUN} AND key = ?`,
  post: 'INSERT INTO baton_run_inbox (tenant, run, position, key, at, event) VALUES (?, ?, ?, ?, ?, ?)',
  posted: `UPDATE baton_runs SET posted = ? WHERE ${OF_RUN}`,
} as const;

export function append(db: Statements, command: AppendCommand): Committed {
  const { tenant, runId, position, fence, events, create, release } = command;
  const row = db.get(SQL.run, tenant, runId);
  if (create) {
    if (!row) return makeRun(db, command);
    const isMine = maybe(row, 'owner') === create.worker && number(row, 'fence') === 1;
    if (isMine && isThere(db, command)) return done(row, { head: events.length, isRepeated: true });
    throw refused.existingRun(runId);
  }
  if (!row) throw refused.unknownRun(runId);
  const [head, current] = [number(row, 'head'), number(row, 'fence')];
  const isFree = maybe(row, 'owner') === undefined;
  if (current !== fence) throw refused.fenced(runId, { fence, current });
  if ((head !== position || (isFree && release)) && isThere(db, command)) {
    return done(row, { head: position + events.length, isRepeated: true });
  }
  if (isFree) throw refused.fenced(runId, { fence, current });
  if (head !== position) throw refused.conflict(runId, { expected: position, head });
  return apply(db, command, row);
}

function makeRun(db: Statements, command: AppendCommand): Committed {
  const { tenant, runId, create, status = 'running', waiting } = command;
  const { agent = '', worker = '', parent, session, forkOf } = create ?? {};
  if (parent) {
    const row = db.get(SQL.run, tenant, parent.runId);
    if (!row) throw refused.unknownRun(parent.runId);
    if (number(row, 'fence') !== parent.fence || maybe(row, 'owner') === undefined) {
      throw refused.fenced(parent.runId, { fence: parent.fence, current: number(row, 'fence') });
    }
  }
  checkSize(command, 0);
  const now = Date.now();
  const waits = waiting === undefined || waiting === 'null' ? null : waiting;
  const from = [parent?.runId ?? null, session ?? null, forkOf ?? null];
  db.run(SQL.create, tenant, runId, agent, ...from, status, waits, worker, now, now);
  const row = { status, head: 0, bytes: 0, owner: worker, fence: 1, posted: 0, updated_at: now };
  return apply(db, { ...command, status: undefined, waiting: undefined }, row);
}

/** @throws LogError `log/too-large`. Returns what the run has then. */
function checkSize({ runId, events, maxRunBytes }: AppendCommand, before: number): number {
  const bytes = events.reduce((sum, event) => sum + event.bytes, before);
  if (bytes > maxRunBytes) {
    throw refused.tooLarge(`Run "${runId}"`, { bytes, limit: maxRunBytes, option: 'maxRunBytes' });
  }
  return bytes;
}

function apply(db: Statements, command: AppendCommand, row: Columns): Committed {
  const { tenant, runId, position, events, status, waiting, snapshot, consumed, release } = command;
  const bytes = checkSize(command, number(row, 'bytes'));
  const now = Date.now();
  const head = position + events.length;
  events.forEach((event, n) => db.run(SQL.event, tenant, runId, position + n, now, event.text));
  db.run(SQL.advance, head, bytes, now, tenant, runId);
  if (status !== undefined && status !== row['status']) db.run(SQL.status, status, tenant, runId);
  if (waiting !== undefined) db.run(SQL.waiting, waiting === 'null' ? null : waiting, tenant, runId);
  if (snapshot) db.run(SQL.snapshot, tenant, runId, snapshot.at, snapshot.state.text);
  if (consumed > 0) db.run(SQL.consume, consumed, tenant, runId);
  if (release) db.run(SQL.release, tenant, runId);
  keepBlobs(db, command, snapshot ? [...events, snapshot.state] : events);
  return done({ ...row, updated_at: now }, { head, isRepeated: false });
}

export function keepBlobs(db: Statements, of: { tenant: string; runId: string }, texts: readonly Encoded[]): void {
  for (const { blobs } of texts) for (const blob of blobs) keepBlob(db, of, blob);
}

function keepBlob(db: Statements, { tenant, runId }: { tenant: string; runId: string }, { hash, text: value }: Blob) {
  db.run(SQL.blob, tenant, hash, value);
  db.run(SQL.usesBlob, tenant, hash, runId);
}

/** Whether the events of a commit are in the log, where it would put them. */
function isThere(db: Statements, { tenant, runId, position, events }: AppendCommand): boolean {
  const stored = db.all(SQL.events, tenant, runId, position, position + events.length);
  return stored.length === events.length && stored.every((row, n) => isSame(text(row, 'event'), events[n]?.text));
}

function isSame(stored: string, given = ''): boolean {
  try {
    return isSameText(stored, given);
  } catch {
    // Unreadable: it is not what was given.
    return false;
  }
}

function done(row: Columns, { head, isRepeated }: { head: number; isRepeated: boolean }): Committed {
  return {
    head,
    fence: number(row, 'fence'),
    posted: number(row, 'posted'),
    at: number(row, 'updated_at'),
    isRepeated,
  };
}

export function post(db: Statements, { tenant, runId, key, event }: PostCommand): Answers['post'] {
  const row = db.get(SQL.run, tenant, runId);
  if (!row) throw refused.unknownRun(runId);
  // The word of `append`, which wrote it.
  const status = text(row, 'status') as LogStatus;
  const first = db.get(SQL.posting, tenant, runId, key);
  if (first) {
    const posting = { position: number(first, 'position'), key, at: number(first, 'at'), text: text(first, 'event') };
    return { isFirst: false, posting, status, blobs: blobsIn(db, tenant, [posting.text]) };
  }
  if (status === 'finished' || status === 'cancelled') throw refused.ended(runId, status);
  const posting = { position: number(row, 'posted') + 1, key, at: Date.now(), text: event.text };
  db.run(SQL.post, tenant, runId, posting.position, key, posting.at, event.text);
  db.run(SQL.posted, posting.position, tenant, runId);
  keepBlobs(db, { tenant, runId }, [event]);
  return { isFirst: true, posting, status, blobs: event.blobs };
}
