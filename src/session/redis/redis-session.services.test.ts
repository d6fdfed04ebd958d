import { describe, test } from 'vitest';
import { sessionConformance } from '../../testing/session-conformance.ts';
import { RedisSession } from './redis-session.ts';

const url = process.env['BATON_REDIS_URL'] ?? '';

describe.skipIf(url === '')('Redis', () => {
  describe('conformance', () => {
    for (const { name, run } of sessionConformance({
      create: (id) => new RedisSession(id, { url }),
      createForTenant: (id, tenant) => new RedisSession(id, { url, tenant }),
      dispose: (session) => (session instanceof RedisSession ? session.close() : undefined),
      durable: true,
    }))
      test(name, run);
  });
});
