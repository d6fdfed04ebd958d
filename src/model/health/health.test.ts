import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { ModelErrorKind } from '../../wire/index.ts';
import { balance } from '../router/index.ts';
import { bench, failure, FakeModel, textOf } from '../router/router.fixture.ts';
import { Health } from './index.ts';

const WALL = Date.parse('2026-11-25T00:00:00Z');

function healthOf(options: Partial<ConstructorParameters<typeof Health>[0]> = {}) {
  const clock = { time: 0 };
  const now = (): number => clock.time;
  const health = new Health({ breaker: {}, limits: {}, now, wallClock: () => WALL + clock.time, ...options });
  const ask = (kind?: ModelErrorKind, facts: { retryAfterMs?: number; message?: string } = {}): void => {
    const release = health.begin();
    if (kind === undefined) health.succeeded(5, release);
    else health.failed({ kind, ...facts }, release);
    release();
  };
  return { health, clock, ask };
}

describe('an endpoint', () => {
  test.each([
    ['rate_limit', {}, { why: 'cooldown', until: 5000 }],
    ['rate_limit', { retryAfterMs: 1234 }, { why: 'cooldown', until: 1234 }],
    ['overloaded', { retryAfterMs: 700 }, { why: 'cooldown', until: 700 }],
    ['overloaded', {}, undefined],
    ['quota_exhausted', {}, { why: 'quota', until: 60_000 }],
    [
      'quota_exhausted',
      {
        message: 'You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.',
      },
      { why: 'quota', until: 6 * 86_400_000 },
    ],
    ['auth', {}, { why: 'config', until: 60_000 }],
    ['not_found', {}, { why: 'config', until: 60_000 }],
    ['bad_request', {}, undefined],
    ['cancelled', {}, undefined],
    ['server', {}, undefined],
  ] as const)('after %s %j rests: %j', (kind, facts, closed) => {
    const { health, ask } = healthOf();
    ask(kind, facts);
    expect(health.closed()).toEqual(closed);
  });

  test('opens at half of ten calls, lets one through after its time, and closes when that is well', () => {
    const { health, clock, ask } = healthOf();
    for (let n = 0; n < 9; n++) ask(n % 2 === 0 ? 'server' : undefined);
    expect(health.closed()).toBeUndefined();
    ask('timeout');
    expect(health.closed()).toEqual({ why: 'breaker', until: 30_000 });
    clock.time = 30_000;
    expect(health.closed()).toBeUndefined();
    const release = health.begin();
    // One at a time.
    expect(health.closed()).toMatchObject({ why: 'breaker' });
    health.failed({ kind: 'server' }, release);
    release();
    expect(health.closed()).toEqual({ why: 'breaker', until: 90_000 });
    clock.time = 90_000;
    ask();
    expect(health.closed()).toBeUndefined();
    ask('server');
    expect(health.closed()).toBeUndefined();
  });

  test('is not judged by what is a request’s own fault, whatever comes', () => {
    const own = fc.constantFrom<ModelErrorKind>(
      'bad_request',
      'context_window',
      'content_policy',
      'incomplete',
      'cancelled',
    );
    fc.assert(
      fc.property(fc.array(own, { maxLength: 50 }), (kinds) => {
        const { health, ask } = healthOf();
        for (const kind of kinds) ask(kind);
        expect(health.closed()).toBeUndefined();
      }),
    );
  });

  test('always comes back: after any failures, and then enough time, it is asked again', () => {
    const any = fc.constantFrom<ModelErrorKind>(
      'rate_limit',
      'quota_exhausted',
      'server',
      'auth',
      'timeout',
      'network',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(any, fc.nat(100_000)), { maxLength: 40 }), (failures) => {
        const { health, clock, ask } = healthOf();
        for (const [kind, pause] of failures) {
          clock.time += pause;
          if (!health.closed()) ask(kind);
        }
        const closed = health.closed();
        if (closed) clock.time = closed.until;
        expect(health.closed()).toBeUndefined();
      }),
    );
  });

  test('that opened is asked once when its time is up, whatever calls from before come to meanwhile', () => {
    const { health, clock, ask } = healthOf();
    const [timedOut, cancelled, left] = [health.begin(), health.begin(), health.begin()];
    for (let n = 0; n < 10; n++) ask('timeout');
    expect(health.closed()).toMatchObject({ why: 'breaker', until: 30_000 });
    clock.time = 30_000;
    const trial = health.begin();
    for (let n = 0; n < 10; n++) expect(health.failed({ kind: 'timeout' }, timedOut)).toBeUndefined();
    health.failed({ kind: 'cancelled' }, cancelled);
    health.breaker.released(left);
    // The trial is under way: no second one, and no longer rest.
    expect(health.closed()).toMatchObject({ why: 'breaker', until: 30_000 });
    expect(health.succeeded(5, trial)).toBe(true);
    expect(health.closed()).toBeUndefined();
  });

  test('rests when the vendor says that nothing is left, and not because a call before that ends well', () => {
    const { health, clock, ask } = healthOf();
    const release = health.begin();
    health.learn({ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '6s' });
    health.succeeded(5, release);
    release();
    expect(health.closed()).toEqual({ why: 'cooldown', until: 6000 });
    health.learn({
      'anthropic-ratelimit-tokens-remaining': '0',
      'anthropic-ratelimit-tokens-reset': '2026-11-25T00:00:09Z',
    });
    expect(health.closed()).toEqual({ why: 'cooldown', until: 9000 });
    clock.time = 9000;
    ask();
    expect(health.closed()).toBeUndefined();
  });

  test('never begins more than rpm calls within any minute', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(fc.nat(20_000), { maxLength: 100 }), (rpm, pauses) => {
        const { health, clock } = healthOf({ limits: { rpm } });
        const begun: number[] = [];
        for (const pause of pauses) {
          clock.time += pause;
          const wait = health.limits.waitMs(clock.time) ?? 0;
          if (wait > 0 && pause % 2 === 0) continue;
          clock.time += wait;
          health.begin()();
          begun.push(clock.time);
        }
        for (const at of begun)
          expect(begun.filter((other) => other > at - 60_000 && other <= at).length).toBeLessThanOrEqual(rpm);
      }),
    );
  });

  test('keeps to tpm by what calls used, and lets a large one through alone', () => {
    const { health, clock } = healthOf({ limits: { tpm: 5000 } });
    health.begin()(4500);
    expect(health.limits.waitMs(1)).toBe(59_999);
    clock.time = 60_000;
    expect(health.limits.waitMs(60_000)).toBe(0);
    health.begin()(50_000);
    expect(health.limits.waitMs(60_001)).toBe(59_999);
    expect(health.limits.waitMs(120_000)).toBe(0);
  });
});

