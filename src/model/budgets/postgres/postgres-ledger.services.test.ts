import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../protocol/errors.ts';
import { budgetLedgerConformance } from '../../../testing/index.ts';
import { expectAgreement } from '../agreement.fixture.ts';
import { expectOnce, expectUnreachable } from '../trouble.fixture.ts';
import { postgresLedger, type PostgresLedgerOptions } from './postgres-ledger.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const withSetting = (setting: string): string => {
  const url = new URL(connectionString);
  url.searchParams.set('options', `-c ${setting}`);
  return url.href;
};

test.each<[object, string]>([
  [{}, 'exactly one of'],
  [{ connectionString: 'postgres://x', timeoutMs: 0 }, '`timeoutMs` must be above 0'],
  [{ connectionString: '' }, 'is empty'],
])('%j is refused', (options, message) => {
  expect(() => postgresLedger(options as PostgresLedgerOptions)).toThrow(message);
  expect(() => postgresLedger(options as PostgresLedgerOptions)).toThrow(UserError);
});

test('says kindly that nobody listens there', async () => {
  await expectUnreachable((at) => postgresLedger({ connectionString: at, timeoutMs: 200 }), 'postgres');
});

describe.skipIf(connectionString === '')('a ledger in PostgreSQL', () => {
  const open = () => postgresLedger({ connectionString });
  for (const { name, run } of budgetLedgerConformance({ create: open, reopen: open, shared: true })) test(name, run);

  test('agrees with one in memory on every sequence of calls', async () => {
    await expectAgreement(open, Number(process.env['BATON_PROPERTY_RUNS'] ?? 100));
  });

  test('does once what it did before an answer was lost', async () => {
    await expectOnce(connectionString, (at) => postgresLedger({ connectionString: at, timeoutMs: 20_000 }));
  });
});

describe.skipIf(connectionString === '')('a ledger over a client of the user', () => {
  const client = new pg.Client({ connectionString });
  let connected: Promise<unknown> | undefined;
  afterAll(() => client.end());
  const open = async () => {
    await (connected ??= client.connect());
    return postgresLedger({ client });
  };
  for (const { name, run } of budgetLedgerConformance({ create: open, reopen: open, shared: true })) test(name, run);
});

/** Where a database is set to see one state of things for a whole transaction, its refusals are tried again. */
describe.skipIf(connectionString === '').each(['repeatable\\ read', 'serializable'])('under %s', (level) => {
  const url = connectionString === '' ? '' : withSetting(`default_transaction_isolation=${level}`);
  const open = () => postgresLedger({ connectionString: url });
  for (const { name, run } of budgetLedgerConformance({ create: open, reopen: open, shared: true })) test(name, run);
});
