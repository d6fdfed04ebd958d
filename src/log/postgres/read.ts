/** What changes nothing. Each statement sees one state of the database. */
import { blobsOf } from '../codec.ts';
import type { Blob } from '../codec.ts';
import { isNews } from '../news.ts';
import { placeOf } from '../page.ts';
import type { Answers, ReadAnswer } from '../commands.ts';
import type { WatchedRun } from '../watchers.ts';
import type { ReadOptions, RunQuery } from '../types.ts';
import { infoOf, isThere, listOf, number, text } from './rows.ts';
import type { Row } from './rows.ts';

/** Does a statement, again where the connection broke: it changes nothing. */
export type Ask = (text: string, values: unknown[]) => Promise<readonly Row[]>;

const EXPIRED = 'w.at + w.lease_ms < baton_log_now() AS is_expired';
const WORKER = 'LEFT JOIN baton_workers AS w ON w.tenant = r.tenant AND w.worker = r.owner';
const INFO = `SELECT r.*, w.beat, ${EXPIRED} FROM baton_runs AS r ${WORKER} WHERE r.tenant = $1`;
const OF_RUN = 'x.tenant = r.tenant AND x.run = r.run';
const SQL = {
  read: `SELECT r.*, w.beat, ${EXPIRED}, s.position AS snapshot_at, s.state AS snapshot, f.first,
    (SELECT json_agg(json_build_object('position', e.position, 'at', e.at, 'text', e.event) ORDER BY e.position)::text
      FROM (SELECT x.position, x.at, x.event FROM baton_run_events AS x WHERE ${OF_RUN} AND x.position >= f.first
        ORDER BY x.position LIMIT $4) AS e) AS events,
    (SELECT json_agg(json_build_object('position', x.position, 'key', x.key, 'at', x.at, 'text', x.event)
        ORDER BY x.position)::text FROM baton_run_inbox AS x WHERE ${OF_RUN} AND x.position > r.consumed) AS inbox
    FROM baton_runs AS r ${WORKER}
    LEFT JOIN baton_run_snapshots AS s ON $5::boolean AND s.tenant = r.tenant AND s.run = r.run
    CROSS JOIN LATERAL (SELECT coalesce($3::bigint, s.position, 0) AS first) AS f
    WHERE r.tenant = $1 AND r.run = $2`,
  blobs: 'SELECT hash, value FROM baton_blobs WHERE tenant = $1 AND hash = ANY ($2)',
  news: `${INFO} AND r.run = ANY ($2)`,
} as const;

type Events = ReadAnswer['events'][number];
type Postings = ReadAnswer['inbox'][number];

export async function read(
  ask: Ask,
  { tenant, runId, options }: { tenant: string; runId: string; options: ReadOptions },
): Promise<ReadAnswer | undefined> {
  const { from = null, limit = null, snapshot: isWanted = false } = options;
  for (let isAgain = false; ; isAgain = true) {
    const [row] = await ask(SQL.read, [tenant, runId, from, limit, isWanted]);
    if (!row) return undefined;
    const snapshot = isThere(row, 'snapshot_at')
      ? { at: number(row, 'snapshot_at'), text: text(row, 'snapshot') }
      : undefined;
    const [events, inbox] = [listOf<Events>(row, 'events'), listOf<Postings>(row, 'inbox')];
    const texts = [...(snapshot ? [snapshot] : []), ...events, ...inbox].map((one) => one.text);
    const { blobs, isWhole } = await blobsIn(ask, tenant, texts);
    // Where one is missing, the run may have been removed between the two statements.
    if (!isWhole && !isAgain) continue;
    return {
      info: infoOf(row),
      ...(snapshot && { snapshot }),
      from: number(row, 'first'),
      events,
      inbox,
      blobs,
    };
  }
}

/** What these texts keep apart. */
export async function blobsIn(
  ask: Ask,
  tenant: string,
  texts: readonly string[],
): Promise<{ readonly blobs: readonly Blob[]; readonly isWhole: boolean }> {
  const hashes = [...new Set(texts.flatMap((one) => (one.includes('"$baton:blob"') ? blobsOf(one) : [])))];
  if (hashes.length === 0) return { blobs: [], isWhole: true };
  const rows = await ask(SQL.blobs, [tenant, hashes]);
  const blobs = rows.map((row) => ({ hash: text(row, 'hash'), text: text(row, 'value') }));
  return { blobs, isWhole: blobs.length === hashes.length };
}

export async function list(ask: Ask, tenant: string, query: RunQuery): Promise<Answers['list']> {
  const { limit = 50 } = query;
  const values: unknown[] = [tenant];
  const given = (value: unknown): string => `$${values.push(value)}`;
  const conditions = conditionsOf(query, given);
  const sql = [INFO, ...conditions].join(' AND ');
  const rows = await ask(`${sql} ORDER BY r.created_at DESC, r.run DESC LIMIT ${given(limit + 1)}`, values);
  return { runs: rows.slice(0, limit).map(infoOf), isMore: rows.length > limit };
}

function conditionsOf(query: RunQuery, given: (value: unknown) => string): string[] {
  const { status, agent, session, forkOf, parent, isOwned, hasInbox, createdFrom, createdBefore, cursor } = query;
  const place = cursor === undefined ? undefined : placeOf(cursor);
  return [
    status === undefined ? undefined : `r.status = ANY (${given([status].flat())})`,
    agent === undefined ? undefined : `r.agent = ${given(agent)}`,
    session === undefined ? undefined : `r.session = ${given(session)}`,
    forkOf === undefined ? undefined : `r.fork_of = ${given(forkOf)}`,
    parent === null ? 'r.parent IS NULL' : undefined,
    typeof parent === 'string' ? `r.parent = ${given(parent)}` : undefined,
    isOwned === undefined ? undefined : `r.owner IS ${isOwned ? 'NOT ' : ''}NULL`,
    hasInbox === undefined ? undefined : `r.posted ${hasInbox ? '>' : '<='} r.consumed`,
    createdFrom === undefined ? undefined : `r.created_at >= ${given(createdFrom)}`,
    createdBefore === undefined ? undefined : `r.created_at < ${given(createdBefore)}`,
    place && `(r.created_at, r.run) < (${given(place.createdAt)}, ${given(place.runId)})`,
  ].flatMap((one) => one ?? []);
}

/** Which of these runs have more than is known of them, or are gone. */
export async function news(ask: Ask, tenant: string, known: readonly WatchedRun[]): Promise<Answers['news']> {
  const rows = await ask(SQL.news, [tenant, [...new Set(known.map(({ runId }) => runId))]]);
  const infos = new Map(rows.map((row) => [text(row, 'run'), infoOf(row)]));
  return known.flatMap((one): Answers['news'] => {
    const info = infos.get(one.runId);
    return !info || isNews(info, one) ? [{ runId: one.runId, info }] : [];
  });
}
