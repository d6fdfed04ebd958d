import { createClient } from 'redis';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startRedis } from '../../../scripts/services/redis.ts';
import { troubleCases } from '../stored/trouble.fixture.ts';
import { sessionConformance } from '../../testing/session-conformance.ts';
import { RedisSession } from './redis-session.ts';

const url = process.env['BATON_REDIS_URL'] ?? '';

describe.skipIf(url === '')('Redis', () => {
  const raw = createClient({ url });
  beforeAll(async () => void (await raw.connect()));
  afterAll(() => raw.destroy());

  describe('conformance', () => {
    for (const { name, run } of sessionConformance({
      create: (id) => new RedisSession(id, { url }),
      createForTenant: (id, tenant) => new RedisSession(id, { url, tenant }),
      createTolerant: (id) => new RedisSession(id, { url, onCorrupt: 'warn' }),
      corrupt: async ({ sessionId, position, text }) => {
        const key = `baton:session:{default:${encodeURIComponent(sessionId)}}:items`;
        await raw.lSet(key, position - 1, `${position} ${text}`);
      },
      dispose: (session) => (session instanceof RedisSession ? session.close() : undefined),
      durable: true,
    }))
      test(name, run);
  });

  describe('trouble', () => {
    troubleCases(url, {
      open: (id, options) => new RedisSession(id, options),
      start: () => startRedis({ appendfsync: 'always' }),
      urlOf: ({ env }) => env['BATON_REDIS_URL'] ?? '',
      password: (address) => new URL(address).password,
    });
  });
});