describe('a pool', () => {
  const ask = async (model: ReturnType<ReturnType<typeof bench>['router']>, times: number): Promise<string[]> => {
    const said: string[] = [];
    for (let n = 0; n < times; n++) said.push(await textOf(model));
    return said;
  };

  test('shares the work by weight', async () => {
    let draws = 0;
    const clock = { random: () => (draws++ % 8) / 8 };
    const { router } = bench(
      { main: balance([{ model: new FakeModel('a'), weight: 3 }, new FakeModel('b')]) },
      { clock },
    );
    const said = await ask(router('main'), 40);
    expect(said.filter((text) => text === 'a says')).toHaveLength(30);
  });

  test('asks whoever has least to do', async () => {
    let free = (): void => undefined;
    const busy = new FakeModel('a', { wait: new Promise((resolve) => (free = resolve)) });
    const { router } = bench({ main: balance([busy, new FakeModel('b')], 'leastLoaded'), first: busy });
    const first = textOf(router('first'));
    expect(await ask(router('main'), 3)).toEqual(['b says', 'b says', 'b says']);
    free();
    await first;
  });

  test('asks whoever was fastest of late', async () => {
    const { router, tick } = bench({ main: balance([slow('a', 100), slow('b', 10)], 'lowestLatency') });
    function slow(name: string, ms: number): FakeModel {
      const model = new FakeModel(name);
      const answer = model.getResponse.bind(model);
      model.getResponse = (request) => (tick(ms), answer(request));
      return model;
    }
    const said = await ask(router('main'), 6);
    expect(said.slice(2)).toEqual(['b says', 'b says', 'b says', 'b says']);
  });

  test('asks whoever is cheapest and able', async () => {
    const { createPrices } = await import('../prices/index.ts');
    const prices = createPrices({
      catalog: false,
      models: { 'acme/a': { input: 2, output: 2 }, 'acme/b': { input: 1, output: 4 } },
    });
    const { router } = bench(
      { main: balance([new FakeModel('c'), new FakeModel('a'), new FakeModel('b')], 'cheapest') },
      { prices },
    );
    expect(await ask(router('main'), 2)).toEqual(['b says', 'b says']);
  });

  test('goes on with the others while one rests, and comes back to it', async () => {
    const a = new FakeModel('a', failure('rate_limit', { retryAfterMs: 3000 }));
    const { router, waits, tick, events } = bench({ main: balance([{ model: a, weight: 1e9 }, new FakeModel('b')]) });
    expect(await ask(router('main'), 2)).toEqual(['b says', 'b says']);
    expect(waits).toEqual([]);
    tick(3000);
    expect(await ask(router('main'), 1)).toEqual(['a says']);
    expect(events.filter(({ type }) => type === 'target.rests' || type === 'target.recovered')).toMatchObject([
      { type: 'target.rests', target: 'acme/a', because: 'cooldown', forMs: 3000 },
      { type: 'target.recovered', target: 'acme/a' },
    ]);
  });

  test('waits for the first that is free where all are used up, and no longer than it may', async () => {
    const main = balance([
      { model: new FakeModel('a'), rpm: 1 },
      { model: new FakeModel('b'), rpm: 1 },
    ]);
    const patient = bench({ main }, { maxQueueMs: 60_000 });
    await ask(patient.router('main'), 3);
    expect(patient.waits).toEqual([60_000]);
    const impatient = bench({ main: { model: new FakeModel('a'), rpm: 1 } }, { maxQueueMs: 100 });
    await ask(impatient.router('main'), 1);
    await expect(ask(impatient.router('main'), 1)).rejects.toThrow('acme/a (limit, for another 60 s)');
  });

  test('asks one with an open breaker rather than nobody', async () => {
    const down = new FakeModel('a', ...Array.from({ length: 12 }, () => failure('server')));
    const { router } = bench({ main: down }, { retry: { maxAttempts: 1 }, maxQueueMs: 0 });
    const asked = await Promise.allSettled(Array.from({ length: 12 }, () => textOf(router('main'))));
    expect(asked.every(({ status }) => status === 'rejected')).toBe(true);
    expect(await textOf(router('main'))).toBe('a says');
  });

  test('queues calls beyond maxConcurrent, and never has more under way', async () => {
    let most = 0;
    let now = 0;
    const model = new FakeModel('a');
    const answer = model.getResponse.bind(model);
    model.getResponse = async (request) => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return answer(request);
    };
    const { router } = bench({ main: { model, maxConcurrent: 3 } });
    await Promise.all(Array.from({ length: 20 }, () => textOf(router('main'))));
    expect([most, model.asked]).toEqual([3, 20]);
  });

  test('shares health between routes by credential', async () => {
    const a = new FakeModel('a', failure('auth'));
    const { router } = bench(
      {
        one: { model: a, credential: 'k1' },
        two: [{ model: a, credential: 'k1' }, new FakeModel('b')],
        three: { model: a, credential: 'k2' },
      },
      { sticky: false },
    );
    await expect(textOf(router('one'))).rejects.toMatchObject({ kind: 'auth' });
    expect(await textOf(router('two'))).toBe('b says');
    expect(await textOf(router('three'))).toBe('a says');
  });
});
