/** Connections keep the plans of functions, also those that were made while a table was empty. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { startPostgres } from '../../../scripts/services/postgres.ts';
import { begin, more } from '../../testing/event-log-cases/support.ts';
import { postgresLog } from './postgres-log.ts';

const RUNS = 400;

type Read = { readonly name: string; readonly read: number; readonly scans: number };

/** Entries that were read of each index of `baton_runs`, once the server has counted what ended sessions did. */
async function readOf(connectionString: string): Promise<readonly Read[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query<Read>(
        `SELECT indexrelname AS name, idx_tup_read::int AS read, idx_scan::int AS scans
          FROM pg_stat_user_indexes WHERE relname = 'baton_runs'`,
      );
      if (rows.some(({ name, scans }) => name === 'baton_runs_pkey' && scans >= RUNS)) return rows;
      await sleep(50);
    }
  } finally {
    await client.end();
  }
}

describe.skipIf((process.env['BATON_POSTGRES_URL'] ?? '') === '')('a log in a database that was empty', () => {
  test('reads the rows of runs that are appended to, and no others of the tenant, however many have come', async () => {
    const running = await startPostgres();
    const connectionString = running.env['BATON_POSTGRES_URL'] ?? '';
    const log = postgresLog({ connectionString, maxConnections: 1 });
    for (let first = 0; first < RUNS; first += 20) {
      const runs = Array.from({ length: 20 }, (_, n) => `r${first + n}`);
      await Promise.all(runs.map((run) => begin(log, run)));
      await Promise.all(runs.map((run) => more(log, run)));
      // Judged one by one: refused, and made again.
      await Promise.allSettled(runs.map((run) => more(log, run, { position: 9 })));
    }
    await log.close();
    const read = await readOf(connectionString);
    // Old versions of a row have entries of their own until they are swept.
    const sum = read.reduce((total, one) => total + one.read, 0);
    expect(sum, JSON.stringify(read)).toBeLessThan(5 * RUNS);
    await running.stop();
  });
});
