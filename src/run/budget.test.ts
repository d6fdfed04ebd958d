/** Budgets as a run's caller sees them. The bill of a vendor that knows nothing of them is the oracle. */
import { expect, test } from 'vitest';
import { Agent, type AnyAgent } from '../agent/index.ts';
import {
  BudgetExceededError,
  createBudgets,
  createPrices,
  createRouter,
  memoryLedger,
  type BudgetEvent,
} from '../model/index.ts';
import { ACME, Vendor } from '../model/budgets/vendor.fixture.ts';
import { assistantMessage, functionCall } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import { run, Runner, RunState, stateOfError } from './index.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
/** $1,000 for a million tokens: a token is a tenth of a cent. */
const price = { input: 1000, output: 1000 };
const FREE = { provider: 'acme', api: 'acme', model: 'free-1' };
const MINI = { provider: 'acme', api: 'acme', model: 'mini-1' };
const mini = { input: 1, output: 1 };
const prices = createPrices({
  catalog: false,
  models: { 'acme/large-1': price, 'acme/free-1': { input: 0, output: 0 }, 'acme/mini-1': mini },
});
const usage = (): { inputTokens: number; outputTokens: number } => ({ inputTokens: 100, outputTokens: 100 });
const settings = { maxTokens: 1000 };
const agentOf = (model: Vendor | ReturnType<ReturnType<typeof createRouter>>): AnyAgent =>
  new Agent({ name: 'A', model, modelSettings: settings }) as unknown as AnyAgent;
const failureOf = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => 'it ended well',
    (error: unknown) => error,
  );
/** What one call of `agentOf` reserves, and what it costs. */
const RESERVED = async (): Promise<number> => {
  const seen: BudgetEvent[] = [];
  const budgets = createBudgets({ prices, limits: { run: { usd: 100 } }, onEvent: (event) => void seen.push(event) });
  await run(agentOf(new Vendor({ price })), 'Hello', { budgets });
  const first = seen[0];
  return first?.type === 'reserved' ? first.amount.nanoUsd : 0;
};

test('50 calls at once under a cap that fits 20: 20 are made, and no more could have been', async () => {
  const one = await RESERVED();
  const vendor = new Vendor({ price, before: () => new Promise((resolve) => setImmediate(resolve)) });
  const cap = (one * 20) / 1e9;
  const budgets = createBudgets({ prices, limits: { tenant: { usd: cap } } });
  const ends = await Promise.all(
    Array.from({ length: 50 }, () => failureOf(run(agentOf(vendor), 'Hello', { budgets }))),
  );
  const refused = ends.filter((end) => end instanceof BudgetExceededError);
  expect(vendor.requests).toHaveLength(20);
  expect(vendor.bill).toBeLessThanOrEqual(one * 20);
  expect(refused).toHaveLength(30);
  for (const { details, code } of refused) {
    expect(code).toBe('budget/exceeded');
    const { settled = 0, held = 0, asked = 0, limit = 0 } = details;
    expect(settled + held + asked).toBeGreaterThan(limit);
  }
  const { settled, held } = await budgets.balance({ tenant: true });
  expect([settled.nanoUsd, held.nanoUsd]).toEqual([vendor.bill, 0]);
});

