import { describe, expect, test } from 'vitest';
import { Agent } from '../../agent/index.ts';
import { run } from '../../run/index.ts';
import { tool } from '../../tools/index.ts';
import type { AgentInputItem, AgentOutputItem } from '../../protocol/items.ts';
import type { Model, ModelCallAttempt, ModelRequest, ModelResponse } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { assistantMessage, functionCall, responseStoreConformance } from '../../testing/index.ts';
import { createBudgets } from '../budgets/index.ts';
import { createRouter, type RouteOptions, type RouterEvent, type RouterOptions } from '../router/index.ts';
import { failure, FakeModel, requestOf, requestWith, streamedText, textOf } from '../router/router.fixture.ts';
import { createResponseCache, keyOf, memoryResponseStore, type ResponseCacheOptions } from './index.ts';

const clock = { time: 0 };
describe('memoryResponseStore', () => {
  const create = () => memoryResponseStore({ now: () => clock.time });
  const pass = (ms: number): void => void (clock.time += ms);
  for (const { name, run: check } of responseStoreConformance({ create, pass })) test(name, check);

  test('holds no more than its bytes: what was not used for the longest time goes first', async () => {
    const store = memoryResponseStore({ maxBytes: 1000 });
    const at = (key: string) => ({ tenant: 't', key });
    const long = { ttlMs: 1e6 };
    for (const key of ['a', 'b', 'c']) await store.set(at(key), 'x'.repeat(300), long);
    await store.get(at('a'));
    await store.set(at('d'), 'é'.repeat(150), long);
    const held = await Promise.all(['a', 'b', 'c', 'd'].map(async (key) => (await store.get(at(key))) !== undefined));
    expect(held).toEqual([true, false, true, true]);
    await store.set(at('e'), 'x'.repeat(2000), long);
    expect(await store.get(at('e'))).toBeUndefined();
  });
});

type Options = Partial<RouterOptions> & {
  cache?: never;
  options?: ResponseCacheOptions;
  route?: Partial<RouteOptions>;
};

function cached(model: RouteOptions['targets'], { options = {}, route = {}, ...more }: Options = {}) {
  const events: RouterEvent[] = [];
  const cache = createResponseCache(options);
  const models = { main: { targets: model, ...route } };
  const router = createRouter({ models, cache, onEvent: (event) => void events.push(event), ...more });
  return { route: router('main'), cache, hits: () => events.filter(({ type }) => type === 'cache.hit').length, events };
}

