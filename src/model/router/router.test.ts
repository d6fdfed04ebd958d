import { describe, expect, test } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import type { ModelCallAttempt } from '../../protocol/model.ts';
import { errorOfAnswer, ModelError } from '../../wire/index.ts';
import { VENDOR_ERRORS } from '../../wire/vendor-errors.fixture.ts';
import { createPrices } from '../prices/index.ts';
import { createRouter } from './index.ts';
import { bench, failure, FakeModel, requestOf, requestWith, streamedText, textOf } from './router.fixture.ts';

const kinds = (events: { type: string }[]): string[] => events.map(({ type }) => type);

describe('a route', () => {
  test('is a model, found by name; the router is a provider of all its routes and of its providers’ models', async () => {
    const a = new FakeModel('a');
    const { router } = bench(
      { main: a, other: 'acme/b?effort=low' },
      { providers: { acme: (name) => new FakeModel(name) } },
    );
    expect(await textOf(router('main'))).toBe('a says');
    expect(await textOf(await router.getModel('main'))).toBe('a says');
    expect(await textOf(await router.getModel('acme/c:free'))).toBe('c:free says');
    expect(await textOf(router('other'))).toBe('b says');
    expect(() => router.checkModel('mian')).toThrow('Did you mean "main"?');
    expect(() => router.checkModel('acne/x')).toThrow('did you mean "acme"?');
  });

  test.each([
    [{ models: { a: 'opnai/gpt' } }, 'did you mean "openai"?'],
    [{ models: { a: [] } }, 'no targets'],
    [{ models: {} }, 'no routes'],
    [{ models: { a: { model: 'openai/x', wieght: 2 } } }, 'Did you mean "weight"?'],
    [{ models: { a: { model: 'openai/x', rpm: 0 } } }, 'rpm: 0'],
    [{ models: { a: 'openai/x' }, timeout: {} }, 'Did you mean "timeouts"?'],
    [{ models: { a: 'openai/x' }, retry: { maxAttempts: 0 } }, 'retry.maxAttempts: 0'],
    [{ models: { a: 'openai/x?effort=huge' } }, 'It takes'],
    [{ models: { a: { targets: 'openai/x', onContext: [] } } }, 'unknown option "onContext"'],
    [{ models: { a: 'openai/x' }, retry: { maxAttemps: 2 } }, 'Did you mean "maxAttempts"?'],
    [{ models: { a: 'openai/x' }, timeouts: { totalMS: 2 } }, 'Did you mean "totalMs"?'],
    [{ models: { a: 'openai/x' }, breaker: { cooldown: 2 } }, "createRouter's breaker got an unknown option"],
    [{ models: { a: 'openai/x' }, breaker: { openMs: -1 } }, 'breaker.openMs: -1'],
    [{ models: { a: 'openai/x' }, fallbackOn: ['rate-limit'] }, 'Did you mean "rate_limit"?'],
    [{ models: { a: 'openai/x' }, midStream: 'retry' }, 'It can be fail, restart'],
    [{ models: { a: { pool: ['openai/x'], strategy: 'leastloaded' } } }, 'Did you mean "leastLoaded"?'],
    [{ models: { a: 'openai/x' }, capabilities: { x: { tools: false } } }, 'openai/x'],
    [{ models: { a: 'openai/x' }, capabilities: { 'openai/x': { tool: false } } }, 'Did you mean "tools"?'],
    [{ models: { a: { model: 'openai/x', capabilities: { vision: 'no' } } } }, 'Give a boolean'],
    [{ models: { a: { model: 'openai/x', settings: { retry: { maxRetries: 2 } } } } }, 'settings.retry'],
    [{ models: { a: undefined } }, 'has undefined as a target'],
    [{ models: { a: null } }, 'has null as a target'],
    [{ models: { a: () => 'x' } }, 'has a function as a target'],
  ])('that is wrong is an error when the router is made: %j', (options, says) => {
    const make = (): unknown => createRouter({ providers: { openai: () => new FakeModel('x') }, ...options } as never);
    expect(make).toThrow(UserError);
    expect(make).toThrow(says);
  });

  test('lays the settings of its target over those of the request, and keeps its own business to itself', async () => {
    const a = new FakeModel('a');
    const { router } = bench({ main: { model: a, settings: { reasoning: { effort: 'low' } } } });
    const modelSettings = { temperature: 1, reasoning: { effort: 'high', summary: 'auto' }, timeoutMs: 9999 } as const;
    await textOf(router('main'), requestOf({ modelSettings }));
    expect(a.requests[0]?.modelSettings).toEqual({ temperature: 1, reasoning: { effort: 'low', summary: 'auto' } });
    expect(a.requests[0]).not.toHaveProperty('call');
  });
});

