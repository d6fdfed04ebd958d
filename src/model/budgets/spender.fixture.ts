/** A process that spends: calls a vendor over HTTP within a budget that it shares with others. */
import { fileURLToPath } from 'node:url';
import type { Model, ModelRequest } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { createPrices } from '../prices/index.ts';
import { callModel } from '../retry.ts';
import { BudgetExceededError, createBudgets, sqliteLedger } from './index.ts';

export type Job = { path: string; url: string; name: string; calls: number; usd: number };
export type Report = { made: number; refused: number };
export const PRICE = { input: 1000, output: 1000 };
export const ORIGIN = { provider: 'acme', api: 'acme', model: 'large-1' };

async function spend({ path, url, name, calls, usd }: Job): Promise<Report> {
  const prices = createPrices({ catalog: false, models: { 'acme/large-1': PRICE } });
  const ledger = sqliteLedger({ path, synchronous: 'normal' });
  const budget = createBudgets({ ledger, prices, limits: { tenant: { usd } } }).open({ runId: name });
  const vendor: Model = {
    origin: ORIGIN,
    async getResponse({ modelSettings }) {
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(modelSettings) });
      // What the server of processes.test.ts answers.
      const used = (await response.json()) as { inputTokens: number; outputTokens: number; totalTokens: number };
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
    const find = (): Model => vendor;
    const caller = { effect: `${name}/m${n}`, epoch: 1, agent: 'A', find: async () => find() };
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
  // The word of processes.test.ts.
  const job = JSON.parse(process.argv[2] ?? '{}') as Job;
  console.log(JSON.stringify(await spend(job)));
}
