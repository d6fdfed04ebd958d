/** What metrics have in a SQLite file. */
import type { Component } from '../../../store/sqlite/component.ts';
import { Statements } from '../../../store/sqlite/statements.ts';
import { addTo, bucketOf } from '../buckets.ts';
import type { RunObservation } from '../observation.ts';
import type { OperationSums } from '../operations.ts';
import { floor, HOUR_MS, MINUTE_MS, sumsOf } from '../rollup.ts';
import { prune } from './prune.ts';
import { STEPS } from './schema.ts';

/** What is asked of the metrics. Plain data: it crosses to the writer thread. */
export type MetricsCommand = { readonly tenant: string } & (
  | { readonly do: 'add'; readonly run: RunObservation; readonly slowMs: number }
  | { readonly do: 'operations'; readonly at: number; readonly sums: Partial<OperationSums> }
  | { readonly do: 'waits'; readonly runId: string; readonly asks: number; readonly since: number }
  | { readonly do: 'goes-on'; readonly runId: string }
  | { readonly do: 'sums'; readonly from: number; readonly to: number }
  | { readonly do: 'buckets'; readonly from: number; readonly to: number }
  | { readonly do: 'histograms'; readonly from: number; readonly to: number }
  | { readonly do: 'sessions'; readonly from: number; readonly to: number }
  | { readonly do: 'totals' }
  | { readonly do: 'claim'; readonly owner: string; readonly now: number; readonly until: number }
  | { readonly do: 'save'; readonly owner: string; readonly states: string }
  | { readonly do: 'prune'; readonly now: number }
);

/** Stands for what is zero or less. */
export const ZERO_BUCKET = -32_768;
/** Seconds in which runs were active, and of the distributions beside it, among the sums of runs. */
export const ACTIVE_SECONDS = 'activeSeconds';
export const HISTOGRAMS = ['modelSeconds', 'firstTokenSeconds'] as const;

const TOTAL = 0;
const HOUR = 1;
const MINUTE = 2;
const WRITES: ReadonlySet<MetricsCommand['do']> = new Set([
  'add',
  'operations',
  'waits',
  'goes-on',
  'claim',
  'save',
  'prune',
]);
const ROWS_OF_ADD = 100;

export const metricTables: Component = {
  name: 'metrics',
  steps: STEPS,
  plan(plain) {
    // The word of the metrics store, which made it.
    const command = plain as MetricsCommand;
    const isWrite = WRITES.has(command.do);
    return { prepared: command, isWrite, rows: isWrite ? ROWS_OF_ADD : 1, key: 'metrics' };
  },
  open(connection) {
    const db = new Statements(connection);
    return (prepared) => execute(db, prepared as MetricsCommand);
  },
};

function execute(db: Statements, command: MetricsCommand): unknown {
  const { tenant } = command;
  switch (command.do) {
    case 'add':
      return add(db, tenant, command);
    case 'operations':
      return addSums(db, { tenant, at: command.at }, Object.entries(command.sums));
    case 'waits':
      return db.run(WAITS, tenant, command.runId, command.asks, command.since);
    case 'goes-on':
      return db.run('DELETE FROM baton_metric_waiting WHERE tenant = ? AND run_id = ?', tenant, command.runId);
    case 'sums':
      return over(db, 'SELECT name, sum(value) AS value FROM baton_metric_sums', 'name', command);
    case 'buckets':
      return over(db, 'SELECT bucket, sum(count) AS count FROM baton_metric_buckets', 'bucket', command);
    case 'histograms':
      return over(db, 'SELECT name, bucket, sum(count) AS count FROM baton_metric_histograms', 'name, bucket', command);
    case 'sessions':
      return over(
        db,
        'SELECT sum(turns) AS turns, max(tripped > 0) AS tripped FROM baton_metric_sessions',
        'session',
        command,
      );
    case 'totals':
      return [
        db.all('SELECT name, value FROM baton_metric_sums WHERE tenant = ? AND level = 0', tenant),
        db.all('SELECT bucket, count FROM baton_metric_buckets WHERE tenant = ? AND level = 0', tenant),
        db.all('SELECT name, bucket, count FROM baton_metric_histograms WHERE tenant = ? AND level = 0', tenant),
        db.get('SELECT sum(asks) AS asks FROM baton_metric_waiting WHERE tenant = ?', tenant)?.['asks'] ?? 0,
      ];
    case 'claim':
      return claim(db, command);
    case 'save':
      return db.run(
        'UPDATE baton_metric_alerts SET states = ? WHERE tenant = ? AND owner = ?',
        command.states,
        tenant,
        command.owner,
      );
    case 'prune':
      return prune(db, command.now);
  }
}

