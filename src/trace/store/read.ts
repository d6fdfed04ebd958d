/** What the store is asked: runs, the trace of a run, usage. Answers are rows as plain data. */
import type { ReadCommand } from './commands.ts';
import type { Statements, Columns } from '../../store/sqlite/statements.ts';
import { keyOfPart, MOST_PARTS } from './part-key.ts';
import { BEAT_OF_RUN, LOST_MS, STATUS_OF_RUN } from './presence.ts';

type Of<K extends ReadCommand['do']> = Extract<ReadCommand, { do: K }>;

/** Its first parameter is when a process must have been heard of. */
const RUN = `SELECT r.*, ${STATUS_OF_RUN} AS status_now, ${BEAT_OF_RUN} AS beat_at, t.trace_id, t.name, t.group_id, t.metadata,
  (SELECT run_id FROM baton_trace_runs WHERE run = r.parent) AS parent_run_id
  FROM baton_trace_runs r JOIN baton_traces t USING (trace)`;

/** Root runs, newest first. */
export function readRuns(db: Statements, { tenant, limit, ...filter }: Of<'runs'>): Columns[] {
  const { status, agent, groupId, since, until, before } = filter;
  // Without a time, by key from the newest on: the index of times would have all runs sorted for the first page.
  const byKey = since === undefined && until === undefined;
  const where = [`${byKey ? '+' : ''}r.tenant = ?`, 'r.parent IS NULL'];
  const lost = Date.now() - LOST_MS;
  const values: (string | number)[] = [tenant];
  const only = (condition: string, ...wanted: (string | number | undefined)[]): void => {
    const given = wanted.filter((value) => value !== undefined);
    if (given.length < wanted.length) return;
    where.push(condition);
    values.push(...given);
  };
  only(`${STATUS_OF_RUN} = ?`, lost, status);
  only('r.agent = ?', agent);
  only('r.started_at >= ?', since);
  only('r.started_at <= ?', until);
  only('r.run < ?', before);
  only('r.trace IN (SELECT trace FROM baton_traces WHERE tenant = ? AND group_id = ?)', tenant, groupId);
  // Keys first: what is sorted and left out again need not be read whole.
  const keys = `SELECT r.run FROM baton_trace_runs r WHERE ${where.join(' AND ')} ORDER BY r.run DESC LIMIT ?`;
  return db.all(`${RUN} WHERE r.run IN (${keys}) ORDER BY r.run DESC`, lost, ...values, limit);
}

const OPEN = `SELECT o.*, coalesce(w.beat_at, o.started_at) AS beat_at, coalesce(w.beat_at, 0) < ? AS is_lost
  FROM baton_trace_open o LEFT JOIN baton_trace_writers w USING (writer) WHERE o.trace = ?`;

const PARTS = `SELECT place, first, segment, has_said, text, said FROM baton_trace_parts
  WHERE part BETWEEN ? AND ? ORDER BY part`;

export type TraceRows = {
  readonly trace: Columns;
  readonly runs: Columns[];
  /** Spans that ended with what was said in them, and entries of segments. */
  readonly parts: Columns[];
  /** Spans that did not end as far as it was told here, and whether their process is lost. */
  readonly open: Columns[];
};

/** The trace of a run, or with this id; of a shortened id the one that it means. */
export function readTrace(db: Statements, { tenant, id }: Of<'trace'>): TraceRows | { readonly candidates: string[] } {
  const found = findTrace(db, tenant, id);
  if (typeof found !== 'number') return { candidates: found };
  const trace = db.get('SELECT * FROM baton_traces WHERE trace = ?', found) ?? {};
  const lost = Date.now() - LOST_MS;
  const keys = [keyOfPart(found, 0), keyOfPart(found, MOST_PARTS - 1)];
  return {
    trace,
    runs: db.all(`${RUN} WHERE r.trace = ? ORDER BY r.run`, lost, found),
    open: db.all(OPEN, lost, found),
    parts: db.all(PARTS, ...keys),
  };
}

/** How many ids are told where several begin alike. */
export const MOST_CANDIDATES = 6;

/** Its key, or the ids that begin like this: none, or several. */
function findTrace(db: Statements, tenant: string, id: string): number | string[] {
  const exact =
    db.get('SELECT trace FROM baton_trace_runs WHERE tenant = ? AND run_id = ?', tenant, id) ??
    db.get('SELECT trace FROM baton_traces WHERE tenant = ? AND trace_id = ?', tenant, id);
  if (exact) return Number(exact['trace']);
  const like = db.all(
    `SELECT trace, run_id FROM baton_trace_runs
    WHERE tenant = ? AND run_id >= ? AND run_id < ? AND parent IS NULL LIMIT ${MOST_CANDIDATES}`,
    tenant,
    id,
    `${id}\u{10FFFF}`,
  );
  const [only] = like;
  return only && like.length === 1 ? Number(only['trace']) : like.map((row) => String(row['run_id']));
}

/** By agent and model. */
export function readUsage(db: Statements, { tenant, since, until }: Of<'usage'>): Columns[] {
  return db.all(
    `SELECT agent, model, provider, sum(calls) AS calls, sum(errors) AS errors, sum(input_tokens) AS input_tokens,
      sum(cached_tokens) AS cached_tokens, sum(output_tokens) AS output_tokens, sum(nano_usd) AS nano_usd,
      sum(unpriced) AS unpriced
    FROM baton_trace_usage WHERE tenant = ? AND hour >= ? AND hour < ?
    GROUP BY agent, model, provider ORDER BY nano_usd DESC, input_tokens DESC`,
    tenant,
    since,
    until,
  );
}
