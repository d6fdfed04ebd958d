import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import { startProxy } from '../../store/proxy.fixture.ts';
import { createRouter } from '../router/index.ts';
import { failure, FakeModel, textOf } from '../router/router.fixture.ts';
import { memoryHealthBoard, redisHealthBoard, type HealthBoard, type RedisHealthBoardOptions } from './index.ts';

const url = process.env['BATON_REDIS_URL'] ?? '';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.each<[object, string]>([
  [{}, 'exactly one of `url` and `client`'],
  [{ url: 'http://:secret@x' }, 'must begin with redis:// or rediss://.'],
  [{ url: 'redis://x', keyPrefix: 'a{b}' }, '`keyPrefix` must be a text without braces'],
  [{ url: 'redis://x', everyMs: 0 }, '`everyMs` must be above 0'],
])('%j is refused', (options, message) => {
  expect(() => redisHealthBoard(options as RedisHealthBoardOptions)).toThrow(message);
  expect(() => redisHealthBoard(options as RedisHealthBoardOptions)).toThrow(UserError);
});

const BOARDS: [string, () => HealthBoard][] = [
  ['memory', () => memoryHealthBoard()],
  ...(url === ''
    ? []
    : [
        ['redis', () => redisHealthBoard({ url, keyPrefix: crypto.randomUUID() })] satisfies [
          string,
          () => HealthBoard,
        ],
      ]),
];
describe.each(BOARDS)('a board in %s', (_, open) => {
  const nothing = { requests: 0, tokens: 0 };

  test('tells others what a process found out, for as long as it holds', async () => {
    const board = open();
    const look = async (): Promise<unknown> => (await board.exchange('b', [{ key: 'k', ...nothing }]))[0];
    expect(await look()).toEqual({ key: 'k', ...nothing });
    await board.exchange('a', [{ key: 'k', rests: { why: 'breaker', forMs: 600_000 }, ...nothing }]);
    await board.exchange('c', [{ key: 'k', rests: { why: 'cooldown', forMs: 1000 }, ...nothing }]);
    // The longest rest stands.
    expect(await look()).toMatchObject({ rests: { why: 'breaker', forMs: expect.closeTo(600_000, -5) } });
    await board.exchange('a', [{ key: 'k', rests: null, ...nothing }]);
    expect(await look()).toEqual({ key: 'k', ...nothing });
    await board.exchange('a', [{ key: 'k', rests: { why: 'quota', forMs: 30 }, ...nothing }]);
    await pause(60);
    expect(await look()).toEqual({ key: 'k', ...nothing });
    await board.close();
  });

  test('adds up what others ask, each endpoint for itself', async () => {
    const board = open();
    await board.exchange('a', [
      { key: 'k', requests: 3, tokens: 30 },
      { key: 'l', requests: 1, tokens: 0 },
    ]);
    await board.exchange('b', [{ key: 'k', requests: 2, tokens: 20 }]);
    await board.exchange('a', [{ key: 'k', requests: 4, tokens: 40.4 }]);
    const both = [
      { key: 'k', ...nothing },
      { key: 'l', ...nothing },
    ];
    const round = async (me: string): Promise<unknown> =>
      (await board.exchange(me, both)).map(({ requests, tokens }) => [requests, Math.round(tokens)]);
    expect([await round('a'), await round('b'), await round('c')]).toEqual([
      [
        [2, 20],
        [0, 0],
      ],
      [
        [7, 70],
        [1, 0],
      ],
      [
        [9, 90],
        [1, 0],
      ],
    ]);
    await board.close();
  });
});

