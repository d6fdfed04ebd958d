/** Commands that change nothing. Each sees one state of the file. */
import { blobsOf } from '../codec.ts';
import type { Blob } from '../codec.ts';
import { isNews } from '../news.ts';
import { placeOf } from '../page.ts';
import { infoFrom } from '../stored-row.ts';
import type { RunQuery } from '../types.ts';
import type { Answers, InfoRow, ListCommand, NewsCommand, ReadCommand } from '../commands.ts';
import { leaseOf, number, text } from './rows.ts';
import type { Columns, Statements, Value } from '../../store/sqlite/statements.ts';

const OF_RUN = 'tenant = ? AND run = ?';
const infoBy = (index: string): string => `SELECT r.*, w.beat FROM baton_runs AS r ${index}
  LEFT JOIN baton_workers AS w ON w.tenant = r.tenant AND w.worker = r.owner WHERE r.tenant = ?`;
const INFO = infoBy('');
const SQL = {
  info: `${INFO} AND r.run = ?`,
  snapshot: `SELECT position, state FROM baton_run_snapshots WHERE ${OF_RUN}`,
  events: `SELECT position, at, event FROM baton_run_events WHERE ${OF_RUN} AND position >= ? ORDER BY position LIMIT ?`,
  inbox: `SELECT position, key, at, event FROM baton_run_inbox WHERE ${OF_RUN} AND position > ? ORDER BY position`,
  blobs: 'SELECT hash, value FROM baton_blobs WHERE tenant = ? AND hash IN (SELECT value FROM json_each(?))',
} as const;

export function read(db: Statements, { tenant, runId, options }: ReadCommand): Answers['read'] {
  const row = db.get(SQL.info, tenant, runId);
  if (!row) return undefined;
  const stored = options.snapshot ? db.get(SQL.snapshot, tenant, runId) : undefined;
  const snapshot = stored && { at: number(stored, 'position'), text: text(stored, 'state') };
  const from = options.from ?? snapshot?.at ?? 0;
  const events = db
    .all(SQL.events, tenant, runId, from, options.limit ?? -1)
    .map((event) => ({ position: number(event, 'position'), at: number(event, 'at'), text: text(event, 'event') }));
  const inbox = db.all(SQL.inbox, tenant, runId, number(row, 'consumed')).map((posting) => ({
    position: number(posting, 'position'),
    key: text(posting, 'key'),
    at: number(posting, 'at'),
    text: text(posting, 'event'),
  }));
  const texts = [...(snapshot ? [snapshot] : []), ...events, ...inbox].map((one) => one.text);
  const blobs = blobsIn(db, tenant, texts);
  return { info: infoOf(row), ...(snapshot && { snapshot }), from, events, inbox, blobs };
}

/** What these texts keep apart. One that is missing is missing in the answer. */
export function blobsIn(db: Statements, tenant: string, texts: readonly string[]): Blob[] {
  const hashes = texts.flatMap((one) => (one.includes('"$baton:blob"') ? blobsOf(one) : []));
  if (hashes.length === 0) return [];
  const rows = db.all(SQL.blobs, tenant, JSON.stringify([...new Set(hashes)]));
  return rows.map((row) => ({ hash: text(row, 'hash'), text: text(row, 'value') }));
}

const infoOf = (row: Columns): InfoRow => infoFrom(row, leaseOf(row));

/**
 * Reads as many rows as it gives, or as the run, the session or the workers that it asks for have: SQLite keeps no
 * statistics, and left alone it looks for two running runs among all that there were, newest first.
 */
export function list(db: Statements, { tenant, query }: ListCommand): Answers['list'] {
  const { limit = 50 } = query;
  const index = indexFor(query);
  // Each status in its own order, so that none is read to its end.
  const statuses = index === 'status' ? [...new Set([query.status].flat())] : [query.status];
  const parts = statuses.map((status) => conditionsOf({ ...query, status }));
  if (parts.length === 0) return { runs: [], isMore: false };
  const info = infoBy(`INDEXED BY baton_runs_by_${index}`);
  const sql = parts.map((part) => `SELECT * FROM (${[info, ...part.map((one) => one.sql)].join(' AND ')} ${NEWEST})`);
  const values = parts.flatMap((part) => [tenant, ...part.flatMap((one) => one.values), limit + 1]);
  const order = parts.length > 1 ? 'ORDER BY created_at DESC, run DESC' : '';
  const rows = db.all(`${sql.join(' UNION ALL ')} ${order}`, ...values);
  return { runs: rows.slice(0, limit).map(infoOf), isMore: rows.length > limit };
}

const NEWEST = 'ORDER BY r.created_at DESC, r.run DESC LIMIT ?';

function indexFor({ parent, forkOf, isOwned, session, status }: RunQuery): string {
  if (typeof parent === 'string') return 'parent';
  if (forkOf !== undefined) return 'fork';
  if (isOwned === true) return 'owner';
  if (session !== undefined) return 'session';
  return status === undefined ? 'time' : 'status';
}

type Condition = { readonly sql: string; readonly values: readonly Value[] };

function conditionsOf(query: RunQuery): Condition[] {
  const { status, agent, session, forkOf, parent, isOwned, hasInbox, createdFrom, createdBefore, cursor } = query;
  const place = cursor === undefined ? undefined : placeOf(cursor);
  const all: (Condition | undefined)[] = [
    typeof status === 'string' ? { sql: 'r.status = ?', values: [status] } : undefined,
    Array.isArray(status)
      ? { sql: 'r.status IN (SELECT value FROM json_each(?))', values: [JSON.stringify(status)] }
      : undefined,
    agent === undefined ? undefined : { sql: 'r.agent = ?', values: [agent] },
    session === undefined ? undefined : { sql: 'r.session = ?', values: [session] },
    forkOf === undefined ? undefined : { sql: 'r.fork_of = ?', values: [forkOf] },
    parent === null ? { sql: 'r.parent IS NULL', values: [] } : undefined,
    typeof parent === 'string' ? { sql: 'r.parent = ?', values: [parent] } : undefined,
    isOwned === undefined ? undefined : { sql: `r.owner IS ${isOwned ? 'NOT ' : ''}NULL`, values: [] },
    hasInbox === undefined ? undefined : { sql: `r.posted ${hasInbox ? '>' : '<='} r.consumed`, values: [] },
    createdFrom === undefined ? undefined : { sql: 'r.created_at >= ?', values: [createdFrom] },
    createdBefore === undefined ? undefined : { sql: 'r.created_at < ?', values: [createdBefore] },
    place && { sql: '(r.created_at, r.run) < (?, ?)', values: [place.createdAt, place.runId] },
  ];
  return all.flatMap((one) => one ?? []);
}

export function news(db: Statements, { tenant, known }: NewsCommand): Answers['news'] {
  return known.flatMap((one): Answers['news'] => {
    const { runId } = one;
    const row = db.get(SQL.info, tenant, runId);
    if (!row) return [{ runId, info: undefined }];
    const info = infoOf(row);
    return isNews(info, one) ? [{ runId, info }] : [];
  });
}
