/** How calls within a budget end: crashes of durable runs, windows, answers that are none, limits that were imposed. */
import { expect, test, vi } from 'vitest';
import { Agent } from '../agent/index.ts';
import { RunStore } from '../durable/index.ts';
import { memoryLog } from '../log/index.ts';
import { BudgetExceededError, createBudgets, createPrices, memoryLedger } from '../model/index.ts';
import type { BudgetEvent, BudgetLedger } from '../model/index.ts';
import { Vendor } from '../model/budgets/vendor.fixture.ts';
import { AnthropicModel } from '../providers/anthropic/index.ts';
import { fromAiSdk } from '../providers/ai-sdk/index.ts';
import { functionCall } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import { run, stateOfError } from './index.ts';

const price = { input: 1000, output: 1000 };
const usage = (): { inputTokens: number; outputTokens: number } => ({ inputTokens: 100, outputTokens: 100 });
const prices = createPrices({
  catalog: false,
  models: { 'acme/large-1': price, 'anthropic/claude-sonnet-4-5-20250929': price },
});
const failureOf = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => 'it ended well',
    (error: unknown) => error,
  );
const never = new Promise<never>(() => undefined);

test.each(['reserve', 'sent', 'answer'] as const)(
  'a durable run that dies after its %s is resumed, and its books are right',
  async (dies) => {
    const shared = memoryLedger();
    const log = memoryLog();
    let reached = (): void => undefined;
    const died = new Promise<void>((resolve) => (reached = resolve));
    const stop = (): Promise<never> => (reached(), never);
    const dying: BudgetLedger = {
      reserve: async (asked) => {
        const grant = await shared.reserve(asked);
        return dies === 'reserve' ? stop() : grant;
      },
      sent: async (id) => {
        await shared.sent(id);
        if (dies === 'sent') await stop();
      },
      settle: (id, actual) => (dies === 'answer' ? stop() : shared.settle(id, actual)),
      release: (id) => shared.release(id),
      recover: (of) => shared.recover(of),
      balance: (account) => shared.balance(account),
      close: () => shared.close(),
    };
    const vendor = new Vendor({ price, usage });
    const agent = new Agent({ name: 'A', model: vendor, modelSettings: { maxTokens: 1000 } });
    const budgetsOn = (ledger: BudgetLedger) => createBudgets({ ledger, prices, limits: { tenant: { usd: 100 } } });
    const first = new RunStore({ log, leaseMs: 5000 });
    void run(agent, 'Hello', { budgets: budgetsOn(dying), durable: { store: first, runId: 'r1' } }).catch(
      () => undefined,
    );
    await died;
    await first.drain({ timeoutMs: 1 });

    const budgets = budgetsOn(shared);
    const open = async () => (await budgets.balance({ tenant: true })).open.map(({ state, epoch }) => [state, epoch]);
    expect(await open()).toEqual([[dies === 'reserve' ? 'reserved' : 'sent', 1]]);
    const second = new RunStore({ log, agents: [agent as never], leaseMs: 5000 });
    const { finalOutput } = await second.resume('r1', { budgets });
    expect(finalOutput).toBe('done');
    // What was reserved is given back; what was sent counts, whatever came of it; the repeat was paid anew.
    expect(await open()).toEqual(dies === 'reserve' ? [] : [['sent', 1]]);
    const { settled, held, open: left } = await budgets.balance({ tenant: true });
    expect(settled.nanoUsd).toBe(200 * 1e6);
    expect(vendor.bill).toBe(dies === 'answer' ? 400 * 1e6 : 200 * 1e6);
    expect(vendor.bill).toBeLessThanOrEqual(settled.nanoUsd + held.nanoUsd);
    const [entry] = left;
    if (!entry) return;
    const id = `${entry.effect}#${entry.epoch}.${entry.n}`;
    expect(await budgets.reconcile(id, { usd: dies === 'answer' ? 0.2 : 0, tokens: 200 })).toBe(true);
    const after = await budgets.balance({ tenant: true });
    expect([after.settled.nanoUsd, after.held.nanoUsd]).toEqual([vendor.bill, 0]);
  },
);

test('what has an unknown end counts until its window is over, and can be told afterwards', async () => {
  let now = Date.UTC(2026, 10, 30, 23, 30);
  const events: BudgetEvent[] = [];
  const budgets = createBudgets({
    prices,
    now: () => now,
    limits: { tenant: { usd: 1.5, window: 'hour' } },
    onEvent: (event) => void events.push(event),
  });
  const agentOf = (model: Vendor) => new Agent({ name: 'A', model, modelSettings: { maxTokens: 1000 } });
  const cut = new Vendor({ price, usage, after: () => Promise.reject(new Error('cut')) });
  const well = new Vendor({ price, usage });
  expect(await failureOf(run(agentOf(cut), 'Hi', { budgets }))).toMatchObject({ message: 'cut' });
  expect(await failureOf(run(agentOf(well), 'Hi', { budgets }))).toBeInstanceOf(BudgetExceededError);
  const unknown = events.find(({ type }) => type === 'unknown');
  now += 3_600_000;
  expect((await run(agentOf(well), 'Hi', { budgets })).finalOutput).toBe('done');
  expect((await budgets.balance({ tenant: true })).settled.nanoUsd).toBe(well.bill);
  // Of the window that is over: it changes nothing in this one.
  expect(unknown?.type === 'unknown' && (await budgets.reconcile(unknown.id, { usd: 0.2 }))).toBe(true);
  expect((await budgets.balance({ tenant: true })).settled.nanoUsd).toBe(well.bill);
  now -= 3_600_000;
  expect((await budgets.balance({ tenant: true })).settled.nanoUsd).toBe(cut.bill);
});

