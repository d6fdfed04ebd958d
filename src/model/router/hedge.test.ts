import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { Agent } from '../../agent/index.ts';
import { run } from '../../run/index.ts';
import type { Model, ModelCallAttempt, ModelRequest, Origin, StreamEvent } from '../../protocol/model.ts';
import { ModelError } from '../../wire/index.ts';
import { BudgetExceededError } from '../budgets/errors.ts';
import { createBudgets, memoryLedger } from '../budgets/index.ts';
import { Vendor } from '../budgets/vendor.fixture.ts';
import { createPrices } from '../prices/index.ts';
import { createRouter } from './index.ts';
import { failure, FakeModel, requestOf, requestWith, streamedText, textOf } from './router.fixture.ts';
import { Hedging } from './hedging.ts';
import type { HedgeOptions, RouterEvent, RouterOptions, RouteTarget } from './types.ts';

const never = new Promise<void>(() => undefined);
const prices = createPrices({
  catalog: false,
  models: { 'acme/a': { input: 10, output: 10 }, 'acme/b': { input: 1, output: 1 } },
});

function hedged(targets: RouteTarget[], more: Partial<RouterOptions> & { hedge?: HedgeOptions } = {}) {
  const { hedge = { after: 1 }, ...options } = more;
  const events: RouterEvent[] = [];
  const onEvent = (event: RouterEvent): void => void events.push(event);
  const router = createRouter({ models: { main: { targets, hedge } }, prices, onEvent, ...options });
  return { route: router('main'), events, types: () => events.map(({ type }) => type) };
}

describe('a slow target', () => {
  test('is overtaken by another one, aborted, and paid for as far as that can be known', async () => {
    const [a, b] = [new FakeModel('a', { wait: never }), new FakeModel('b')];
    const { route, events } = hedged([a, b]);
    const attempts: ModelCallAttempt[] = [];
    expect(await textOf(route, requestWith(attempts))).toBe('b says');
    expect(a.requests[0]?.signal?.aborted).toBe(true);
    expect(b.requests[0]?.signal?.aborted).toBe(false);
    expect(attempts).toMatchObject([
      // Twenty tokens, as the other one used, at ten dollars a million.
      { target: 'acme/a', nanoUsd: 200_000, price: { fuzzy: true }, error: { name: 'AbortError' } },
      { target: 'acme/b', hedged: true, nanoUsd: 20_000 },
    ]);
    expect(attempts[0]).not.toHaveProperty('hedged');
    expect(attempts[1]).not.toHaveProperty('error');
    expect(events).toMatchObject([
      { type: 'attempt.started', target: 'acme/a', attempt: 1 },
      { type: 'hedge', from: 'acme/a', to: 'acme/b', afterMs: 1 },
      { type: 'attempt.started', target: 'acme/b', attempt: 2 },
      { type: 'attempt.lost', target: 'acme/a', attempt: 1, to: 'acme/b' },
      { type: 'attempt.succeeded', target: 'acme/b', attempt: 2 },
    ]);
  });

  test('that answers first after all is the answer, and the second request is aborted', async () => {
    let open = (): void => undefined;
    const wait = new Promise<void>((resolve) => (open = resolve));
    const [a, b] = [new FakeModel('a', { wait }), new FakeModel('b', { wait: never })];
    const { route } = hedged([a, b], {
      onEvent: ({ type }) => void (type === 'hedge' && setTimeout(open)),
    });
    const attempts: ModelCallAttempt[] = [];
    expect(await textOf(route, requestWith(attempts))).toBe('a says');
    expect(b.requests[0]?.signal?.aborted).toBe(true);
    expect(attempts.map(({ target, error }) => [target, error === undefined])).toEqual([
      ['acme/b', false],
      ['acme/a', true],
    ]);
  });

  test('is asked a second time itself where there is no other', async () => {
    const a = new FakeModel('a', { wait: never }, { text: 'again' });
    expect(await textOf(hedged([a]).route)).toBe('again');
  });

  test('is left alone where it answers in time', async () => {
    const [a, b] = [new FakeModel('a'), new FakeModel('b')];
    const { route } = hedged([a, b], { hedge: { after: 60_000 } });
    expect([await textOf(route), await streamedText(route), b.asked]).toEqual(['a says', 'a says.', 0]);
  });

  test('of which the second fails is waited for, and the other way round', async () => {
    let open = (): void => undefined;
    const wait = new Promise<void>((resolve) => (open = resolve));
    const failed = { onEvent: ({ type }: RouterEvent) => void (type === 'attempt.failed' && open()) };
    const attempts: ModelCallAttempt[] = [];
    const first = hedged(
      [new FakeModel('a', { wait }), new FakeModel('b', failure('server', { status: 500 }))],
      failed,
    );
    expect(await textOf(first.route, requestWith(attempts))).toBe('a says');
    expect(attempts.map(({ target, hedged: two, nanoUsd }) => [target, two, nanoUsd])).toEqual([
      ['acme/b', true, 0],
      ['acme/a', undefined, 200_000],
    ]);
    let release = (): void => undefined;
    const late = new Promise<void>((resolve) => (release = resolve));
    const a = new FakeModel('a', { wait: late, ...failure('server') });
    const second = hedged([a, new FakeModel('b', { wait: late })], {
      onEvent: ({ type }) => void (type === 'hedge' && setTimeout(release)),
    });
    expect(await textOf(second.route)).toBe('b says');
  });

  test('of which both fail is followed by the next attempt', async () => {
    const a = new FakeModel('a', { wait: new Promise((resolve) => setTimeout(resolve, 20)), ...failure('server') });
    const b = new FakeModel('b', failure('auth'));
    const c = new FakeModel('c');
    const attempts: ModelCallAttempt[] = [];
    const { route } = hedged([a, b, c], { retry: { maxAttempts: 1 } });
    expect(await textOf(route, requestWith(attempts))).toBe('c says');
    expect(attempts.map(({ target }) => target)).toEqual(['acme/b', 'acme/a', 'acme/c']);
  });
});