describe('the same request', () => {
  test('asks the model once, plain and streamed', async () => {
    const model = new FakeModel('a');
    const { route, hits } = cached(model);
    expect(await textOf(route)).toBe('a says');
    expect([await textOf(route), await streamedText(route), model.asked, hits()]).toEqual(['a says', 'a says.', 1, 2]);
    const other = requestOf({ input: 'else' });
    expect([await streamedText(route, other), await textOf(route, other), model.asked]).toEqual([
      'a says.',
      'a says',
      2,
    ]);
  });

  test('of a hundred at once asks it once', async () => {
    const wait = new Promise<void>((resolve) => setTimeout(resolve, 20));
    const model = new FakeModel('a', { wait });
    const { route } = cached(model);
    const asked = Array.from({ length: 100 }, (_, n) => (n % 2 ? textOf(route) : streamedText(route)));
    // Streams of this model do not wait: the first one is done at once.
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['a says', 'a says.']));
    expect(model.asked).toBe(1);
  });

  test('is asked by each where the first one fails, and by one more where it was called off', async () => {
    let open = (): void => undefined;
    const wait = new Promise<void>((resolve) => (open = resolve));
    const failing = new FakeModel('a', { wait, ...failure('bad_request') });
    const first = cached(failing);
    const answers = Promise.allSettled([textOf(first.route), textOf(first.route), textOf(first.route)]);
    setTimeout(open, 10);
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(failing.asked).toBe(3);

    const abort = new AbortController();
    const slow = new FakeModel('a');
    const inner = slow.getResponse.bind(slow);
    Object.assign(slow, {
      async getResponse(request: ModelRequest): Promise<ModelResponse> {
        const response = await inner(request);
        if (slow.asked > 1) return response;
        await new Promise((_, reject) => request.signal?.addEventListener('abort', () => reject(abort.signal.reason)));
        return response;
      },
    });
    const second = cached(slow);
    const gone = textOf(second.route, requestOf({ signal: abort.signal })).catch((error: Error) => error.name);
    const others = [textOf(second.route), textOf(second.route)];
    setTimeout(() => abort.abort(), 10);
    expect([await gone, ...(await Promise.all(others)), slow.asked]).toEqual(['AbortError', 'a says', 'a says', 2]);
  });

  test('is not held up by a reader that stalls, who has all of it afterwards', async () => {
    const model = new FakeModel('a', { text: 'one two three' });
    const { route, hits } = cached(model);
    const stalled = route.getStreamedResponse(requestOf())[Symbol.asyncIterator]();
    await stalled.next();
    const others = await Promise.all([streamedText(route), textOf(route), streamedText(route)]);
    expect(others).toEqual(['one two three.', 'one two three', 'one two three.']);
    const rest = await streamedText({
      ...route,
      getStreamedResponse: () => ({ [Symbol.asyncIterator]: () => stalled }),
    });
    expect([rest, model.asked, hits()]).toEqual(['one two three.', 1, 3]);
  });

  test('is asked by another one where a reader that stalls leaves, and ends for all as it fails', async () => {
    const model = new FakeModel('a', { hang: true }, { text: 'second' }, failure('bad_request'));
    const { route } = cached(model);
    const stalled = route.getStreamedResponse(requestOf())[Symbol.asyncIterator]();
    await stalled.next();
    const other = textOf(route);
    await Promise.resolve();
    await stalled.return?.();
    expect(await other).toBe('second');
    const request = requestOf({ input: 'else' });
    const failing = route.getStreamedResponse(request)[Symbol.asyncIterator]();
    await failing.next();
    expect(await textOf(route, request)).toBe('a says');
    await expect(
      (async () => {
        for (;;) if ((await failing.next()).done) return;
      })(),
    ).rejects.toMatchObject({ kind: 'bad_request' });
  });

  test('with another credential is another one', async () => {
    const model = new FakeModel('a');
    const cache = createResponseCache();
    const route = (credential: string) =>
      createRouter({ models: { main: { targets: { model, credential } } }, cache })('main');
    for (const credential of ['one', 'two', 'one', 'two']) await textOf(route(credential));
    expect(model.asked).toBe(2);
  });

  test('of another tenant is another one', async () => {
    const model = new FakeModel('a');
    const byInput = { tenant: ({ call }: ModelRequest) => call?.sessionId };
    const { route } = cached(model, { options: byInput });
    const of = (sessionId?: string): ModelRequest => ({
      ...requestWith([]),
      call: {
        id: 'r/m',
        runId: 'r',
        agent: 'A',
        recoveries: 0,
        onAttempt: () => undefined,
        ...(sessionId && { sessionId }),
      },
    });
    for (const who of ['one', 'two', 'one', undefined, undefined]) await textOf(route, of(who));
    expect(model.asked).toBe(4);
  });

  test('is asked again when its time is over, and when the tenant was forgotten', async () => {
    let now = 0;
    const model = new FakeModel('a');
    const { route, cache } = cached(model, { options: { ttlMs: 100, store: memoryResponseStore({ now: () => now }) } });
    await textOf(route);
    now = 99;
    await textOf(route);
    expect(model.asked).toBe(1);
    now = 100;
    await textOf(route);
    expect(model.asked).toBe(2);
    await cache.clear('default');
    await textOf(route);
    expect(model.asked).toBe(3);
  });
});