/** Counts an end of a run once: the row of the run and what it adds are one transaction. */
function add(
  db: Statements,
  tenant: string,
  { run, slowMs }: { readonly run: RunObservation; readonly slowMs: number },
): number {
  const isNew = db.run(
    'INSERT OR IGNORE INTO baton_metric_runs (tenant, run_id, seq, ended_at) VALUES (?, ?, ?, ?)',
    tenant,
    run.runId,
    run.seq,
    run.endedAt,
  );
  if (isNew === 0) return 0;
  const seconds = run.activeMs / 1000;
  const bucket = seconds > 0 ? bucketOf(seconds) : ZERO_BUCKET;
  const histograms = { modelSeconds: run.modelMs, firstTokenSeconds: run.firstTokenMs };
  const sums = { ...sumsOf(run, slowMs), [ACTIVE_SECONDS]: Math.max(0, seconds) };
  const counts = HISTOGRAMS.flatMap((name) => countsOf(name, histograms[name]));
  const more = HISTOGRAMS.map((name) => [name, secondsOf(histograms[name])] as const);
  addSums(db, { tenant, at: run.endedAt }, [...Object.entries(sums), ...more]);
  for (const [level, start] of levelsAt(run.endedAt)) {
    const at = [tenant, level, start];
    db.run(ADD_BUCKET, ...at, bucket);
    for (const { name, bucket: of, count } of counts) db.run(ADD_COUNT, ...at, name, of, count);
    if (level !== TOTAL) db.run(ADD_SESSION, ...at, run.session, run.turns, run.tripped > 0 ? 1 : 0);
  }
  return 1;
}

const levelsAt = (at: number): readonly (readonly [level: number, start: number])[] => [
  [TOTAL, 0],
  [HOUR, floor(at, HOUR_MS)],
  [MINUTE, floor(at, MINUTE_MS)],
];

type At = { readonly tenant: string; readonly at: number };

function addSums(db: Statements, { tenant, at }: At, sums: readonly (readonly [string, number])[]): number {
  const some = sums.filter(([, value]) => value !== 0);
  for (const [level, start] of levelsAt(at)) {
    for (const [name, value] of some) db.run(ADD_SUM, tenant, level, start, name, value);
  }
  return some.length;
}

const secondsOf = (all: readonly number[]): number => all.reduce((sum, ms) => sum + Math.max(0, ms), 0) / 1000;

function countsOf(name: string, all: readonly number[]): { name: string; bucket: number; count: number }[] {
  const counts = new Map<number, number>();
  for (const ms of all) addTo(counts, ms > 0 ? bucketOf(ms / 1000) : ZERO_BUCKET, 1);
  return Array.from(counts, ([bucket, count]) => ({ name, bucket, count }));
}

const ADD_SUM = `INSERT INTO baton_metric_sums (tenant, level, start, name, value) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET value = value + excluded.value`;
const ADD_BUCKET = `INSERT INTO baton_metric_buckets (tenant, level, start, bucket, count) VALUES (?, ?, ?, ?, 1)
  ON CONFLICT DO UPDATE SET count = count + 1`;
const ADD_COUNT = `INSERT INTO baton_metric_histograms (tenant, level, start, name, bucket, count)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count`;
const WAITS = `INSERT INTO baton_metric_waiting (tenant, run_id, asks, since) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET asks = excluded.asks, since = excluded.since`;
const ADD_SESSION = `INSERT INTO baton_metric_sessions (tenant, level, start, session, runs, turns, tripped)
  VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET runs = runs + 1, turns = turns + excluded.turns,
  tripped = tripped + excluded.tripped`;

type Window = { readonly tenant: string; readonly from: number; readonly to: number };

/** A window: hours in its middle, minutes at its ends. */
// oxlint-disable-next-line eslint/max-params -- a query in its parts
function over(db: Statements, select: string, group: string, { tenant, from, to }: Window): unknown {
  const begin = floor(from, MINUTE_MS);
  const firstHour = Math.min(to, Math.ceil(begin / HOUR_MS) * HOUR_MS);
  const lastHour = Math.max(firstHour, floor(to, HOUR_MS));
  return db.all(
    // Node 22.13 counts numbered parameters that are used twice as two, so each has a place of its own.
    `${select} WHERE tenant = ? AND level = 1 AND start >= ? AND start < ?
     OR tenant = ? AND level = 2 AND start >= ? AND start < ?
     OR tenant = ? AND level = 2 AND start >= ? AND start < ? GROUP BY ${group}`,
    tenant,
    firstHour,
    lastHour,
    tenant,
    begin,
    firstHour,
    tenant,
    lastHour,
    to,
  );
}

/** The states, for whoever gets the lease. */
function claim(db: Statements, command: Extract<MetricsCommand, { do: 'claim' }>): unknown {
  const { tenant, owner, now, until } = command;
  const claimed = db.run(
    `INSERT INTO baton_metric_alerts (tenant, owner, until, states) VALUES (?, ?, ?, '{}')
     ON CONFLICT DO UPDATE SET owner = excluded.owner, until = excluded.until
     WHERE baton_metric_alerts.owner = excluded.owner OR baton_metric_alerts.until < ?`,
    tenant,
    owner,
    until,
    now,
  );
  if (claimed === 0) return null;
  return db.get('SELECT states FROM baton_metric_alerts WHERE tenant = ?', tenant)?.['states'] ?? '{}';
}
