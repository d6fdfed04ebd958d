/** How the tables of a component get from one version to the next. */

/** Shared by all that Baton creates in a database. The bytes of "bato". */
const ADVISORY_KEY = 0x6261746f;

export type RunSql = (text: string, values?: unknown[]) => Promise<readonly { readonly [column: string]: unknown }[]>;

export type Migration = {
  /** Whose tables: `session`, `log`. */
  readonly component: string;
  /** Step n brings a database from version n to n + 1. */
  readonly steps: readonly string[];
  /** For messages: where the tables are. */
  readonly place: string;
  /** The component's error for tables of a newer version. */
  readonly newer: (message: string) => Error;
};

/**
 * Brings a schema to its newest version. A database that has it already is not written.
 *
 * @throws what `newer` makes, and nothing was changed; what the database says
 */
export async function migrate(run: RunSql, migration: Migration): Promise<void> {
  const { component, steps } = migration;
  if ((await versionOf(run, migration)) === steps.length) return;
  const missing = steps.map(
    (step, version) => `
    IF NOT EXISTS (SELECT 1 FROM baton_migrations WHERE component = '${component}' AND version = ${version + 1}) THEN
      ${step}
      INSERT INTO baton_migrations (component, version) VALUES ('${component}', ${version + 1});
    END IF;`,
  );
  // One statement: the lock is held for no longer than it takes, and all of it happens or nothing.
  await run(`DO $migration$ BEGIN
    PERFORM pg_advisory_xact_lock(${ADVISORY_KEY});
    CREATE TABLE IF NOT EXISTS baton_migrations (
      component text NOT NULL,
      version integer NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (component, version)
    );
    ${missing.join('')}
  END $migration$`);
}

async function versionOf(run: RunSql, { component, steps, place, newer }: Migration): Promise<number> {
  const [table] = await run("SELECT to_regclass('baton_migrations') IS NOT NULL AS found");
  if (table?.['found'] !== true) return 0;
  const [row] = await run('SELECT max(version) AS version FROM baton_migrations WHERE component = $1', [component]);
  const version = Number(row?.['version'] ?? 0);
  if (version <= steps.length) return version;
  throw newer(
    `${place} has version ${version} of the ${component} tables; this version of @baton/agents knows up to ` +
      `${steps.length}. Upgrade the package, or use another database. Nothing was changed.`,
  );
}