test('a run stops with a typed error, and goes on with more budget; what it spent counts', async () => {
  const call = functionCall('look', {}, { callId: 'c1' });
  const look = tool({ name: 'look', description: '', parameters: NOTHING, execute: () => 'seen' });
  const vendor = new Vendor({
    price,
    usage,
    output: ({ call: n }) => (n === 1 ? [call] : [assistantMessage('done')]),
  });
  const agent = new Agent({ name: 'A', model: vendor, tools: [look], modelSettings: settings });
  const error = await failureOf(run(agent, 'Hello', { budget: { usd: 2.5 }, prices }));
  expect(error).toBeInstanceOf(BudgetExceededError);
  const state = stateOfError(error) as RunState<unknown, typeof agent>;
  expect(state.status).toBe('failed');
  expect(vendor.requests).toHaveLength(1);
  // The same budget is not enough again, in this process and from JSON.
  expect(await failureOf(run(agent, state, { budget: { usd: 2.5 }, prices }))).toBeInstanceOf(BudgetExceededError);
  const copy = await RunState.fromString(agent, state.toString());
  const again = await failureOf(run(agent, copy, { budget: { usd: 2.5 }, prices }));
  expect(again).toBeInstanceOf(BudgetExceededError);
  expect((again as BudgetExceededError).details.settled).toBeCloseTo(0.2, 9);
  const { finalOutput, cost } = await run(agent, copy, { budget: { usd: 10 }, prices });
  expect([finalOutput, cost.nanoUsd, cost.unpriced]).toEqual(['done', vendor.bill, 0]);
});

test('an error handler of budget gives an output in place of the error, and default is asked too', async () => {
  const vendor = new Vendor({ price });
  for (const key of ['budget', 'default'] as const) {
    const { finalOutput } = await run(agentOf(vendor), 'Hello', {
      budget: { usd: 0.01 },
      prices,
      errorHandlers: { [key]: ({ error }: { error: Error }) => ({ finalOutput: error.name }) },
    });
    expect(finalOutput).toBe('BudgetExceededError');
  }
  expect(vendor.requests).toHaveLength(0);
});

test('the answer is made shorter where less is left, down to 1,024 tokens', async () => {
  const vendor = new Vendor({ price });
  const agent = new Agent({ name: 'A', model: vendor });
  await run(agent, 'Hello', { budget: { usd: 5 }, prices });
  const { maxTokens = 0 } = vendor.requests[0]?.modelSettings ?? {};
  expect(maxTokens).toBeGreaterThanOrEqual(4000);
  expect(vendor.bill).toBeLessThanOrEqual(5e9);
  expect(await failureOf(run(agent, 'Hello', { budget: { usd: 1 }, prices }))).toBeInstanceOf(BudgetExceededError);
  await run(agent, 'Hello', { budget: { usd: 1.4 }, prices });
  expect(vendor.requests[1]?.modelSettings.maxTokens).toBeGreaterThanOrEqual(1024);
  expect(vendor.requests).toHaveLength(2);
});

test('what has no upper bound is refused', async () => {
  const vendor = new Vendor({ price });
  const agent = agentOf(vendor);
  const options = { budget: { usd: 100 }, prices };
  const fuzzy = { ...prices, find: () => ({ id: 'acme/other', price, fuzzy: true as const }) };
  const image = [
    { type: 'message' as const, role: 'user' as const, content: [{ type: 'input_image' as const, image: 'data:x' }] },
  ];
  const search = { type: 'hosted_tool' as const, name: 'web_search' };
  const ends = await Promise.all([
    failureOf(run(agent, 'Hi', { ...options, conversationId: 'c' })),
    failureOf(run(agent, 'Hi', { ...options, previousResponseId: 'r' })),
    failureOf(run(agent, 'Hi', { ...options, prices: createPrices({ catalog: false }) })),
    failureOf(run(agent, 'Hi', { ...options, prices: fuzzy })),
    failureOf(run(agent, image, options)),
    failureOf(run(new Agent({ name: 'A', model: vendor, tools: [search] }), 'Hi', options)),
    failureOf(run(new Agent({ name: 'A', model: vendor, modelSettings: { providerData: { n: 5 } } }), 'Hi', options)),
  ]);
  expect(ends.map((end) => (end instanceof BudgetExceededError ? end.code : end))).toEqual(
    ends.map(() => 'budget/unbounded-request'),
  );
  expect(vendor.requests).toHaveLength(0);
  // A limit of tokens needs no price.
  await run(agent, 'Hi', { budget: { tokens: 10_000 }, prices: createPrices({ catalog: false }) });
});

