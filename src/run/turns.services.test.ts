/** Turns of runs on sessions of servers. */
import { afterAll, describe } from 'vitest';
import { PostgresSession, RedisSession, type Session } from '../index.ts';
import { turnCases } from './turn-cases.fixture.ts';

const opened: (PostgresSession | RedisSession)[] = [];
afterAll(async () => {
  for (const session of opened) await session.close();
});

const kinds = {
  PostgreSQL: (id: string, url: string) => new PostgresSession(id, { connectionString: url }),
  Redis: (id: string, url: string) => new RedisSession(id, { url }),
};
const urls = { PostgreSQL: process.env['BATON_POSTGRES_URL'] ?? '', Redis: process.env['BATON_REDIS_URL'] ?? '' };

describe.each(['PostgreSQL', 'Redis'] as const)('%s', (kind) => {
  describe.skipIf(urls[kind] === '')('turns', () =>
    turnCases(() => {
      const id = crypto.randomUUID();
      return (): Session => {
        const session = kinds[kind](id, urls[kind]);
        opened.push(session);
        return session;
      };
    }),
  );
});
