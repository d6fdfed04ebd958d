/**
 * A session of 100,000 items: an append and the newest 50 do not depend on its length. Times are printed; what is
 * asserted is what the servers did: how many rows they read, which commands.
 */
import pg from 'pg';
import { createClient } from 'redis';
import { expect, test } from 'vitest';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { PositionedSession } from '../../testing/session-cases/support.ts';
import { PostgresSession } from '../postgres/postgres-session.ts';
import { RedisSession } from '../redis/redis-session.ts';

const LENGTHS = [300, 10_000, 100_000];
const ROUNDS = 200;
const item = (n: number): AgentInputItem => ({
  type: 'message',
  role: 'user',
  content: `item ${n} ${'x'.repeat(400)}`,
});

async function growTo(session: PositionedSession, length: number): Promise<void> {
  for (let { last } = await session.position(); last < length;) {
    const more = Array.from({ length: Math.min(1000, length - last) }, (_, n) => item(last + n));
    ({ last } = await session.append(more));
  }
}

/** Mean milliseconds of an append and of reading the newest 50. */
async function timesOf(session: PositionedSession): Promise<string> {
  let from = performance.now();
  for (let n = 0; n < ROUNDS; n++) await session.append([item(n)], { operationId: crypto.randomUUID() });
  const append = (performance.now() - from) / ROUNDS;
  from = performance.now();
  for (let n = 0; n < ROUNDS; n++) expect(await session.getItems(50)).toHaveLength(50);
  return `append ${append.toFixed(2)} ms, newest 50 ${((performance.now() - from) / ROUNDS).toFixed(2)} ms`;
}

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
test.skipIf(connectionString === '')(
  'PostgreSQL',
  async () => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    const id = `long-${crypto.randomUUID()}`;
    const session = new PostgresSession(id, { client });
    await session.getItems();
    /** Rows that this connection took from the table of items, one way or the other. */
    const touched = async (): Promise<{ scans: number; rows: number }> => {
      await client.query('SELECT pg_stat_force_next_flush()');
      const sql = `SELECT seq_scan, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'baton_session_items'`;
      const [row] = (await client.query(sql)).rows as { seq_scan: string; idx_tup_fetch: string }[];
      return { scans: Number(row?.seq_scan), rows: Number(row?.idx_tup_fetch) };
    };
    // The planner takes a session for a few rows: it knows nothing of the table, as when that has just grown.
    await client.query('ALTER TABLE baton_session_items SET (autovacuum_enabled = off)');
    await client.query("DELETE FROM pg_statistic WHERE starelid = 'baton_session_items'::regclass");
    for (const length of LENGTHS) {
      await growTo(session, length);
      process.stdout.write(`PostgreSQL, ${length} items: ${await timesOf(session)}\n`);
      const before = await touched();
      for (let n = 0; n < 10; n++) await session.append([item(n)], { operationId: crypto.randomUUID() });
      const appended = await touched();
      for (let n = 0; n < 10; n++) await session.getItems(50);
      const read = await touched();
      for (let n = 0; n < 5; n++) await session.popItem();
      const popped = await touched();
      expect(popped.scans - before.scans).toBe(0);
      expect(appended.rows - before.rows).toBe(0);
      expect(read.rows - appended.rows).toBe(500);
      // A loop takes rows from its cursor a few dozen at a time.
      expect(popped.rows - read.rows).toBeLessThan(5 * 60);
    }
    await client.query('ALTER TABLE baton_session_items RESET (autovacuum_enabled)');
    await client.end();
  },
  300_000,
);

const url = process.env['BATON_REDIS_URL'] ?? '';
test.skipIf(url === '')(
  'Redis',
  async () => {
    const raw = createClient({ url });
    await raw.connect();
    const id = `long-${crypto.randomUUID()}`;
    const session = new RedisSession(id, { url });
    const calls = async (): Promise<Record<string, number>> => {
      const info = String(await raw.sendCommand(['INFO', 'commandstats']));
      const found = [...info.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, count]) => [name, Number(count)]);
      return Object.fromEntries(found);
    };
    const seen: string[] = [];
    for (const length of LENGTHS) {
      await growTo(session, length);
      process.stdout.write(`Redis, ${length} items: ${await timesOf(session)}\n`);
      // The first one tells the server its script.
      await session.popItem();
      await raw.sendCommand(['CONFIG', 'RESETSTAT']);
      for (let n = 0; n < 10; n++) await session.append([item(n)], { operationId: crypto.randomUUID() });
      for (let n = 0; n < 10; n++) await session.getItems(50);
      for (let n = 0; n < 5; n++) await session.popItem();
      const { info: _, ...others } = await calls();
      seen.push(JSON.stringify(Object.entries(others).toSorted(([a], [b]) => (a < b ? -1 : 1))));
    }
    // As many commands, and none that walks the list from its far end.
    expect(new Set(seen).size).toBe(1);
    expect(seen[0]).not.toMatch(/lindex|linsert|lrem|smembers|hgetall/);
    await session.close();
    raw.destroy();
  },
  300_000,
);