test('a free primary is asked, its paid fallback only where the budget allows it', async () => {
  const down = Object.assign(new Error('down'), { status: 500 });
  const refuses = { before: () => Promise.reject(down) };
  const free = new Vendor({ price: { input: 0, output: 0 }, origin: FREE });
  const broken = new Vendor({ price: { input: 0, output: 0 }, origin: FREE, ...refuses });
  const paid = new Vendor({ price });
  const chain = (primary: Vendor): ReturnType<ReturnType<typeof createRouter>> =>
    createRouter({ models: { chain: [primary, paid] }, retry: { maxAttempts: 1 } })('chain');
  const budget = { usd: 0.5 };
  expect((await run(agentOf(chain(free)), 'Hi', { budget, prices })).finalOutput).toBe('done');
  const error = await failureOf(run(agentOf(chain(broken)), 'Hi', { budget, prices }));
  expect(error).toBeInstanceOf(BudgetExceededError);
  expect([broken.requests.length, paid.requests.length]).toEqual([1, 0]);
  const { cost } = await run(agentOf(chain(broken)), 'Hi', { budget: { usd: 50 }, prices });
  expect([cost.nanoUsd, cost.unpriced, paid.requests.length]).toEqual([paid.bill, 0, 1]);
});

test('a target of a chain that is too dear is passed over for one that is not', async () => {
  const large = new Vendor({ price });
  const small = new Vendor({ price: mini, origin: MINI });
  const route = createRouter({ models: { chain: [large, small] } })('chain');
  const { finalOutput, cost } = await run(agentOf(route), 'Hi', { budget: { usd: 0.5 }, prices });
  expect(finalOutput).toBe('done');
  expect([large.requests.length, small.requests.length, cost.attempts]).toEqual([0, 1, 1]);
});

test('a long context is reserved at the price of its tier', async () => {
  const tiered = { input: 1, output: 10, tiers: [{ above: 200_000, input: 2, output: 20 }] };
  const known = createPrices({ catalog: false, models: { 'acme/large-1': tiered } });
  const vendor = new Vendor({ price: tiered });
  // 201,000 bytes at $2 and 1,000 tokens at $20 a million: $0.42; at the base price it would be $0.21.
  const long = 'x'.repeat(201_000);
  const error = await failureOf(run(agentOf(vendor), long, { budget: { usd: 0.4 }, prices: known }));
  expect(error).toBeInstanceOf(BudgetExceededError);
  expect(vendor.requests).toHaveLength(0);
  await run(agentOf(vendor), long, { budget: { usd: 0.43 }, prices: known });
  expect(vendor.bill).toBeGreaterThan(0.4e9);
  expect(vendor.bill).toBeLessThanOrEqual(0.43e9);
});

test('runs within a run draw from its budget: sub-agents, and runs that tools start', async () => {
  const inner = new Vendor({ price, usage });
  const sub = new Agent({ name: 'Sub', model: inner, modelSettings: settings });
  const nested = tool({
    name: 'nested',
    description: '',
    parameters: NOTHING,
    execute: async () => (await run(sub, 'Go')).finalOutput ?? '',
  });
  for (const [use, name] of [
    [sub.asTool({ toolName: 'sub' }), 'sub'],
    [nested, 'nested'],
  ] as const) {
    const outer = new Vendor({
      price,
      usage,
      output: ({ call }) =>
        call % 2 === 1 ? [functionCall(name, { input: 'Go' }, { callId: 'c' })] : [assistantMessage('done')],
    });
    const agent = new Agent({ name: 'Outer', model: outer, tools: [use], modelSettings: settings });
    const ledger = memoryLedger();
    const budgets = createBudgets({ ledger, prices, limits: { run: { usd: 100 }, agents: { Sub: { usd: 1000 } } } });
    const { state } = await run(agent, 'Hello', { budgets });
    const { runId } = RunState.record(state).journal;
    const before = inner.bill;
    expect((await budgets.balance({ run: runId })).settled.nanoUsd).toBe(outer.bill + before);
    expect((await budgets.balance({ agent: 'Sub' })).settled.nanoUsd).toBe(before);
    inner.bill = 0;
  }
});