describe('a second request is not made', () => {
  const hosted = { type: 'hosted_tool' as const, name: 'web_search' };
  test.each<[string, Partial<ModelRequest>]>([
    ['on a response that the server holds', { previousResponseId: 'r' }],
    ['on a conversation that the server holds', { conversationId: 'c' }],
    ['with a stored prompt', { prompt: { promptId: 'p' } }],
    ['with a tool that the provider runs', { tools: [hosted] }],
  ])('%s', async (_, more) => {
    const [a, b] = [
      new FakeModel('a', { wait: new Promise((resolve) => setTimeout(resolve, 30)) }),
      new FakeModel('b'),
    ];
    expect(await textOf(hedged([a, b]).route, requestOf(more))).toBe('a says');
    expect(b.asked).toBe(0);
  });

  test('where limits have no place for it, or all attempts are used', async () => {
    const slow = (): FakeModel => new FakeModel('a', { wait: new Promise((resolve) => setTimeout(resolve, 30)) });
    const b = new FakeModel('b', { wait: never });
    const limited = hedged([
      { model: slow(), maxConcurrent: 1 },
      { model: b, maxConcurrent: 1, capabilities: { vision: false } },
    ]);
    const image: ModelRequest['input'] = [
      { role: 'user', content: [{ type: 'input_image', image: 'data:image/png;base64,AA==' }] },
    ];
    expect(await textOf(limited.route, requestOf({ input: image }))).toBe('a says');
    const once = hedged([slow(), b], { retry: { maxTotalAttempts: 1 } });
    expect(await textOf(once.route)).toBe('a says');
    expect(b.asked).toBe(0);
  });

  test('more often than its share, and ten at once', async () => {
    let open = (): void => undefined;
    const wait = new Promise<void>((resolve) => (open = resolve));
    const a = new FakeModel('a', ...Array.from({ length: 30 }, () => ({ wait })));
    const { route, types } = hedged([a, new FakeModel('b')], { hedge: { after: 1, maxShare: 0 }, sticky: false });
    const answers = Promise.all(Array.from({ length: 30 }, () => textOf(route)));
    const hedges = (): number => types().filter((type) => type === 'hedge').length;
    while (hedges() < 10) await new Promise(setImmediate);
    setTimeout(open, 50);
    await answers;
    expect(hedges()).toBe(10);
  });

  test('where it does not fit into the budget: the first one goes on', async () => {
    const models = { 'acme/large-1': { input: 0, output: 1 } };
    const wait = new Promise<void>((resolve) => setTimeout(resolve, 30));
    const vendor = new Vendor({ price: { input: 0, output: 1 }, before: () => wait });
    const budgets = createBudgets({
      ledger: memoryLedger(),
      prices: createPrices({ catalog: false, models }),
      // One call of 2,000 tokens, and not two.
      limits: { tenant: { usd: 0.003 } },
    });
    const { route } = hedged([vendor]);
    const agent = new Agent({ name: 'A', model: route, modelSettings: { maxTokens: 2000 } });
    const { cost } = await run(agent, 'hi', { budgets });
    expect([vendor.requests.length, cost.attempts]).toEqual([1, 1]);
    expect((await budgets.balance({ tenant: true })).settled.nanoUsd).toBe(vendor.bill);
  });
});

test('the vendor’s error counts, and not that there was no budget for a second request', async () => {
  const first = new Promise<void>((resolve) => setTimeout(resolve, 20));
  const later = new Promise<void>((resolve) => setTimeout(resolve, 60));
  const a = new FakeModel('a', { wait: first, ...failure('bad_request') });
  const { route } = hedged([a, new FakeModel('b')]);
  const attempts: ModelCallAttempt[] = [];
  const request = requestWith(attempts);
  const guard = (model: Model, origin: Origin | undefined): Model =>
    origin?.model === 'a'
      ? model
      : {
          ...model,
          getResponse: async () => {
            await later;
            throw new BudgetExceededError('too dear', { reason: 'unbounded_request' });
          },
          getStreamedResponse: (asked) => model.getStreamedResponse(asked),
        };
  const asked: ModelRequest = request.call ? { ...request, call: { ...request.call, guard } } : request;
  await expect(route.getResponse(asked)).rejects.toMatchObject({ kind: 'bad_request' });
  expect(attempts.map(({ target }) => target)).toEqual(['acme/a']);
});

