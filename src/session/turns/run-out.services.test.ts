import pg from 'pg';
import { createClient } from 'redis';
import { describe, test } from 'vitest';
import { PostgresSession } from '../postgres/postgres-session.ts';
import { RedisSession } from '../redis/redis-session.ts';
import { expectFencedByChange } from './run-out.fixture.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const url = process.env['BATON_REDIS_URL'] ?? '';
const past = (line: string): string => line.replace(/"until":\d+/, '"until":1');

describe.each(['popItem', 'clearSession'] as const)('who stood still until its turn ran out, after a %s', (change) => {
  test.skipIf(connectionString === '')('writes nothing to PostgreSQL', async () => {
    const pool = new pg.Pool({ connectionString, max: 2 });
    const id = `run-out-${process.pid}-${change}`;
    const session = new PostgresSession(id, { pool });
    const runOut = async (): Promise<void> => {
      const { rows } = await pool.query('SELECT line FROM baton_session_turns WHERE session = $1', [id]);
      const line = past(String(rows[0]?.line));
      await pool.query('UPDATE baton_session_turns SET line = $2 WHERE session = $1', [id, line]);
    };
    await expectFencedByChange(session, { runOut, change });
    await session.close();
    await pool.end();
  });

  test.skipIf(url === '')('writes nothing to Redis', async () => {
    const client = createClient({ url });
    await client.connect();
    const id = `run-out-${process.pid}-${change}`;
    const session = new RedisSession(id, { url });
    const key = `baton:session:{default:${id}}:turn`;
    const runOut = async (): Promise<void> => void (await client.set(key, past((await client.get(key)) ?? '')));
    await expectFencedByChange(session, { runOut, change });
    await session.close();
    client.destroy();
  });
});
