/**
 * The tables of the metrics. Step n brings a file from version n to n + 1. A step that was released is never changed.
 *
 * `level` is 0 for all time, 1 for an hour, 2 for a minute; `start` is where it begins, in milliseconds since the epoch.
 * Level 0 is never deleted: what is told as a total never falls. Buckets are those of buckets.ts.
 */
export const STEPS = [
  `
  CREATE TABLE baton_metric_runs (
    tenant TEXT NOT NULL,
    run_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, run_id, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX baton_metric_runs_ended ON baton_metric_runs (ended_at);

  CREATE TABLE baton_metric_sums (
    tenant TEXT NOT NULL,
    level INTEGER NOT NULL,
    start INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (tenant, level, start, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE baton_metric_buckets (
    tenant TEXT NOT NULL,
    level INTEGER NOT NULL,
    start INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (tenant, level, start, bucket)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE baton_metric_sessions (
    tenant TEXT NOT NULL,
    level INTEGER NOT NULL,
    start INTEGER NOT NULL,
    session TEXT NOT NULL,
    runs INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    tripped INTEGER NOT NULL,
    PRIMARY KEY (tenant, level, start, session)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE baton_metric_alerts (
    tenant TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL,
    states TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // Distributions beside that of the time to completion, and questions of runs that wait.
  `
  CREATE TABLE baton_metric_histograms (
    tenant TEXT NOT NULL,
    level INTEGER NOT NULL,
    start INTEGER NOT NULL,
    name TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (tenant, level, start, name, bucket)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE baton_metric_waiting (
    tenant TEXT NOT NULL,
    run_id TEXT NOT NULL,
    asks INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (tenant, run_id)
  ) STRICT, WITHOUT ROWID;
  `,
];