describe('the only target of a route', () => {
  test('is not asked while it rests, and the error says what it answered, and for how long', async () => {
    const body = { error: { message: 'Incorrect API key provided: sk-wrong-0123456789.', code: 'invalid_api_key' } };
    const wrong = { error: errorOfAnswer({ provider: 'Acme', status: 401, body }) };
    const a = new FakeModel('a', wrong, failure('rate_limit', { retryAfterMs: 90_000 }));
    const { router, tick } = bench({ main: a });
    await expect(textOf(router('main'))).rejects.toThrow('Acme answered 401 (auth)');
    tick(12_000);
    const refused = textOf(router('main'));
    await expect(refused).rejects.toMatchObject({
      code: 'model/route-unavailable',
      skipped: [{ target: 'acme/a', because: 'config' }],
    });
    await expect(refused).rejects.toThrow(
      'acme/a (config, for another 48 s, because Acme answered 401 (auth): Incorrect API key provided: [redacted]. Check the API key)',
    );
    await expect(refused).rejects.toThrow('Add targets, or wait.');
    tick(48_000);
    await expect(textOf(router('main'))).rejects.toThrow('it was rate_limit');
    await expect(textOf(router('main'))).rejects.toThrow(
      'acme/a (cooldown, for another 90 s, because it was rate_limit)',
    );
    tick(90_000);
    expect(await textOf(router('main'))).toBe('a says');
    expect(a.asked).toBe(3);
  });

  test('tells nobody what somebody else’s client said to another caller', async () => {
    const { router } = bench({
      main: new FakeModel('a', { error: Object.assign(new Error('private'), { status: 401 }) }),
    });
    await expect(textOf(router('main'))).rejects.toThrow('private');
    await expect(textOf(router('main'))).rejects.toThrow('acme/a (config, for another 60 s)');
  });
});

test('the time limit of a target ends its attempts, plain and streamed, and the next target is asked', async () => {
  const slow = new FakeModel('a', { hang: true }, { hang: true, events: [] });
  const target = { model: slow, settings: { timeoutMs: 20 } };
  const route = createRouter({ models: { main: [target, new FakeModel('b')] }, retry: { maxAttempts: 1 } })('main');
  expect(await textOf(route)).toBe('b says');
  expect(await streamedText(route)).toBe('b says.');
  expect(slow.requests.map(({ modelSettings }) => modelSettings)).toEqual([{}, { preserveRawUsage: true }]);
});

