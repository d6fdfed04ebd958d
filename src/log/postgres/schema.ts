/**
 * The tables of logs, and how a database gets from one version of them to the next.
 *
 * No foreign keys: what belongs to a run is deleted by name, and each append saves the look at its parent.
 */
import { migrate } from '../../store/postgres/migrate.ts';
import type { RunSql } from '../../store/postgres/migrate.ts';
import { ALONG } from '../../store/postgres/along.ts';
import { LogError } from '../errors.ts';
import { FUNCTIONS } from './functions.ts';
import { REPLACE } from './replace.ts';

/** Of both tables that are written with each commit: room for new versions of a row on its own page. */
const BUSY = 'WITH (fillfactor = 50)';

/**
 * Step n brings a database from version n to n + 1. A step that was released is never changed: processes of two
 * versions of this package may work on one database, so that a changed function gets another name.
 */
const STEPS = [
  `
  CREATE TABLE baton_runs (
    tenant text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL,
    agent text COLLATE "C" NOT NULL,
    parent text COLLATE "C",
    session text COLLATE "C",
    fork_of text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    waiting text,
    head bigint NOT NULL,
    bytes bigint NOT NULL,
    owner text COLLATE "C",
    fence bigint NOT NULL,
    -- Of the claim that gave this fence: who repeats it is told that it was granted.
    claim text,
    posted bigint NOT NULL,
    consumed bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
  ) ${BUSY};
  CREATE INDEX baton_runs_by_time ON baton_runs (tenant, created_at);
  CREATE INDEX baton_runs_by_status ON baton_runs (tenant, status, created_at);
  CREATE INDEX baton_runs_by_parent ON baton_runs (tenant, parent) WHERE parent IS NOT NULL;
  CREATE INDEX baton_runs_by_session ON baton_runs (tenant, session) WHERE session IS NOT NULL;
  CREATE INDEX baton_runs_by_fork ON baton_runs (tenant, fork_of) WHERE fork_of IS NOT NULL;
  CREATE INDEX baton_runs_by_owner ON baton_runs (tenant, owner) WHERE owner IS NOT NULL;
  -- The last: while a table is empty all its indexes cost the same, and the planner takes the youngest. A plan that is
  -- made then is kept, and would read all runs of a tenant for each commit.
  ALTER TABLE baton_runs ADD PRIMARY KEY (tenant, run);
  CREATE TABLE baton_run_events (
    tenant text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    at bigint NOT NULL,
    event text NOT NULL,
    PRIMARY KEY (tenant, run, position)
  );
  CREATE TABLE baton_run_snapshots (
    tenant text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (tenant, run)
  );
  CREATE TABLE baton_run_inbox (
    tenant text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    -- Of the call: who repeats it is told that it was the first.
    post text,
    at bigint NOT NULL,
    event text NOT NULL,
    PRIMARY KEY (tenant, run, position),
    UNIQUE (tenant, run, key)
  );
  CREATE TABLE baton_workers (
    tenant text COLLATE "C" NOT NULL,
    worker text COLLATE "C" NOT NULL,
    beat bigint NOT NULL,
    at bigint NOT NULL,
    lease_ms bigint,
    PRIMARY KEY (tenant, worker)
  ) ${BUSY};
  CREATE TABLE baton_blobs (
    tenant text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (tenant, hash)
  );
  CREATE TABLE baton_run_blobs (
    tenant text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, hash, run)
  );
  CREATE INDEX baton_run_blobs_by_run ON baton_run_blobs (tenant, run);
  ${ALONG}
  ${FUNCTIONS}
  ${REPLACE}
  `,
];

/** @throws LogError `log/newer-schema`, and nothing was changed; what the database says */
export function migrateLogs(run: RunSql, place: string): Promise<void> {
  return migrate(run, {
    component: 'log',
    steps: STEPS,
    place,
    newer: (message) => new LogError('log/newer-schema', message),
  });
}
