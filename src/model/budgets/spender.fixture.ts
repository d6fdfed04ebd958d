/** A process that spends: calls a vendor over HTTP within a budget that it shares with others. */
import { fileURLToPath } from 'node:url';
import type { Model, ModelRequest } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { createPrices } from '../prices/index.ts';
import { callModel } from '../retry.ts';
import { BudgetExceededError, createBudgets, postgresLedger, redisLedger, sqliteLedger } from './index.ts';
import type { BudgetLedger } from './index.ts';

/** Where a process may die. */
export const POINTS = [
  'before reserve',
  'after reserve',
  'before sent',
  'after sent',
  'unbilled',
  'billed',
  'before settle',
  'after settle',
] as const;
export type Point = (typeof POINTS)[number];

/** A store, and a tenant in it that nobody else uses. */
export type Shared = { kind: 'sqlite' | 'postgres' | 'redis'; at: string; tenant: string };
export type Job = {
  shared: Shared;
  url: string;
  name: string;
  calls: number;
  usd: number;
  epoch?: number;
  diesAt?: Point;
};
export type Report = { made: number; refused: number };
export const PRICE = { input: 1000, output: 1000 };
export const ORIGIN = { provider: 'acme', api: 'acme', model: 'large-1' };

export function ledgerOf({ kind, at }: Shared): BudgetLedger {
  switch (kind) {
    case 'sqlite':
      return sqliteLedger({ path: at, synchronous: 'normal' });
    case 'postgres':
      return postgresLedger({ connectionString: at, maxConnections: 3 });
    case 'redis':
      return redisLedger({ url: at });
  }
}

/** A ledger of a process that is killed at a point. */
function dying(ledger: BudgetLedger, at: (point: Point) => void): BudgetLedger {
  const around = async <T>(before: Point, after: Point, act: () => Promise<T>): Promise<T> => {
    at(before);
    const answer = await act();
    at(after);
    return answer;
  };
  return {
    reserve: (asked) => around('before reserve', 'after reserve', () => ledger.reserve(asked)),
    sent: (id) => around('before sent', 'after sent', () => ledger.sent(id)),
    settle: (id, actual) => around('before settle', 'after settle', () => ledger.settle(id, actual)),
    release: (id) => ledger.release(id),
    recover: (of) => ledger.recover(of),
    balance: (account) => ledger.balance(account),
    close: () => ledger.close(),
  };
}

async function spend({ shared, url, name, calls, usd, epoch = 1, diesAt }: Job): Promise<Report> {
  const prices = createPrices({ catalog: false, models: { 'acme/large-1': PRICE } });
  const die = (point: Point): void => {
    if (point === diesAt) process.kill(process.pid, 'SIGKILL');
  };
  const ledger = dying(ledgerOf(shared), die);
  const { tenant } = shared;
  const budget = await createBudgets({ ledger, tenant, prices, limits: { tenant: { usd } } }).open({ runId: name });
  const vendor: Model = {
    origin: ORIGIN,
    async getResponse({ modelSettings }) {
      die('unbilled');
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(modelSettings) });
      // What the server of processes.fixture.ts answers.
      const used = (await response.json()) as { inputTokens: number; outputTokens: number; totalTokens: number };
      die('billed');
      return { usage: new Usage({ requests: 1, ...used }), output: [] };
    },
    async *getStreamedResponse() {
      // Never asked for.
    },
  };
  const request: ModelRequest = {
    input: 'Hi',
    modelSettings: { maxTokens: 100 },
    tools: [],
    outputType: 'text',
    handoffs: [],
    tracing: false,
  };
  const report = { made: 0, refused: 0 };
  const call = async (n: number): Promise<void> => {
    const caller = { effect: `${name}/m${n}`, epoch, agent: 'A', find: async () => vendor };
    try {
      await budget.ask(caller, { model: vendor, request }, (model, sent) => callModel(model, sent));
      report.made += 1;
    } catch (error) {
      if (!(error instanceof BudgetExceededError)) throw error;
      report.refused += 1;
    }
  };
  await Promise.all(Array.from({ length: calls }, (_, n) => call(n)));
  await ledger.close();
  return report;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // The word of processes.fixture.ts.
  const job = JSON.parse(process.env['BATON_JOB'] ?? '{}') as Job;
  console.log(JSON.stringify(await spend(job)));
}
