import { describe, test } from 'vitest';
import { sessionConformance } from '../../testing/session-conformance.ts';
import { PostgresSession } from './postgres-session.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';

describe.skipIf(connectionString === '')('PostgreSQL', () => {
  describe('conformance', () => {
    for (const { name, run } of sessionConformance({
      create: (id) => new PostgresSession(id, { connectionString }),
      createForTenant: (id, tenant) => new PostgresSession(id, { connectionString, tenant }),
      dispose: (session) => (session instanceof PostgresSession ? session.close() : undefined),
      durable: true,
    }))
      test(name, run);
  });
});
