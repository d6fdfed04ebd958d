/** Budgets and what stands between them and a model: settings of its own, other models in its place, guards in guards. */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { Agent } from '../agent/index.ts';
import { cassette } from '../cassettes/index.ts';
import {
  BudgetExceededError,
  createBudgets,
  createModelRegistry,
  createPrices,
  createRouter,
  type BudgetEvent,
  type OnExceed,
} from '../model/index.ts';
import { Vendor } from '../model/budgets/vendor.fixture.ts';
import { UserError } from '../protocol/errors.ts';
import type { Model, ModelRequest } from '../protocol/model.ts';
import { createPresetProvider, OpenAIProvider, OpenAIResponsesModel } from '../providers/openai/index.ts';
import { run, Runner } from './index.ts';

/** $1,000 for a million tokens: a token is a tenth of a cent. */
const price = { input: 1000, output: 1000 };
const MINI = { provider: 'acme', api: 'acme', model: 'mini-1' };
const mini = { input: 1, output: 1 };
const prices = createPrices({
  catalog: false,
  models: {
    'acme/large-1': price,
    'acme/mini-1': mini,
    'acme/hears-1': { input: 1, output: 1, inputAudio: 40, tiers: [{ above: 5000, input: 2, inputAudio: 80 }] },
    'ollama/q': price,
    'openai/q': price,
  },
});
const agentOf = (model: string | Model) => new Agent({ name: 'A', model });
const failureOf = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => 'it ended well',
    (error: unknown) => error,
  );

test.each([
  ['acme/large-1?maxTokens=60000', 30],
  ['acme/large-1?maxTokens=2000&effort=high', 30],
])('settings in a name (%s) are counted, and what the budget imposes is the last word', async (model, usd) => {
  const vendor = new Vendor({ price });
  const modelProvider = createModelRegistry({ acme: () => vendor });
  const budgets = createBudgets({ prices, limits: { tenant: { usd } } });
  await new Runner({ modelProvider, budgets }).run(agentOf(model), 'Hi');
  expect(vendor.bill).toBeLessThanOrEqual(usd * 1e9);
  expect(vendor.requests[0]?.modelSettings.maxTokens).toBe(model.includes('2000') ? 2000 : 29_878);
  const { settled, held } = await budgets.balance({ tenant: true });
  expect([settled.nanoUsd, held.nanoUsd]).toEqual([vendor.bill, 0]);
});

test("settings of a preset's model are counted: its limit is not raised, and what multiplies its cost is refused", async () => {
  const bodies: { max_tokens?: number }[] = [];
  const fetch = async (_url: string, { body }: RequestInit): Promise<Response> => {
    bodies.push(JSON.parse(String(body)) as { max_tokens?: number });
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    const message = { role: 'assistant', content: 'hi' };
    return Response.json({ id: 'x', choices: [{ message, finish_reason: 'stop' }], usage });
  };
  const budgets = createBudgets({ prices, limits: { tenant: { usd: 100 } } });
  const short = createPresetProvider('ollama', { maxTokens: 500, fetch });
  await new Runner({ modelProvider: short, budgets }).run(agentOf('q'), 'Hi');
  expect(bodies).toMatchObject([{ max_tokens: 500 }]);
  const five = createPresetProvider('ollama', { providerData: { n: 5 }, fetch });
  expect(await failureOf(new Runner({ modelProvider: five, budgets }).run(agentOf('q'), 'Hi'))).toMatchObject({
    code: 'budget/unbounded-request',
    message: expect.stringContaining('providerData.n') as string,
  });
  expect(bodies).toHaveLength(1);
});

test.each(['by name', 'by a function'] as const)('a route that is asked instead, %s, is guarded too', async (how) => {
  const large = new Vendor({ price });
  const cheap = new Vendor({ price: mini, origin: MINI });
  const models = createRouter({ models: { main: large, cheap: [new Vendor({ price }), cheap], dear: large }, prices });
  const budgetsOf = (to: 'cheap' | 'dear') =>
    createBudgets({
      prices,
      limits: { tenant: { usd: 0.5 } },
      ...(how === 'by name'
        ? { onExceed: 'downgrade' as const, downgradeTo: [to] }
        : { onExceed: (() => models(to)) satisfies OnExceed }),
    });
  for (const model of [large, models('main')]) {
    const budgets = budgetsOf('cheap');
    const runner = new Runner({ modelProvider: models, budgets });
    expect((await runner.run(agentOf(model), 'Hi')).finalOutput).toBe('done');
    expect((await budgets.balance({ tenant: true })).settled.nanoUsd).toBe(cheap.bill);
    cheap.bill = 0;
    const strict = new Runner({ modelProvider: models, budgets: budgetsOf('dear') });
    expect(await failureOf(strict.run(agentOf(model), 'Hi'))).toBeInstanceOf(BudgetExceededError);
  }
  expect(large.requests).toEqual([]);
});

