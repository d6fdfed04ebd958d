import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis } from '../../../../scripts/services/redis.ts';
import { UserError } from '../../../protocol/errors.ts';
import { budgetLedgerConformance } from '../../../testing/index.ts';
import { expectAgreement } from '../agreement.fixture.ts';
import { expectOnce, expectUnreachable } from '../trouble.fixture.ts';
import { redisLedger, type RedisLedgerOptions } from './redis-ledger.ts';

const url = process.env['BATON_REDIS_URL'] ?? '';

test.each<[object, string]>([
  [{}, 'exactly one of `url` and `client`'],
  [{ url: 'http://:secret@x' }, 'must begin with redis:// or rediss://.'],
  [{ url: 'redis://x', keyPrefix: 'a{b}' }, '`keyPrefix` must be a text without braces'],
  [{ url: 'redis://x', timeoutMs: Number.NaN }, '`timeoutMs` must be above 0'],
])('%j is refused', (options, message) => {
  expect(() => redisLedger(options as RedisLedgerOptions)).toThrow(message);
  expect(() => redisLedger(options as RedisLedgerOptions)).toThrow(UserError);
});

test('says kindly that nobody listens there', async () => {
  await expectUnreachable((at) => redisLedger({ url: at, timeoutMs: 200 }), 'redis');
});

describe.skipIf(url === '')('a ledger in Redis', () => {
  const open = () => redisLedger({ url });
  for (const { name, run } of budgetLedgerConformance({ create: open, reopen: open, shared: true })) test(name, run);

  test('agrees with one in memory on every sequence of calls', async () => {
    await expectAgreement(open, Number(process.env['BATON_PROPERTY_RUNS'] ?? 100));
  });

  test('does once what it did before an answer was lost', async () => {
    await expectOnce(url, (at) => redisLedger({ url: at, timeoutMs: 20_000 }));
  });
});

describe.skipIf(url === '')('a ledger over a client of the user', () => {
  const client = createClient({ url });
  beforeAll(async () => void (await client.connect()));
  afterAll(() => client.destroy());
  const open = () => redisLedger({ client, keyPrefix: 'own' });
  for (const { name, run } of budgetLedgerConformance({ create: open, reopen: open, shared: true })) test(name, run);

  test('keeps all of a tenant under one tag, and nothing of a settled entry but its sum', async () => {
    const tenant = crypto.randomUUID();
    const ledger = redisLedger({ client, keyPrefix: 'own' });
    const id = { tenant, effect: 'r/m1', epoch: 1 };
    const lines = [{ budget: 'tenant', limit: {} }];
    const grant = await ledger.reserve({ ...id, lines, amount: { nanoUsd: 5, tokens: 1 } });
    expect(grant.ok && (await ledger.settle({ ...id, n: grant.n }, { nanoUsd: 3, tokens: 1 }))).toBe(true);
    const keys = await client.keys(`own:{${tenant}}:*`);
    expect(new Set(keys.map((key) => key.split(':').at(-1)))).toEqual(new Set(['accounts', 'last']));
    await ledger.close();
  });
});

describe.skipIf(url === '')('a server that may lose budgets', () => {
  test.each<[Record<string, string>, string]>([
    [{ appendonly: 'no' }, 'appendonly is not "yes"'],
    [{ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' }, 'budgets are thrown away when memory is short'],
  ])('%j is warned of once, and refused where it must be durable', async (settings, said) => {
    const server = await startRedis(settings);
    const warnings: string[] = [];
    const original = console.warn;
    console.warn = (line: string) => void warnings.push(line);
    try {
      const own = server.env['BATON_REDIS_URL'] ?? '';
      const ledger = redisLedger({ url: own });
      await ledger.balance({ tenant: 't', budget: 'b' });
      await ledger.balance({ tenant: 't', budget: 'b' });
      const strict = redisLedger({ url: own, requireDurable: true });
      const refusal = strict.reserve({
        tenant: 't',
        effect: 'e',
        epoch: 1,
        lines: [],
        amount: { nanoUsd: 1, tokens: 0 },
      });
      await expect(refusal).rejects.toMatchObject({
        code: 'budget/not-durable',
        message: expect.stringContaining(said),
      });
      expect(warnings.filter((text) => text.includes('may lose budgets') && text.includes(said))).toHaveLength(1);
      await ledger.close();
      await strict.close();
    } finally {
      console.warn = original;
      await server.stop();
    }
  });
});
