/**
 * Random schedules of calls, failures and crashes. The vendor's bill is the oracle: it never exceeds a cap, never exceeds
 * what the books say, and a refusal tells the truth.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Model, ModelRequest, Origin } from '../../protocol/model.ts';
import { callModel } from '../retry.ts';
import { createPrices } from '../prices/index.ts';
import { BudgetExceededError, createBudgets, memoryLedger } from './index.ts';
import type { BudgetLedger } from './index.ts';
import { ACME, Vendor } from './vendor.fixture.ts';

const MINI: Origin = { provider: 'acme', api: 'acme', model: 'mini-1' };
const MODELS = {
  large: {
    origin: ACME,
    price: { input: 50, output: 400, reasoning: 300, tiers: [{ above: 300, input: 90, output: 500 }] },
  },
  mini: { origin: MINI, price: { input: 3, output: 20, cachedInput: 1, perRequest: 0.001 } },
} as const;
const prices = createPrices({
  catalog: false,
  models: { 'acme/large-1': MODELS.large.price, 'acme/mini-1': MODELS.mini.price },
});

/** Where a process dies. */
const POINTS = [
  'before reserve',
  'after reserve',
  'before sent',
  'after sent',
  'unbilled',
  'billed',
  'before settle',
  'after settle',
] as const;
type Point = (typeof POINTS)[number];
type Plan = {
  agent: string;
  session: string;
  model: keyof typeof MODELS;
  size: number;
  maxTokens: number | undefined;
  /** The part of the allowed output that is used, and how the call ends. */
  used: number;
  end: 'ok' | 'status' | 'unmade' | 'cut';
  dies: Point | undefined;
};

const plan: fc.Arbitrary<Plan> = fc.record({
  agent: fc.constantFrom('a', 'b'),
  session: fc.constantFrom('s', 't'),
  model: fc.constantFrom('large', 'mini'),
  size: fc.integer({ min: 0, max: 900 }),
  maxTokens: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
  used: fc.constantFrom(0, 0.3, 1),
  end: fc.constantFrom('ok', 'ok', 'ok', 'status', 'unmade', 'cut'),
  dies: fc.option(fc.constantFrom(...POINTS), { nil: undefined, freq: 3 }),
});

const never = <T>(): Promise<T> => new Promise(() => undefined);

/** The end of a process: what it was about to do is not done, and nobody waits for it any more. */
class Process {
  readonly died: Promise<'died'>;
  readonly point: Point | undefined;
  #die: (word: 'died') => void = () => undefined;

  constructor(point: Point | undefined) {
    this.point = point;
    this.died = new Promise((resolve) => (this.#die = resolve));
  }

  at(point: Point): Promise<void> | undefined {
    if (point !== this.point) return undefined;
    this.#die('died');
    return never();
  }

  ledger(inner: BudgetLedger, pause: () => Promise<void>): BudgetLedger {
    const settle = async <T>(act: () => Promise<T>): Promise<T> => {
      await pause();
      await this.at('before settle');
      const answer = await act();
      await this.at('after settle');
      return answer;
    };
    return {
      ...inner,
      reserve: async (reservation) => {
        await pause();
        await this.at('before reserve');
        const grant = await inner.reserve(reservation);
        await this.at('after reserve');
        return grant;
      },
      sent: async (id) => {
        await pause();
        await this.at('before sent');
        await inner.sent(id);
        await this.at('after sent');
      },
      settle: (id, actual) => settle(() => inner.settle(id, actual)),
      release: (id) => settle(() => inner.release(id)),
      recover: (of) => inner.recover(of),
      balance: (account) => inner.balance(account),
      close: () => inner.close(),
    };
  }
}

const STATUS = Object.assign(new Error('busy'), { status: 503 });
const UNMADE = Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } });
const CUT = new Error('the connection was cut');