test('downgrade asks the cheaper model, and the cost is its own', async () => {
  const large = new Vendor({ price });
  const small = new Vendor({ price: mini, origin: MINI });
  const budget = { usd: 0.5, onExceed: 'downgrade' as const, downgradeTo: [small] };
  const plain = await run(agentOf(large), 'Hi', { budget, prices });
  expect([plain.finalOutput, plain.cost.nanoUsd]).toEqual(['done', small.bill]);
  expect(Object.keys(plain.cost.byModel)).toEqual(['acme/mini-1']);
  small.bill = 0;
  const route = createRouter({ models: { only: large } })('only');
  const routed = await run(agentOf(route), 'Hi', { budget, prices });
  expect([routed.cost.nanoUsd, Object.keys(routed.cost.byModel)]).toEqual([small.bill, ['acme/mini-1']]);
  expect(large.requests).toHaveLength(0);
});

test('tell-the-model sets a last call aside, which has no tools to call', async () => {
  const call = functionCall('look', {}, { callId: 'c1' });
  const look = tool({ name: 'look', description: '', parameters: NOTHING, execute: () => 'seen' });
  const vendor = new Vendor({
    price,
    usage,
    output: ({ request }) => (request.modelSettings.toolChoice === 'none' ? [assistantMessage('all I have')] : [call]),
  });
  const agent = new Agent({ name: 'A', model: vendor, tools: [look], modelSettings: settings });
  const budgets = createBudgets({ prices, limits: { tenant: { usd: 20 } }, onExceed: 'tell-the-model' });
  const { finalOutput } = await run(agent, 'Hello', { budgets, maxTurns: null });
  expect(finalOutput).toBe('all I have');
  expect(vendor.requests.length).toBeGreaterThan(3);
  expect(vendor.requests.at(-1)?.systemInstructions).toContain('last answer');
  expect(vendor.bill).toBeLessThanOrEqual(20e9);
  const { settled, held, open } = await budgets.balance({ tenant: true });
  expect([settled.nanoUsd, held.nanoUsd, open]).toEqual([vendor.bill, 0, []]);
});

test('a function decides call by call, also for another model', async () => {
  const large = new Vendor({ price });
  const small = new Vendor({ price: mini, origin: MINI });
  const agents: string[] = [];
  const { finalOutput } = await run(agentOf(large), 'Hi', {
    prices,
    budget: { usd: 0.5, onExceed: ({ agent }) => (agents.push(agent), small) },
  });
  expect([finalOutput, agents, small.requests.length]).toEqual(['done', ['A'], 1]);
  const stop = run(agentOf(large), 'Hi', { prices, budget: { usd: 0.5, onExceed: () => 'stop' } });
  expect(await failureOf(stop)).toBeInstanceOf(BudgetExceededError);
});

test('only what surely cost nothing is given back; the rest counts until it is reconciled', async () => {
  const events: BudgetEvent[] = [];
  const budgets = createBudgets({
    prices,
    limits: { tenant: { usd: 100 }, models: { 'acme/large-1': { usd: 50 } } },
    onEvent: (event) => void events.push(event),
  });
  const fails = (error: object): Promise<unknown> =>
    failureOf(run(agentOf(new Vendor({ price, before: () => Promise.reject(error) })), 'Hi', { budgets }));
  await fails(Object.assign(new Error('busy'), { status: 429 }));
  await fails(
    Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) }),
  );
  expect((await budgets.balance({ tenant: true })).held.nanoUsd).toBe(0);
  await fails(Object.assign(new Error('cut'), { status: 200, responseStarted: true }));
  await fails(
    Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) }),
  );
  const { held, open } = await budgets.balance({ model: 'acme/large-1' });
  expect(open.map(({ state }) => state)).toEqual(['sent', 'sent']);
  expect(held.nanoUsd).toBe(open.reduce((sum, { amount }) => sum + amount.nanoUsd, 0));
  const ids = events.flatMap((event) => (event.type === 'unknown' ? [event.id] : []));
  expect(ids).toHaveLength(2);
  for (const id of ids) expect(await budgets.reconcile(id, { usd: 0.25 })).toBe(true);
  expect(await budgets.reconcile(ids[0] ?? '', { usd: 0.25 })).toBe(false);
  const after = await budgets.balance({ tenant: true });
  expect([after.settled.nanoUsd, after.held.nanoUsd]).toEqual([0.5e9, 0]);
});