test('an AI SDK model that answers with nonsense may have been paid: its call stays counted', async () => {
  const nonsense = fromAiSdk({
    specificationVersion: 'v4',
    provider: 'mistral.chat',
    modelId: 'large',
    doGenerate: async () => 'text',
    doStream: async () => ({ stream: 'text' }),
  } as never);
  const budgets = createBudgets({ prices, limits: { tenant: { tokens: 1_000_000 } } });
  const agent = new Agent({ name: 'A', model: nonsense });
  expect(await failureOf(run(agent, 'Hi', { budgets }))).toMatchObject({ name: 'UserError' });
  const streamed = await run(agent, 'Hi', { budgets, stream: true });
  expect(await failureOf(streamed.completed)).toMatchObject({ name: 'UserError' });
  const { open } = await budgets.balance({ tenant: true });
  expect(open.map(({ state }) => state)).toEqual(['sent', 'sent']);
  // A mistake that is seen before the request is sent costs nothing.
  const wrong = new Agent({ name: 'A', model: nonsense, modelSettings: { toolChoice: 'none such' } });
  expect(await failureOf(run(wrong, 'Hi', { budgets }))).toMatchObject({ name: 'UserError' });
  expect((await budgets.balance({ tenant: true })).open).toHaveLength(2);
});

test('an answer that is made shorter is thought about less', async () => {
  const seen = async (usd: number, settings: object): Promise<unknown> => {
    const vendor = new Vendor({ price });
    const agent = new Agent({ name: 'A', model: vendor, modelSettings: settings });
    await run(agent, 'Hello', { budget: { usd }, prices });
    const { maxTokens = 0, reasoning } = vendor.requests[0]?.modelSettings ?? {};
    expect(maxTokens).toBeGreaterThanOrEqual(1024);
    return reasoning?.effort;
  };
  const high = { maxTokens: 16_384, reasoning: { effort: 'high' } };
  expect(await seen(100, high)).toBe('high');
  expect(await seen(10, high)).toBe('high');
  expect(await seen(6, high)).toBe('medium');
  expect(await seen(1.4, high)).toBe('low');
  expect(await seen(1.4, { maxTokens: 16_384, reasoning: { effort: 'none' } })).toBe('none');
  expect(await seen(1.4, {})).toBeUndefined();
});

test('where a model thinks by tokens, they fit into what the budget allows', async () => {
  const bodies: { max_tokens?: number; thinking?: { budget_tokens?: number } }[] = [];
  const answer = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5-20250929',
    content: [{ type: 'text', text: 'done' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 10, output_tokens: 10 },
  };
  const fetch = async (_url: unknown, init?: { body?: unknown }): Promise<Response> => {
    bodies.push(JSON.parse(String(init?.body)) as (typeof bodies)[number]);
    return new Response(JSON.stringify(answer), { headers: { 'content-type': 'application/json' } });
  };
  const model = new AnthropicModel({ apiKey: 'k', fetch }, 'claude-sonnet-4-5-20250929');
  const agent = new Agent({ name: 'A', model, modelSettings: { reasoning: { effort: 'high' } } });
  await run(agent, 'Hello', { budget: { usd: 5 }, prices });
  const { max_tokens: most = 0, thinking } = bodies[0] ?? {};
  expect(most).toBeGreaterThan(2048);
  expect(most).toBeLessThan(5000);
  expect(thinking?.budget_tokens).toBeGreaterThanOrEqual(1024);
  expect(thinking?.budget_tokens).toBeLessThan(most);
});

test('runs within a run draw from the accounts of the same tenant, whatever agent asks', async () => {
  const inner = new Vendor({ price, usage });
  const sub = new Agent({ name: 'Sub', model: inner, modelSettings: { maxTokens: 1000 } });
  const nested = tool({
    name: 'nested',
    description: '',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false } as const,
    execute: async () => (await run(sub, 'Go')).finalOutput ?? '',
  });
  const outer = new Vendor({
    price,
    usage,
    output: ({ call }) => [functionCall(call === 1 ? 'nested' : 'sub', { input: 'Go' }, { callId: `c${call}` })],
  });
  const agent = new Agent({
    name: 'Outer',
    model: outer,
    tools: [nested, sub.asTool({ toolName: 'sub' })],
    modelSettings: { maxTokens: 1000 },
    toolUseBehavior: { stopAtToolNames: ['sub'] },
  });
  const all = createBudgets({ prices, limits: { tenant: { usd: 100 }, agents: { Sub: { usd: 50 } } } });
  const budgets = all.for('customer-1');
  await run(agent, 'Hello', { budgets });
  expect([outer.requests.length, inner.requests.length]).toEqual([2, 2]);
  expect((await budgets.balance({ tenant: true })).settled.nanoUsd).toBe(outer.bill + inner.bill);
  expect((await budgets.balance({ agent: 'Sub' })).settled.nanoUsd).toBe(inner.bill);
  expect((await all.balance({ tenant: true })).settled.nanoUsd).toBe(0);
});

test('budgets that cannot be opened leave no timer behind, and the run ends with what failed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const unknown = new Error('the tenant is not known');
    const budgets = createBudgets({ ledger: memoryLedger(), prices, limits: { tenant: { usd: 1 } } });
    const broken = { ...budgets, open: () => Promise.reject(unknown) };
    const agent = new Agent({ name: 'A', model: new Vendor({ price, usage }) });
    const error = await failureOf(run(agent, 'Hello', { budgets: broken, timeoutMs: 60_000 }));
    expect(error).toBe(unknown);
    expect(stateOfError(error)?.status).toBe('failed');
    expect(stateOfError(error)?.pendingInput).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
