/**
 * The tables, and how a file gets from one version of them to the next.
 *
 * The file may hold tables of others; the version stands in a table of our own, so it does not touch theirs.
 */
import type { DatabaseSync } from 'node:sqlite';
import { SessionError } from '../errors.ts';

const COMPONENT = 'session';

/** Step n brings a file from version n to n + 1. A step that was released is never changed. */
const STEPS = [
  `
  CREATE TABLE baton_sessions (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    generation INTEGER NOT NULL,
    head INTEGER NOT NULL,
    PRIMARY KEY (tenant, session)
  ) STRICT;
  CREATE TABLE baton_session_items (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    call_id TEXT,
    item TEXT NOT NULL,
    saved_at INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (tenant, session, seq),
    FOREIGN KEY (tenant, session) REFERENCES baton_sessions (tenant, session) ON DELETE CASCADE
  ) STRICT;
  CREATE INDEX baton_session_calls ON baton_session_items (tenant, session, call_id, seq) WHERE call_id IS NOT NULL;
  CREATE TABLE baton_session_operations (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    operation TEXT NOT NULL,
    generation INTEGER NOT NULL,
    hash TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (tenant, session, operation),
    FOREIGN KEY (tenant, session) REFERENCES baton_sessions (tenant, session) ON DELETE CASCADE
  ) STRICT;
  `,
];

/** What this version of the package writes. */
export const SCHEMA_VERSION = STEPS.length;

/**
 * Brings the tables to `SCHEMA_VERSION`. A file that has it already is not written, so it may be read-only.
 *
 * @throws SessionError `session/newer-schema`, and nothing was changed
 */
export function migrate(db: DatabaseSync, path: string): void {
  if (versionOf(db, path) === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec(`CREATE TABLE IF NOT EXISTS baton_migrations (
      component TEXT NOT NULL,
      version INTEGER NOT NULL,
      applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
      PRIMARY KEY (component, version)
    ) STRICT`);
    const note = db.prepare('INSERT INTO baton_migrations (component, version) VALUES (?, ?)');
    // Read again: another process may have been faster.
    for (let version = versionOf(db, path); version < SCHEMA_VERSION; version++) {
      db.exec(STEPS[version] ?? '');
      note.run(COMPONENT, version + 1);
    }
    db.exec('COMMIT');
  } catch (error) {
    rollback(db);
    throw error;
  }
}

function versionOf(db: DatabaseSync, path: string): number {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'baton_migrations'").get();
  if (!table) return 0;
  const row = db.prepare('SELECT max(version) AS version FROM baton_migrations WHERE component = ?').get(COMPONENT);
  const version = Number(row?.['version'] ?? 0);
  if (version <= SCHEMA_VERSION) return version;
  throw new SessionError(
    'session/newer-schema',
    `${path} has version ${version} of the session tables; this version of @baton/agents knows up to ` +
      `${SCHEMA_VERSION}. Upgrade the package, or open another file. Nothing was changed.`,
  );
}

/** A full disk and some other failures have rolled back already; then there is nothing to do. */
export function rollback(db: DatabaseSync): void {
  try {
    db.exec('ROLLBACK');
  } catch {
    // "no transaction is active"
  }
}