describe('a run', () => {
  const usage = new Usage({ inputTokens: 10, outputTokens: 5, totalTokens: 15 });
  function lookup() {
    let asked = 0;
    const reply = (request: ModelRequest): AgentOutputItem[] => {
      asked++;
      const isFirst = typeof request.input === 'string' || request.input.length === 1;
      return isFirst ? [functionCall('look', {}, { callId: `vendor_${asked}` })] : [assistantMessage('done')];
    };
    const model: Model = {
      origin: { provider: 'acme', api: 'test', model: 'a' },
      getResponse: async (request) => ({ usage, output: reply(request), responseId: `resp_${asked}` }),
      async *getStreamedResponse(request) {
        yield { type: 'response_done', response: { id: `resp_${asked}`, usage, output: reply(request) } };
      },
    };
    const look = tool({
      name: 'look',
      description: 'Looks.',
      parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
      execute: () => 'seen',
    });
    const { route } = cached(model);
    return { agent: new Agent({ name: 'A', model: route, tools: [look] }), asked: () => asked };
  }

  test('that comes again costs nothing, and has ids of its own', async () => {
    const { agent, asked } = lookup();
    const first = await run(agent, 'go');
    const second = await run(agent, 'go');
    expect([first.finalOutput, second.finalOutput, asked()]).toEqual(['done', 'done', 2]);
    expect(second.cost).toMatchObject({ nanoUsd: 0, attempts: 2, unpriced: 0 });
    expect([second.rawResponses[0]?.usage.totalTokens, second.lastResponseId]).toEqual([0, undefined]);
    const callIds = (items: readonly AgentInputItem[]): string[] =>
      items.flatMap((item) => (item.type === 'function_call' ? [item.callId] : []));
    const [one] = callIds(first.history);
    const [two] = callIds(second.history);
    expect([one, two]).toEqual(['vendor_1', expect.stringMatching(/^call_[0-9a-f]{24}0$/)]);
    const third = await run(agent, 'go', { stream: true });
    await third.completed;
    expect([third.finalOutput, third.lastResponseId, asked()]).toEqual(['done', undefined, 2]);
    expect(callIds(third.history)[0]).not.toBe(two);
  });

  test('of another tenant’s budgets does not read it', async () => {
    const { agent, asked } = lookup();
    const budgets = createBudgets({ limits: { tenant: { tokens: 1_000_000 } } });
    await run(agent, 'go', { budgets: budgets.for('one') });
    await run(agent, 'go', { budgets: budgets.for('one') });
    expect(asked()).toBe(2);
    await run(agent, 'go', { budgets: budgets.for('two') });
    expect(asked()).toBe(4);
    await budgets.close();
  });
});

describe('an answer is not kept', () => {
  const twice = async (model: FakeModel, more: Partial<ModelRequest> = {}, options: Options = {}): Promise<number> => {
    const { route } = cached(model, options);
    for (let n = 0; n < 2; n++) await textOf(route, requestOf(more));
    return model.asked;
  };
  test.each<[string, Partial<ModelRequest>]>([
    ['on a response that the server holds', { previousResponseId: 'r' }],
    ['on a conversation that the server holds', { conversationId: 'c' }],
    ['with a stored prompt', { prompt: { promptId: 'p' } }],
    ['with a tool that the provider runs', { tools: [{ type: 'hosted_tool', name: 'web_search' }] }],
  ])('%s', async (_, more) => expect(await twice(new FakeModel('a'), more)).toBe(2));

  test('that is a refusal, was cut off, is too long, or is of a route that has no cache', async () => {
    expect(await twice(new FakeModel('a', { refusal: 'no' }, { refusal: 'no' }))).toBe(2);
    expect(await twice(new FakeModel('a'), {}, { options: { maxAnswerLength: 20 } })).toBe(2);
    expect(await twice(new FakeModel('a'), {}, { route: { cache: false } })).toBe(2);
    const envelope = { choices: [{ finish_reason: 'length' }] };
    let asked = 0;
    const cut: Model = {
      origin: { provider: 'acme', api: 'test', model: 'a' },
      getResponse: async () => ({
        usage: new Usage({}),
        output: [assistantMessage(`${asked++}`)],
        providerData: envelope,
      }),
      async *getStreamedResponse() {
        yield { type: 'model', event: envelope };
        const used = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
        yield { type: 'response_done', response: { id: '', usage: used, output: [assistantMessage(`${asked++}`)] } };
      },
    };
    const { route } = cached(cut);
    for (let n = 0; n < 2; n++) await streamedText(route);
    for (let n = 0; n < 2; n++) await textOf(route);
    expect(asked).toBe(4);
  });

  test('of a fallback', async () => {
    const [a, b] = [new FakeModel('a', failure('auth')), new FakeModel('b')];
    const { route } = cached([a, b], { breaker: { configErrorMs: 0 }, sticky: false });
    expect([await textOf(route), await textOf(route), await textOf(route)]).toEqual(['b says', 'a says', 'a says']);
    expect([a.asked, b.asked]).toEqual([2, 1]);
  });

  test('of a model that does not say who it is', async () => {
    let asked = 0;
    const nameless: Model = {
      getResponse: async () => ({ usage: new Usage({}), output: [assistantMessage(`${asked++}`)] }),
      async *getStreamedResponse() {},
    };
    const { route } = cached(nameless);
    expect([await textOf(route), await textOf(route)]).toEqual(['0', '1']);
    const named = cached({ model: nameless, label: 'mine' });
    expect([await textOf(named.route), await textOf(named.route)]).toEqual(['2', '2']);
  });
});