test.each(['a model', 'a route'] as const)(
  'what a shared budget has asked instead (%s) must fit into the budget of the run too',
  async (kind) => {
    const large = new Vendor({ price });
    const small = new Vendor({ price: mini, origin: MINI });
    const models = createRouter({ models: { small }, prices });
    for (const first of [large, createRouter({ models: { main: large }, prices })('main')]) {
      const shared = createBudgets({
        prices,
        limits: { models: { 'acme/large-1': { usd: 0.1 } } },
        onExceed: 'downgrade',
        downgradeTo: [kind === 'a model' ? small : models('small')],
      });
      const narrow = run(agentOf(first), 'Hi', { prices, budgets: shared, budget: { tokens: 100 } });
      expect(await failureOf(narrow)).toBeInstanceOf(BudgetExceededError);
      expect(small.requests).toEqual([]);
      const wide = await run(agentOf(first), 'Hi', { prices, budgets: shared, budget: { tokens: 5000 } });
      expect(wide.finalOutput).toBe('done');
      expect(small.tokens).toBeLessThanOrEqual(5000);
      small.requests.length = 0;
      small.tokens = 0;
    }
    expect(large.requests).toEqual([]);
  },
);

test.each([undefined, null, 'halt', 7])('a function onExceed that gives %j is told what it may give', async (given) => {
  const budgets = createBudgets({ prices, limits: { run: { usd: 0.1 } }, onExceed: (() => given) as never });
  const failure = await failureOf(run(agentOf(new Vendor({ price })), 'Hi', { budgets }));
  expect(failure).toBeInstanceOf(UserError);
  expect(failure).toMatchObject({ message: expect.stringContaining("'tell-the-model' or a Model") as string });
});

test.each([
  [{ usdd: 5 }, 'Did you mean "usd"?'],
  [{ usd: 1, window: 'day' }, 'Known: usd, tokens'],
  [5, 'Give an object'],
  [{ usd: Number.NaN }, 'has usd: NaN'],
  [{ usd: 1, downgradeTo: ['mini'] }, "Give onExceed: 'downgrade'"],
])('a budget of a run that cannot be meant (%j) is refused before anything is sent', async (budget, says) => {
  const vendor = new Vendor({ price });
  const failure = await failureOf(run(agentOf(vendor), 'Hi', { prices, budget: budget as never }));
  expect(failure).toMatchObject({ name: 'UserError', message: expect.stringContaining(says) as string });
  expect(vendor.requests).toEqual([]);
});

test.each([
  [{}, 'Give an object, such as { run: { usd: 1 } }'],
  [{ limits: { tenant: 5 } }, 'The budget tenant is 5'],
  [{ limits: { tenant: { usd: 1, window: 'week' } } }, "Give 'hour', 'day', 'month', or milliseconds"],
])('createBudgets(%j) says what to do', (options, says) => {
  expect(() => createBudgets(options as never)).toThrow(says);
  expect(() => createBudgets(options as never)).toThrow(UserError);
});

test('sound in the input is reserved at what sound costs', async () => {
  const events: BudgetEvent[] = [];
  const reserved = async (input: ModelRequest['input'], tokens: number): Promise<number> => {
    events.length = 0;
    const budgets = createBudgets({
      prices,
      limits: { tenant: { usd: 100 } },
      countTokens: () => tokens,
      onEvent: (event) => void events.push(event),
    });
    const model = new Vendor({ price: mini, origin: { provider: 'acme', api: 'acme', model: 'hears-1' } });
    await run(new Agent({ name: 'A', model, modelSettings: { maxTokens: 10 } }), input, { budgets });
    return events[0]?.type === 'reserved' ? events[0].amount.nanoUsd : 0;
  };
  const sound = [{ type: 'message', role: 'user', content: [{ type: 'audio', audio: 'aaaa', format: 'wav' }] }];
  expect(await reserved('Hi', 1000)).toBe(1000 * 1e3 + 10 * 1e3);
  expect(await reserved(sound as never, 1000)).toBe(1000 * 40e3 + 10 * 1e3);
  expect(await reserved(sound as never, 10_000)).toBe(10_000 * 80e3 + 10 * 1e3);
});

