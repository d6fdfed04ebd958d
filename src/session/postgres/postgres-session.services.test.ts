import pg from 'pg';
import { afterAll, describe, test } from 'vitest';
import { startPostgres } from '../../../scripts/services/postgres.ts';
import { troubleCases } from '../stored/trouble.fixture.ts';
import { sessionConformance } from '../../testing/session-conformance.ts';
import { PostgresSession } from './postgres-session.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';

describe.skipIf(connectionString === '')('PostgreSQL', () => {
  const pool = new pg.Pool({ connectionString, max: 3 });
  afterAll(() => pool.end());

  describe('conformance', () => {
    for (const { name, run } of sessionConformance({
      create: (id) => new PostgresSession(id, { connectionString }),
      createForTenant: (id, tenant) => new PostgresSession(id, { connectionString, tenant }),
      createTolerant: (id) => new PostgresSession(id, { connectionString, onCorrupt: 'warn' }),
      corrupt: async ({ sessionId, position, text }) => {
        const sql = 'UPDATE baton_session_items SET item = $1 WHERE session = $2 AND seq = $3';
        await pool.query(sql, [text, sessionId, position]);
      },
      dispose: (session) => (session instanceof PostgresSession ? session.close() : undefined),
      durable: true,
    }))
      test(name, run);
  });

  describe('trouble', () => {
    troubleCases(connectionString, {
      open: (id, { url, timeoutMs = 30_000 }) => new PostgresSession(id, { connectionString: url, timeoutMs }),
      start: () => startPostgres(),
      urlOf: ({ env }) => env['BATON_POSTGRES_URL'] ?? '',
      password: (url) => new URL(url).password,
    });
  });
});