test('the bill never exceeds a cap, nor the books; refusals are true; what a crash left can be told', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(plan, { minLength: 1, maxLength: 12 }),
      fc.record({ run: fc.integer({ min: 1, max: 3000 }), tenant: fc.integer({ min: 1, max: 5000 }) }),
      fc.scheduler(),
      async (plans, caps, scheduler) => {
        const pause = (): Promise<void> => scheduler.schedule(Promise.resolve());
        const limits = {
          run: { usd: caps.run / 1000, tokens: 20_000 },
          tenant: { usd: caps.tenant / 1000 },
          agents: { a: { usd: caps.tenant / 2000 } },
          models: { 'acme/large-1': { usd: caps.tenant / 3000 } },
        };
        const shared = memoryLedger();
        const bills = new Map<string, number>();
        const tokens = new Map<string, number>();
        const refusals: BudgetExceededError[] = [];

        const call = async (each: Plan, at: number, epoch: number): Promise<void> => {
          const living = new Process(epoch === 1 ? each.dies : undefined);
          const runId = `r${at % 3}`;
          const vendor = new Vendor({
            ...MODELS[each.model],
            usage: ({ request }) => ({
              inputTokens: Buffer.byteLength(JSON.stringify(request.input)),
              outputTokens: Math.floor((request.modelSettings.maxTokens ?? 100_000) * each.used),
            }),
            before: async () => {
              await pause();
              await living.at('unbilled');
              if (each.end === 'status') throw STATUS;
              if (each.end === 'unmade') throw UNMADE;
            },
            after: async () => {
              for (const account of [
                `run:${runId}`,
                'tenant',
                `agent:${each.agent}`,
                `model:acme/${vendor.origin.model}`,
              ]) {
                bills.set(account, (bills.get(account) ?? 0) + vendor.bill);
                tokens.set(account, (tokens.get(account) ?? 0) + vendor.tokens);
              }
              await pause();
              await living.at('billed');
              if (each.end === 'cut') throw CUT;
            },
          });
          const budgets = createBudgets({
            ledger: living.ledger(shared, pause),
            prices,
            limits,
            maxOutputTokens: 2000,
          });
          const budget = await budgets.open({ runId, sessionId: each.session });
          const request: ModelRequest = {
            input: 'x'.repeat(each.size),
            modelSettings: each.maxTokens === undefined ? {} : { maxTokens: each.maxTokens },
            tools: [],
            outputType: 'text',
            handoffs: [],
            tracing: false,
          };
          const caller = { effect: `${runId}/m${at}`, epoch, agent: each.agent, find: (): Promise<Model> => never() };
          const asked = budget
            .ask(caller, { model: vendor, request }, (model, sent) => callModel(model, sent))
            .then(
              () => undefined,
              (error: unknown) => {
                if (error instanceof BudgetExceededError) refusals.push(error);
                else if (![STATUS, UNMADE, CUT].includes(error as Error)) throw error;
              },
            );
          if ((await Promise.race([asked, living.died])) === 'died') await call(each, at, epoch + 1);
        };
        const all = Promise.all(plans.map((each, at) => call(each, at, 1)));
        await scheduler.waitFor(all);

        const accounts: [string, number][] = [
          ['tenant', limits.tenant.usd],
          ['agent:a', limits.agents.a.usd],
          ['model:acme/large-1', limits.models['acme/large-1'].usd],
          ...['r0', 'r1', 'r2'].map((id): [string, number] => [`run:${id}`, limits.run.usd]),
        ];
        for (const [account, cap] of accounts) {
          const { settled, held, open } = await shared.balance({ tenant: 'default', budget: account });
          const bill = bills.get(account) ?? 0;
          expect(bill).toBeLessThanOrEqual(cap * 1e9 + 1e-3);
          expect(bill).toBeLessThanOrEqual(settled.nanoUsd + held.nanoUsd);
          expect(settled.nanoUsd + held.nanoUsd).toBeLessThanOrEqual(cap * 1e9 + 1e-3);
          expect(tokens.get(account) ?? 0).toBeLessThanOrEqual(settled.tokens + held.tokens);
          if (account.startsWith('run:')) expect(tokens.get(account) ?? 0).toBeLessThanOrEqual(20_000);
          // Nothing that was surely not sent stays counted.
          expect(open.filter(({ state }) => state === 'reserved')).toEqual([]);
        }
        for (const { details } of refusals) {
          const { settled = 0, held = 0, asked = 0, limit = 0 } = details;
          expect(settled + held + asked).toBeGreaterThan(limit);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('at every point between reserve and settle a crash leaves books that cover the bill, and the repeat is paid anew', async () => {
  const price = { input: 1000, output: 1000 };
  const known = createPrices({ catalog: false, models: { 'acme/large-1': price } });
  const seen: { [point: string]: [number, number, number] } = {};
  for (const point of POINTS) {
    const shared = memoryLedger();
    const vendor = new Vendor({ price, usage: () => ({ inputTokens: 10, outputTokens: 10 }) });
    const living = new Process(point);
    const request: ModelRequest = {
      input: 'Hi',
      modelSettings: { maxTokens: 100 },
      tools: [],
      outputType: 'text',
      handoffs: [],
      tracing: false,
    };
    const ask = async (process: Process, epoch: number): Promise<unknown> => {
      const ledger = process.ledger(shared, () => Promise.resolve());
      const budget = await createBudgets({ ledger, prices: known, limits: { run: { usd: 1 } } }).open({ runId: 'r' });
      const caller = { effect: 'r/m1', epoch, agent: 'A', find: (): Promise<Model> => never() };
      const model: Model = {
        origin: ACME,
        getResponse: async (sent) => {
          await process.at('unbilled');
          const response = await vendor.getResponse(sent);
          await process.at('billed');
          return response;
        },
        getStreamedResponse: (sent) => vendor.getStreamedResponse(sent),
      };
      return budget.ask(caller, { model, request }, (to, sent) => callModel(to, sent));
    };
    expect(await Promise.race([ask(living, 1), living.died])).toBe('died');
    await ask(new Process(undefined), 2);
    const { settled, held, open } = await shared.balance({ tenant: 'default', budget: 'run:r' });
    expect(vendor.bill).toBeLessThanOrEqual(settled.nanoUsd + held.nanoUsd);
    seen[point] = [vendor.bill / 1e6, settled.nanoUsd / 1e6, open.length];
  }
  // Milli-dollars billed and settled, and entries whose end is not known.
  expect(seen).toEqual({
    'before reserve': [20, 20, 0],
    'after reserve': [20, 20, 0],
    'before sent': [20, 20, 0],
    'after sent': [20, 20, 1],
    unbilled: [20, 20, 1],
    billed: [40, 20, 1],
    'before settle': [40, 20, 1],
    'after settle': [40, 40, 0],
  });
});