test('sessions, tenants and windows have accounts of their own', async () => {
  let now = Date.UTC(2026, 10, 30, 23);
  const vendor = new Vendor({ price, usage });
  const all = createBudgets({ prices, now: () => now, limits: { tenant: { usd: 2, window: 'month' } } });
  const spend = async (tenant: string): Promise<string> =>
    (await failureOf(run(agentOf(vendor), 'Hi', { budgets: all.for(tenant) }))) instanceof Error ? 'refused' : 'made';
  const seen: string[] = [];
  for (let n = 0; n < 8 && seen.at(-1) !== 'refused'; n++) seen.push(await spend('a'));
  expect(seen.at(-1)).toBe('refused');
  expect(await spend('b')).toBe('made');
  now += 3_600_000;
  expect(await spend('a')).toBe('made');
});

test('streams keep the budget too, and one that is left counts with its upper bound', async () => {
  const vendor = new Vendor({ price, usage });
  const budgets = createBudgets({ prices, limits: { tenant: { usd: 100 } } });
  const whole = await new Runner({ budgets }).run(agentOf(vendor), 'Hi', { stream: true });
  for await (const _ of whole) void _;
  expect((await budgets.balance({ tenant: true })).settled.nanoUsd).toBe(vendor.bill);
  const hangs = new Vendor({ price, usage, midStream: () => new Promise(() => undefined) });
  const left = await new Runner({ budgets, abortGraceMs: 0 }).run(agentOf(hangs), 'Hi', { stream: true });
  for await (const event of left) {
    if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta') break;
  }
  await left.completed;
  const { held, open } = await budgets.balance({ tenant: true });
  expect([open.length, held.nanoUsd > 0]).toEqual([1, true]);
});

test('a run stops when it has worked for too long; waiting for people is no work', async () => {
  const slow = new Vendor({ price, before: () => new Promise(() => undefined) });
  const error = await failureOf(run(agentOf(slow), 'Hi', { budget: { activeMs: 1 }, abortGraceMs: 0 }));
  expect(error).toMatchObject({ name: 'BudgetExceededError', details: { reason: 'active_time', limit: 1 } });
  const asks = tool({ name: 'asks', description: '', parameters: NOTHING, needsApproval: true, execute: () => 'x' });
  const vendor = new Vendor({
    price,
    output: ({ call }) => (call === 1 ? [functionCall('asks', {}, { callId: 'c' })] : [assistantMessage('done')]),
  });
  const agent = new Agent({ name: 'A', model: vendor, tools: [asks] });
  const { state, interruptions } = await run(agent, 'Hi', { budget: { activeMs: 60_000 } });
  // It worked for 40 seconds, two hours ago.
  const { events } = RunState.record(state).journal;
  for (const event of events) if (event.at !== undefined) event.at -= 7_200_000;
  const [first] = events;
  if (first?.at !== undefined) first.at -= 40_000;
  for (const each of interruptions) state.approve(each);
  const copy = await RunState.fromString(agent, state.toString());
  expect(await failureOf(run(agent, copy, { budget: { activeMs: 30_000 }, abortGraceMs: 0 }))).toMatchObject({
    details: { reason: 'active_time' },
  });
  expect((await run(agent, state, { budget: { activeMs: 60_000 } })).finalOutput).toBe('done');
});

test('the model of these tests is priced', () => {
  expect(prices.find(ACME)?.price).toEqual(price);
});