describe('a failed attempt', () => {
  test('is repeated after full jitter, doubled each time, and then the next target is asked', async () => {
    const a = new FakeModel('a', failure('server'), failure('network'), failure('overloaded'));
    const b = new FakeModel('b');
    const { router, waits, events } = bench({ main: [a, b] });
    expect(await textOf(router('main'))).toBe('b says');
    expect([a.asked, b.asked]).toEqual([3, 1]);
    expect(waits).toEqual([250, 500]);
    expect(kinds(events).join(' ')).toBe(
      'attempt.started attempt.failed retry attempt.started attempt.failed retry ' +
        'attempt.started attempt.failed fallback attempt.started attempt.succeeded',
    );
  });

  test('waits as long as the server asks, unless another target is free before', async () => {
    const wait = failure('rate_limit', { status: 429, retryAfterMs: 20_000 });
    const alone = bench({ main: new FakeModel('a', wait) });
    expect(await textOf(alone.router('main'))).toBe('a says');
    expect(alone.waits).toEqual([20_000]);
    const second = bench({ main: [new FakeModel('a', wait), new FakeModel('b')] });
    expect(await textOf(second.router('main'))).toBe('b says');
    expect(second.waits).toEqual([]);
    const short = bench({
      main: [new FakeModel('a', failure('rate_limit', { retryAfterMs: 2000 })), new FakeModel('b')],
    });
    expect(await textOf(short.router('main'))).toBe('a says');
    expect(short.waits).toEqual([2000]);
    const long = bench({ main: new FakeModel('a', failure('rate_limit', { retryAfterMs: 90_000 })) });
    await expect(textOf(long.router('main'))).rejects.toMatchObject({ kind: 'rate_limit' });
  });

  test.each([
    ['auth', 1, 'b says'],
    ['quota_exhausted', 1, 'b says'],
    ['not_found', 1, 'b says'],
    ['context_window', 1, 'b says'],
    ['bad_request', 1, undefined],
    ['content_policy', 1, undefined],
    ['truncated_stream', 3, 'b says'],
  ] as const)('with %s: %d attempts, then %s', async (kind, attempts, says) => {
    const a = new FakeModel('a', failure(kind), failure(kind), failure(kind), failure(kind));
    const { router } = bench({ main: [a, new FakeModel('b')] });
    const asking = textOf(router('main'));
    if (says === undefined) await expect(asking).rejects.toMatchObject({ kind });
    else expect(await asking).toBe(says);
    expect(a.asked).toBe(attempts);
  });

  test.each(VENDOR_ERRORS)(
    'of $vendor ($source: $kind) is retried: $retry',
    async ({ vendor, status, body, kind, retry, wait }) => {
      const error = errorOfAnswer({ provider: vendor, ...(status !== undefined && { status }), body });
      const a = new FakeModel('a', { error });
      const { router, waits } = bench({ main: a });
      const asking = textOf(router('main'));
      if (retry) expect(await asking).toBe('a says');
      else await expect(asking).rejects.toMatchObject({ kind });
      expect(a.asked).toBe(retry ? 2 : 1);
      if (wait !== undefined) expect(waits).toEqual([Math.max(wait, 250)]);
    },
  );

  test('ends a call after six in all, with the last error itself', async () => {
    const all = ['a', 'b', 'c'].map(
      (name) => new FakeModel(name, ...Array.from({ length: 9 }, () => failure('server'))),
    );
    const { router } = bench({ main: all });
    await expect(textOf(router('main'))).rejects.toBeInstanceOf(ModelError);
    expect(all.map(({ asked }) => asked)).toEqual([3, 3, 0]);
  });

  test('goes to the chain for its kind', async () => {
    const large = new FakeModel('large');
    const bold = new FakeModel('bold');
    const route = {
      targets: [new FakeModel('a', failure('context_window'), failure('content_policy')), new FakeModel('b')],
      onContextWindow: [large],
      onContentPolicy: [bold],
    };
    const { router } = bench({ main: route }, { sticky: false });
    expect(await textOf(router('main'))).toBe('large says');
    expect(await textOf(router('main'))).toBe('bold says');
  });

  test('of a program’s own making is told at once', async () => {
    const missing = new UserError('No key.');
    const { router } = bench({ main: [new FakeModel('a', { error: missing }), new FakeModel('b')] });
    await expect(textOf(router('main'))).rejects.toBe(missing);
  });

  test('follows modelSettings.retry instead of the router’s policy, and then falls back', async () => {
    const a = new FakeModel('a', failure('bad_request'), failure('server'), failure('server'));
    const { router, waits } = bench({ main: [a, new FakeModel('b')] });
    const modelSettings = { retry: { maxRetries: 2, policy: () => ({ retry: true, delayMs: 7 }) } };
    expect(await textOf(router('main'), requestOf({ modelSettings }))).toBe('b says');
    expect(a.asked).toBe(3);
    expect(waits).toEqual([7, 7]);
  });

  test('of many requests at once is retried for a tenth of them at most', async () => {
    let asked = 0;
    const down = new FakeModel('a');
    down.getResponse = () => {
      asked += 1;
      return Promise.reject(failure('server').error);
    };
    const { router } = bench({ main: down }, { breaker: { minCalls: 1e9 } });
    await Promise.allSettled(Array.from({ length: 2000 }, () => textOf(router('main'))));
    expect(asked).toBeGreaterThan(2000);
    expect(asked).toBeLessThanOrEqual(2210);
  });
});

describe('attempts', () => {
  test('are reported with target, origin, usage, cost, times and errors', async () => {
    const attempts: ModelCallAttempt[] = [];
    const prices = createPrices({ catalog: false, models: { 'acme/b': { input: 1, output: 2 } } });
    const refused = failure('overloaded', { status: 503, retryAfterMs: 1000 });
    const { router } = bench(
      {
        main: [
          { model: new FakeModel('a', refused, failure('auth', { status: 401 })), label: 'first' },
          new FakeModel('b'),
        ],
      },
      { prices },
    );
    await textOf(router('main'), requestWith(attempts));
    expect(attempts).toEqual([
      {
        at: 0,
        ms: 0,
        error: refused.error,
        delayMs: 1000,
        target: 'first',
        origin: { provider: 'acme', api: 'test', model: 'a' },
        nanoUsd: 0,
      },
      {
        at: 1000,
        ms: 0,
        error: expect.any(ModelError),
        target: 'first',
        origin: { provider: 'acme', api: 'test', model: 'a' },
        nanoUsd: 0,
      },
      {
        at: 1000,
        ms: 0,
        target: 'acme/b',
        origin: { provider: 'acme', api: 'test', model: 'b' },
        usage: { inputTokens: 10, outputTokens: 10, totalTokens: 20 },
        nanoUsd: 30_000,
        price: { id: 'own:acme/b' },
      },
    ]);
  });

  test('of a call that was cut off more often than maxRecoveries are not begun', async () => {
    const a = new FakeModel('a');
    const { router } = bench({ main: a });
    const call = { id: 'r/m1', runId: 'r', agent: 'A', recoveries: 4, onAttempt: () => undefined };
    await expect(textOf(router('main'), requestOf({ call }))).rejects.toThrow('cut off 4 times');
    expect(await textOf(router('main'), requestOf({ call: { ...call, recoveries: 3 } }))).toBe('a says');
    expect(a.asked).toBe(1);
  });
});
