/**
 * The tables of logs. Step n brings a file from version n to n + 1. A step that was released is never changed.
 *
 * No foreign keys: what belongs to a run is deleted by name, and each append saves the look at its parent.
 */
export const STEPS = [
  `
  CREATE TABLE baton_runs (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    agent TEXT NOT NULL,
    parent TEXT,
    session TEXT,
    fork_of TEXT,
    status TEXT NOT NULL,
    waiting TEXT,
    head INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    owner TEXT,
    fence INTEGER NOT NULL,
    posted INTEGER NOT NULL,
    consumed INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, run)
  ) STRICT;
  CREATE INDEX baton_runs_by_time ON baton_runs (tenant, created_at, run);
  CREATE INDEX baton_runs_by_status ON baton_runs (tenant, status, created_at, run);
  CREATE INDEX baton_runs_by_parent ON baton_runs (tenant, parent) WHERE parent IS NOT NULL;
  CREATE INDEX baton_runs_by_session ON baton_runs (tenant, session) WHERE session IS NOT NULL;
  CREATE INDEX baton_runs_by_fork ON baton_runs (tenant, fork_of) WHERE fork_of IS NOT NULL;
  CREATE INDEX baton_runs_by_owner ON baton_runs (tenant, owner) WHERE owner IS NOT NULL;
  CREATE TABLE baton_run_events (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (tenant, run, position)
  ) STRICT;
  CREATE TABLE baton_run_snapshots (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (tenant, run)
  ) STRICT;
  CREATE TABLE baton_run_inbox (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (tenant, run, position),
    UNIQUE (tenant, run, key)
  ) STRICT;
  CREATE TABLE baton_workers (
    tenant TEXT NOT NULL,
    worker TEXT NOT NULL,
    beat INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, worker)
  ) STRICT;
  CREATE TABLE baton_blobs (
    tenant TEXT NOT NULL,
    hash TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant, hash)
  ) STRICT;
  CREATE TABLE baton_run_blobs (
    tenant TEXT NOT NULL,
    hash TEXT NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (tenant, hash, run)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX baton_run_blobs_by_run ON baton_run_blobs (tenant, run);
  `,
  // A session may have as many runs as there are messages.
  `
  DROP INDEX IF EXISTS baton_runs_by_session;
  CREATE INDEX baton_runs_by_session ON baton_runs (tenant, session, created_at, run) WHERE session IS NOT NULL;
  `,
];
