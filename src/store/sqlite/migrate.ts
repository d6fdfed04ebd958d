/**
 * How a file gets from one version of a component's tables to the next.
 *
 * The file may hold tables of others; the versions stand in a table of our own, so they do not touch theirs.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Component } from './component.ts';
import { StoreError } from './failure.ts';

type Tables = Pick<Component, 'name' | 'steps'>;

/**
 * Brings the tables to the newest version. A file that has it already is not written, so it may be read-only.
 *
 * @throws StoreError `store/newer-schema`, and nothing was changed
 */
export function migrate(db: DatabaseSync, path: string, { name, steps }: Tables): void {
  if (versionOf(db, path, { name, steps }) === steps.length) return;
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
    for (let version = versionOf(db, path, { name, steps }); version < steps.length; version++) {
      db.exec(steps[version] ?? '');
      note.run(name, version + 1);
    }
    db.exec('COMMIT');
  } catch (error) {
    rollback(db);
    throw error;
  }
}

function versionOf(db: DatabaseSync, path: string, { name, steps }: Tables): number {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'baton_migrations'").get();
  if (!table) return 0;
  const row = db.prepare('SELECT max(version) AS version FROM baton_migrations WHERE component = ?').get(name);
  const version = Number(row?.['version'] ?? 0);
  if (version <= steps.length) return version;
  throw new StoreError(
    'newer-schema',
    `${path} has version ${version} of the ${name} tables; this version of @baton/agents knows up to ` +
      `${steps.length}. Upgrade the package, or open another file. Nothing was changed.`,
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
