/** Health that processes share, and limits that are learnt from headers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRouter } from '../router/index.ts';
import { failure, FakeModel, textOf } from '../router/router.fixture.ts';
import { Health, memoryHealthBoard, Sharing, type HealthBoard } from './index.ts';

const told = (board: HealthBoard): HealthBoard & { times: number } => {
  const counting = {
    everyMs: 5,
    times: 0,
    exchange: async (...args: Parameters<HealthBoard['exchange']>) => {
      const views = await board.exchange(...args);
      counting.times += 1;
      return views;
    },
    close: () => board.close(),
  };
  return counting;
};
/** Until both have looked at the board once more. */
async function looked(...boards: { times: number }[]): Promise<void> {
  const before = boards.map(({ times }) => times);
  while (boards.some(({ times }, at) => times < (before[at] ?? 0) + 2)) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('two processes with one board', () => {
  const make = (...failures: ReturnType<typeof failure>[]) => {
    const board = memoryHealthBoard();
    const process = () => {
      const mine = told(board);
      const [a, b] = [new FakeModel('a', ...failures.splice(0)), new FakeModel('b')];
      const router = createRouter({
        models: { main: [a, b] },
        healthBoard: mine,
        sticky: false,
        retry: { maxAttempts: 1 },
      });
      return { mine, a, b, ask: () => textOf(router('main')) };
    };
    return { one: process(), two: process() };
  };

  test('what one finds out, the other goes by', async () => {
    const { one, two } = make(failure('rate_limit', { retryAfterMs: 60_000 }));
    expect(await two.ask()).toBe('a says');
    expect(await one.ask()).toBe('b says');
    await looked(one.mine, two.mine);
    expect(await two.ask()).toBe('b says');
    expect([one.a.asked, two.a.asked]).toEqual([1, 1]);
  });

  test('an endpoint that is well again is asked again by all', async () => {
    const { one, two } = make(failure('rate_limit', { retryAfterMs: 30 }));
    expect(await one.ask()).toBe('b says');
    await two.ask();
    await looked(one.mine, two.mine);
    while ((await one.ask()) !== 'a says') await new Promise((resolve) => setTimeout(resolve, 10));
    await looked(one.mine, two.mine);
    expect(await two.ask()).toBe('a says');
  });

  test('a wrong key, or a network that is down here, is no news for others', async () => {
    const { one, two } = make(failure('auth'), ...Array.from({ length: 12 }, () => failure('network')));
    expect(await two.ask()).toBe('a says');
    await one.ask();
    await looked(one.mine, two.mine);
    expect(await two.ask()).toBe('a says');
  });
});

describe('an endpoint', () => {
  const healthOn = (board: HealthBoard, limits = {}) => {
    const clock = { time: 0 };
    const sharing = new Sharing(board);
    const options = { breaker: {}, limits, now: () => clock.time, wallClock: () => clock.time, sharing, key: 'k' };
    return { health: new Health(options), clock };
  };

  test('of many failures tells others only where the endpoint itself said them', async () => {
    for (const [kind, rests] of [
      ['server', true],
      ['network', false],
    ] as const) {
      const board = told(memoryHealthBoard());
      const { health } = healthOn(board);
      for (let n = 0; n < 10; n++) health.failed({ kind }, health.begin());
      expect(health.closed()).toMatchObject({ why: 'breaker' });
      health.begin();
      await looked(board);
      const [view] = await board.exchange('another', [{ key: 'k', requests: 0, tokens: 0 }]);
      expect(view?.rests !== undefined).toBe(rests);
    }
  });

  test('that others found well again is asked again, unless this process found out itself', async () => {
    const here = { key: 'k', requests: 0, tokens: 0 };
    for (const [why, forMs] of [
      ['cooldown', 60_000],
      ['quota', 600_000],
    ] as const) {
      const board = told(memoryHealthBoard());
      const { health } = healthOn(board);
      await board.exchange('another', [{ ...here, rests: { why, forMs } }]);
      health.begin()();
      await looked(board);
      expect(health.closed()).toMatchObject({ why, heard: true });
      await board.exchange('another', [{ ...here, rests: null }]);
      await looked(board);
      expect(health.closed()).toBeUndefined();
      health.failed({ kind: 'rate_limit', retryAfterMs: 60_000 }, {});
      await looked(board);
      await board.exchange('another', [{ ...here, rests: null }]);
      await looked(board);
      expect(health.closed()).toEqual({ why: 'cooldown', until: 60_000 });
    }
  });

  test('counts what others ask of it', async () => {
    const board = told(memoryHealthBoard());
    const { health } = healthOn(board, { rpm: 10, tpm: 100_000 });
    const here = { key: 'k', requests: 0, tokens: 0 };
    await board.exchange('another', [{ ...here, requests: 7, tokens: 100 }]);
    health.begin()(500);
    await looked(board);
    expect(health.limits.waitMs(0)).toBe(0);
    health.begin();
    health.begin();
    expect(health.limits.waitMs(0)).toBe(60_000);
    await board.exchange('another', [{ ...here, requests: 5 }]);
    await looked(board);
    expect(health.limits.waitMs(0)).toBe(1000);
    const [view] = await board.exchange('another', [here]);
    expect(view).toMatchObject({ requests: 3, tokens: 500 });
  });

  test('goes on by itself while its board fails or hangs, and tells later what it could not', async () => {
    const board = memoryHealthBoard();
    const original = console.warn;
    const warnings: string[] = [];
    console.warn = (line: string) => void warnings.push(line);
    let state: 'fails' | 'hangs' | 'works' = 'fails';
    let tries = 0;
    const broken: HealthBoard = {
      everyMs: 1,
      exchange: (me, reports) => {
        tries += 1;
        if (state === 'fails') return Promise.reject(new Error('down'));
        if (state === 'hangs') return new Promise(() => undefined);
        return board.exchange(me, reports);
      },
      close: async () => undefined,
    };
    try {
      const { health } = healthOn(broken);
      for (let n = 0; n < 3; n++) health.begin()(10);
      health.failed({ kind: 'rate_limit', retryAfterMs: 600_000 }, {});
      expect(health.closed()).toMatchObject({ why: 'cooldown' });
      while (tries < 3) await new Promise((resolve) => setTimeout(resolve, 2));
      state = 'works';
      const seen = async () => (await board.exchange('another', [{ key: 'k', requests: 0, tokens: 0 }]))[0];
      while ((await seen())?.requests !== 3) await new Promise((resolve) => setTimeout(resolve, 2));
      expect(await seen()).toMatchObject({ rests: { why: 'cooldown' }, tokens: 30 });
      expect(warnings.filter((line) => line.includes('Health is not shared for now'))).toHaveLength(1);
      state = 'hangs';
      for (let n = 0; n < 3; n++) health.begin()(10);
      expect(health.limits.inFlight).toBe(0);
    } finally {
      console.warn = original;
    }
  });
});

describe('limits that are learnt', () => {
  const clock = { time: 0 };
  const fresh = () => {
    clock.time = 0;
    return new Health({ breaker: {}, limits: {}, now: () => clock.time, wallClock: () => clock.time });
  };

  test('what is left is not overdrawn by calls at once, and comes back', () => {
    const health = fresh();
    const release = health.begin();
    health.learn({
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '2',
      'x-ratelimit-reset-requests': '58s',
    });
    release();
    health.begin()();
    expect(health.limits.waitMs(0)).toBe(0);
    health.begin()();
    expect(health.limits.waitMs(0)).toBe(1000);
    expect(health.limits.waitMs(1000)).toBe(0);
  });

  test('without a limit, what is left holds until the reset', () => {
    const health = fresh();
    health.learn({ 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '20' });
    health.begin()();
    expect(health.limits.waitMs(5000)).toBe(15_000);
    expect(health.limits.waitMs(20_000)).toBe(0);
  });

  test('tokens too, and calls under way are taken to be not counted yet', () => {
    const health = fresh();
    const [first, second] = [health.begin(), health.begin()];
    health.learn({
      'x-ratelimit-limit-tokens': '6000',
      'x-ratelimit-remaining-tokens': '1500',
      'x-ratelimit-reset-tokens': '45s',
    });
    first(1000);
    // 1,500 left, 1,000 of them for the second: 500 are missing, and 100 a second come back.
    expect(health.limits.waitMs(0)).toBe(5000);
    second(1000);
  });

  test('a vendor with a bucket of its own never refuses who goes by its headers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.tuple(fc.nat(3000), fc.nat(4000)), { maxLength: 120 }),
        (limit, calls) => {
          const health = fresh();
          let left: number = limit;
          let at = 0;
          const vendor = (): boolean => {
            left = Math.min(limit, left + ((clock.time - at) * limit) / 60_000);
            at = clock.time;
            if (left < 1 - 1e-6) return false;
            left -= 1;
            return true;
          };
          for (const [pause, latency] of calls) {
            clock.time += pause;
            while (health.limits.waitMs(clock.time) !== 0 || health.closed()) {
              clock.time += Math.max(
                1,
                (health.closed()?.until ?? 0) - clock.time,
                health.limits.waitMs(clock.time) ?? 0,
              );
            }
            const release = health.begin();
            expect(vendor()).toBe(true);
            const headers = {
              'x-ratelimit-limit-requests': String(limit),
              'x-ratelimit-remaining-requests': String(Math.floor(left)),
              'x-ratelimit-reset-requests': `${(((limit - left) * 60) / limit).toFixed(3)}s`,
            };
            clock.time += latency % 50;
            health.learn(headers);
            health.succeeded(5, release);
            release();
          }
        },
      ),
    );
  });
});