test('a client that answers with nonsense may have been paid; a URL that is none was asked by nobody', async () => {
  const budgets = createBudgets({ prices, limits: { tenant: { tokens: 1_000_000 } } });
  const open = async () => (await budgets.balance({ tenant: true })).open.map(({ state }) => state);
  const client = { responses: { create: async () => 'text' }, chat: { completions: { create: async () => 'text' } } };
  const odd = new OpenAIResponsesModel(client as never, 'q');
  expect(await failureOf(run(agentOf(odd), 'Hi', { budgets }))).toMatchObject({ name: 'UserError' });
  expect(await open()).toEqual(['sent']);
  const modelProvider = new OpenAIProvider({ baseURL: 'nowhere', apiKey: 'k'.repeat(20) });
  const lost = new Runner({ modelProvider, budgets }).run(agentOf('q'), 'Hi');
  expect(await failureOf(lost)).toMatchObject({ code: 'model/bad_request' });
  expect(await open()).toEqual(['sent']);
});

test('a recording behind a route is told whose words it keeps, also within a budget', async () => {
  const told: ModelRequest['keptFor'][] = [];
  const inner = new Vendor({ price });
  const keeper: Model = {
    origin: inner.origin,
    keepsRequests: true,
    getResponse: (request) => (told.push(request.keptFor), inner.getResponse(request)),
    getStreamedResponse: (request) => (told.push(request.keptFor), inner.getStreamedResponse(request)),
  };
  const route = createRouter({ models: { main: keeper }, prices })('main');
  const budgets = createBudgets({ prices, limits: { tenant: { usd: 100 } } });
  await run(agentOf(route), 'Hi', { budgets, prices, budget: { usd: 100 } });
  await run(agentOf(keeper), 'Hi', { budgets });
  expect(told).toEqual([{ runId: expect.any(String) as string }, {}]);
  const file = `${tmpdir()}/baton-budget-models-${process.pid}.json`;
  expect(cassette({ file, mode: 'record', model: keeper }).keepsRequests).toBe(true);
});

test('a route behind a cassette is guarded while it is recorded, and costs nothing when it is replayed', async () => {
  const file = `${tmpdir()}/baton-budget-route-${process.pid}.json`;
  const fail = ({ call }: { call: number }): void => {
    if (call < 3) throw Object.assign(new Error('cut off'), { code: 'ECONNRESET' });
  };
  const vendor = new Vendor({ price, before: fail });
  const route = createRouter({ models: { main: vendor }, prices, retry: { initialDelayMs: 1 } })('main');
  for (const mode of ['record', 'replay'] as const) {
    const budgets = createBudgets({ prices, limits: { tenant: { usd: 90 } } });
    const { finalOutput } = await run(agentOf(cassette({ file, mode, model: route })), 'Hi', { budgets });
    expect(finalOutput).toBe('done');
    const { settled, open } = await budgets.balance({ tenant: true });
    // Of the two that were cut off nobody knows what they cost.
    const states = open.map(({ state }) => state);
    expect([settled.nanoUsd, states]).toEqual(mode === 'record' ? [vendor.bill, ['sent', 'sent']] : [0, []]);
  }
  expect(vendor.requests).toHaveLength(3);
});

test('limits and prices by the short name of a provider hold for its models of the AI SDK', async () => {
  const origin = { provider: 'google.generative-ai', api: 'gemini', model: 'gemini-3-pro' };
  const vendor = new Vendor({ price, origin });
  const own = createPrices({ catalog: false, models: { 'google/gemini-3-pro': price } });
  for (const name of ['google/gemini-3-pro', 'google.generative-ai/gemini-3-pro']) {
    const budgets = createBudgets({ prices: own, limits: { models: { [name]: { usd: 0.1 } } } });
    expect(await failureOf(run(agentOf(vendor), 'Hi', { budgets }))).toMatchObject({
      code: 'budget/exceeded',
      details: { budget: `model:${name}` },
    });
  }
  expect(vendor.requests).toEqual([]);
  const { cost } = await run(agentOf(vendor), 'Hi', { prices: own });
  expect(cost.nanoUsd).toBe(vendor.bill);
});

test('a time limit in the name of a model is kept', async () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const slow: Model = {
    getResponse: never,
    getStreamedResponse: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }),
  };
  const modelProvider = createModelRegistry({ slow: () => slow });
  const named = agentOf('slow/any?timeoutMs=20');
  const timeout = { name: 'ModelTimeoutError', timeoutMs: 20 };
  expect(await failureOf(new Runner({ modelProvider }).run(named, 'Hi'))).toMatchObject(timeout);
  const streamed = await new Runner({ modelProvider }).run(named, 'Hi', { stream: true });
  expect(await failureOf(streamed.completed)).toMatchObject(timeout);
  const budgets = createBudgets({ prices, limits: { tenant: { tokens: 1e6 } } });
  expect(await failureOf(new Runner({ modelProvider, budgets }).run(named, 'Hi'))).toMatchObject(timeout);
  const models = createRouter({
    providers: { slow: () => slow },
    models: { main: 'slow/any?timeoutMs=20' },
    retry: { maxAttempts: 1 },
  });
  expect(await failureOf(run(agentOf(models('main')), 'Hi'))).toMatchObject(timeout);
});