test('reasoning that only the server knows is not given again, nor the ids that go with it', async () => {
  const origin = { provider: 'openai', api: 'openai-responses', model: 'a' };
  const output: AgentOutputItem[] = [
    { type: 'reasoning', id: 'rs_1', content: [], origin },
    { ...assistantMessage('hi'), id: 'msg_1', origin },
  ];
  const model: Model = {
    origin,
    getResponse: async () => ({ usage: new Usage({}), output, responseId: 'resp_1', providerData: { id: 'resp_1' } }),
    async *getStreamedResponse() {},
  };
  const { route } = cached(model);
  await route.getResponse(requestOf());
  const again = await route.getResponse(requestOf());
  expect(again.output).toEqual([expect.objectContaining({ type: 'message' })]);
  expect(again.output[0]).not.toHaveProperty('id');
  expect(again).not.toHaveProperty('providerData');
});

test('a store that fails, or gives nonsense, is an empty cache', async () => {
  const broken = () => Promise.reject(new Error('down'));
  const store = { get: broken, set: broken, clear: broken, close: broken };
  const model = new FakeModel('a');
  const { route, events } = cached(model, { options: { store } });
  expect([await textOf(route), await textOf(route), model.asked]).toEqual(['a says', 'a says', 2]);
  expect(events).toContainEqual({ type: 'cache.failed', route: 'main', because: 'down' });
  const odd = memoryResponseStore();
  const nonsense = cached(model, { options: { store: { ...odd, get: async () => '{"no":1}' } } });
  expect(await textOf(nonsense.route)).toBe('a says');
});

test('attempts say that it was a hit, by whom, and that it cost nothing', async () => {
  const { route } = cached(new FakeModel('a'));
  await textOf(route);
  const attempts: ModelCallAttempt[] = [];
  await textOf(route, requestWith(attempts));
  const origin = { provider: 'acme', api: 'test', model: 'a' };
  expect(attempts).toEqual([{ at: 0, ms: expect.any(Number), target: 'acme/a', origin, nanoUsd: 0, cached: true }]);
});

describe('a key', () => {
  const history = (id: string, more: object = {}): AgentInputItem[] => [
    { role: 'user', content: 'hi' },
    {
      type: 'function_call',
      callId: `call_${id}`,
      id: `fc_${id}`,
      name: 'f',
      arguments: '{}',
      status: 'completed',
      providerData: { id: `fc_${id}` },
    },
    { type: 'function_call_result', callId: `call_${id}`, name: 'f', status: 'completed', output: 'ok', ...more },
  ];
  const of = (more: Partial<ModelRequest>): string => keyOf(requestOf(more), 'route');

  test('does not know ids, origins, time limits or the order of members', () => {
    expect(of({ input: history('1') })).toBe(of({ input: history('2') }));
    expect(of({ modelSettings: { timeoutMs: 5, temperature: 1, topP: 1 } })).toBe(
      of({ modelSettings: { topP: 1, temperature: 1, preserveRawUsage: true } }),
    );
    expect(of({ input: 'hi' })).toBe(of({ input: [{ type: 'message', role: 'user', content: 'hi' }] }));
  });

  test('knows all else', () => {
    const keys = [
      of({}),
      of({ input: 'other' }),
      of({ input: history('1') }),
      of({ input: history('1', { output: 'no' }) }),
      of({ systemInstructions: 'be brief' }),
      of({ modelSettings: { temperature: 0 } }),
      of({ modelSettings: { maxTokens: 5 } }),
      of({ modelSettings: { providerData: { seed: 1 } } }),
      of({
        outputType: {
          type: 'json_schema',
          name: 'o',
          strict: true,
          schema: { type: 'object', properties: {}, required: [], additionalProperties: false },
        },
      }),
      keyOf(requestOf(), 'another route'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