describe.skipIf(url === '')('health in Redis', () => {
  const client = createClient({ url });
  beforeAll(async () => void (await client.connect()));
  afterAll(() => client.destroy());

  test('one process trips a breaker, another avoids the target', async () => {
    const keyPrefix = crypto.randomUUID();
    const [a, b] = [new FakeModel('a'), new FakeModel('b')];
    const healthBoard = redisHealthBoard({ url, keyPrefix, everyMs: 20 });
    const router = createRouter({ models: { main: [a, b] }, healthBoard, sticky: false });
    expect(await textOf(router('main'))).toBe('a says');
    const script = fileURLToPath(new URL('./tripper.fixture.ts', import.meta.url));
    const env = { ...process.env, BATON_JOB: JSON.stringify({ url, keyPrefix }) };
    const { stdout } = await promisify(execFile)(process.execPath, [script], { env });
    expect(stdout.trim()).toBe('b says 10');
    while ((await textOf(router('main'))) === 'a says') await pause(10);
    const before = a.asked;
    for (let n = 0; n < 5; n++) expect(await textOf(router('main'))).toBe('b says');
    expect(a.asked).toBe(before);
    // Nothing stays for ever.
    for (const key of await client.keys(`{${keyPrefix}}*`)) expect(await client.pTTL(key)).toBeGreaterThan(0);
    await healthBoard.close();
  }, 60_000);

  test('processes keep to one limit together', async () => {
    const keyPrefix = crypto.randomUUID();
    const start = () => {
      const [a, b] = [new FakeModel('a'), new FakeModel('b')];
      const inner = redisHealthBoard({ url, keyPrefix, everyMs: 10 });
      const process = { a, inner, heard: 0, ask: () => textOf(router('main')) };
      const exchange: HealthBoard['exchange'] = async (...args) => {
        const views = await inner.exchange(...args);
        // Once it is in use: the router takes it in after this.
        setImmediate(() => (process.heard = views.find(({ key }) => key.startsWith('acme/a'))?.requests ?? 0));
        return views;
      };
      const healthBoard = { everyMs: 10, exchange, close: () => inner.close() };
      const router = createRouter({ models: { main: [{ model: a, rpm: 10 }, b] }, healthBoard, sticky: false });
      return process;
    };
    const [one, two] = [start(), start()];
    for (let n = 0; n < 8; n++) expect(await one.ask()).toBe('a says');
    await two.ask();
    while (two.heard < 8) await pause(10);
    const said: string[] = [];
    for (let n = 0; n < 5; n++) said.push(await two.ask());
    expect(said).toEqual(['a says', 'b says', 'b says', 'b says', 'b says']);
    expect(one.a.asked + two.a.asked).toBe(10);
    for (const { inner } of [one, two]) await inner.close();
  }, 60_000);

  test('calls go on while Redis is away, and are told of when it is back', async () => {
    const proxy = await startProxy(url);
    const keyPrefix = crypto.randomUUID();
    const original = console.warn;
    const warnings: string[] = [];
    console.warn = (line: string) => void warnings.push(line);
    try {
      const a = new FakeModel('a', {}, failure('rate_limit', { retryAfterMs: 600_000 }));
      const healthBoard = redisHealthBoard({ url: proxy.url, keyPrefix, everyMs: 10, timeoutMs: 50 });
      const router = createRouter({ models: { main: [a, new FakeModel('b')] }, healthBoard, sticky: false });
      expect(await textOf(router('main'))).toBe('a says');
      proxy.swallow(true);
      expect(await textOf(router('main'))).toBe('b says');
      for (let n = 0; n < 20; n++) expect(await textOf(router('main'))).toBe('b says');
      while (warnings.length === 0) await pause(10);
      expect(warnings.join()).not.toContain(new URL(url).password);
      proxy.swallow(false);
      const direct = redisHealthBoard({ url, keyPrefix });
      const report = [{ key: 'acme/a test @', requests: 0, tokens: 0 }];
      while (!(await direct.exchange('look', report))[0]?.rests) {
        await textOf(router('main'));
        await pause(20);
      }
      await direct.close();
      await healthBoard.close();
    } finally {
      console.warn = original;
      await proxy.close();
    }
  }, 60_000);
});
