import pg from 'pg';
import { afterAll, describe, test } from 'vitest';
import { eventLogConformance } from '../../testing/event-log-conformance.ts';
import { expectAgreement } from '../calls.fixture.ts';
import { postgresLog } from './postgres-log.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
/** The same server with settings of a connection, such as `default_transaction_isolation=serializable`. */
const withSetting = (setting: string): string => {
  const url = new URL(connectionString);
  url.searchParams.set('options', `-c ${setting}`);
  return url.href;
};

describe.skipIf(connectionString === '')('a log in PostgreSQL', () => {
  for (const { name, run } of eventLogConformance({
    create: (tenant) => postgresLog({ connectionString, tenant }),
    shared: true,
  }))
    test(name, run);

  test('agrees with one in memory on every sequence of calls', async () => {
    const pool = new pg.Pool({ connectionString, max: 3 });
    const open = () => postgresLog({ pool, tenant: crypto.randomUUID() });
    await expectAgreement(open, Number(process.env['BATON_PROPERTY_RUNS'] ?? 100));
    await pool.end();
  });
});

describe.skipIf(connectionString === '')('a log over a client of the user', () => {
  const client = new pg.Client({ connectionString });
  let connected: Promise<unknown> | undefined;
  afterAll(() => client.end());
  for (const { name, run } of eventLogConformance({
    create: async (tenant) => {
      await (connected ??= client.connect());
      return postgresLog({ client, tenant });
    },
    shared: true,
  }))
    test(name, run);
});

/** Where a database is set to see one state of things for a whole transaction, its refusals are tried again. */
describe.skipIf(connectionString === '').each(['repeatable\\ read', 'serializable'])('under %s', (level) => {
  const url = connectionString === '' ? '' : withSetting(`default_transaction_isolation=${level}`);
  for (const { name, run } of eventLogConformance({
    create: (tenant) => postgresLog({ connectionString: url, tenant }),
    shared: true,
  }))
    test(name, run);
});