test('both requests are reserved, and the one that lost stays counted with its upper bound', async () => {
  const models = { 'acme/large-1': { input: 0, output: 1 } };
  const vendor = new Vendor({
    price: { input: 0, output: 1 },
    usage: () => ({ inputTokens: 10, outputTokens: 500 }),
    before: ({ call }) => (call === 1 ? never : undefined),
  });
  const budgets = createBudgets({
    ledger: memoryLedger(),
    prices: createPrices({ catalog: false, models }),
    limits: { tenant: { usd: 1 } },
  });
  const { route } = hedged([vendor]);
  const agent = new Agent({ name: 'A', model: route, modelSettings: { maxTokens: 2000 } });
  const { cost, finalOutput } = await run(agent, 'hi', { budgets });
  expect([finalOutput, vendor.requests.length, cost.attempts]).toEqual(['done', 2, 2]);
  const { settled, held } = await budgets.balance({ tenant: true });
  expect([settled.nanoUsd, held.nanoUsd]).toEqual([500_000, 2_000_000]);
});

describe('a stream', () => {
  test('that shows nothing is overtaken by the one that does', async () => {
    const [a, b] = [new FakeModel('a', { events: [{ type: 'response_started' }], hang: true }), new FakeModel('b')];
    const attempts: ModelCallAttempt[] = [];
    const { route, types } = hedged([a, b]);
    expect(await streamedText(route, requestWith(attempts))).toBe('b says.');
    expect(types()).toContain('attempt.lost');
    expect(a.requests[0]?.signal?.aborted).toBe(true);
    expect(attempts).toMatchObject([
      { target: 'acme/a', nanoUsd: 200_000 },
      { target: 'acme/b', hedged: true, nanoUsd: 20_000 },
    ]);
  });

  test('shows the words of one attempt, however the two come in', async () => {
    const turns = fc.array(fc.nat(6), { minLength: 4, maxLength: 4 });
    const script = fc.record({ turns, fails: fc.option(fc.nat(3), { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(script, script, async (one, two) => {
        const slow = (name: string, { turns: pauses, fails }: typeof one): FakeModel => {
          const model = new FakeModel(name);
          const inner = model.getStreamedResponse.bind(model);
          return Object.assign(model, {
            async *getStreamedResponse(request: ModelRequest): AsyncGenerator<StreamEvent> {
              let at = 0;
              for await (const event of inner(request)) {
                for (let n = 0; n < (pauses[at] ?? 0); n++) await new Promise(setImmediate);
                if (at++ === fails) throw new ModelError('gone', { kind: 'network', retryable: true });
                yield event;
              }
            },
          });
        };
        const clock = { sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };
        const attempts: ModelCallAttempt[] = [];
        const { route } = hedged([slow('a', one), slow('b', two)], { retry: { maxTotalAttempts: 2 }, clock });
        let text = '';
        let failed = false;
        try {
          for await (const event of route.getStreamedResponse(requestWith(attempts)))
            if (event.type === 'output_text_delta') text += event.delta;
        } catch {
          failed = true;
        }
        expect(['a says', 'b says'].some((whole) => (failed ? whole.startsWith(text) : whole === text))).toBe(true);
        // One answer at most, each attempt once.
        expect(attempts.filter(({ error }) => error === undefined)).toHaveLength(failed ? 0 : 1);
        expect(attempts.length).toBeLessThanOrEqual(2);
      }),
    );
  });
});

test('a percentile is of the target’s own times, and needs twenty of them', () => {
  const hedging = new Hedging('main', { after: 'p90' });
  const target = {} as Parameters<Hedging['note']>[0];
  for (let ms = 1; ms < 20; ms++) hedging.note(target, true, ms);
  expect(hedging.delayMs(target, true)).toBeUndefined();
  hedging.note(target, true, 20);
  expect([hedging.delayMs(target, true), hedging.delayMs(target, false)]).toEqual([18, undefined]);
  for (let n = 0; n < 200; n++) hedging.note(target, true, 7);
  expect(hedging.delayMs(target, true)).toBe(7);
});

test.each([
  [{ after: -1 }, 'hedge.after: -1'],
  [{ after: 'p42' as never }, 'hedge.after: p42'],
  [{ maxShare: 2 }, 'hedge.maxShare: 2'],
  [{ delay: 1 } as never, 'hedge.delay'],
])('options that cannot be meant are refused: %j', (hedge, message) => {
  expect(() => hedged([new FakeModel('a')], { hedge })).toThrow(message);
});
