/** What `tell-the-model` sets aside, where several calls of a run are made at once. */
import { expect, test } from 'vitest';
import { Agent } from '../agent/index.ts';
import { createBudgets, createPrices, createRouter, memoryLedger, type BudgetLedger } from '../model/index.ts';
import { Vendor } from '../model/budgets/vendor.fixture.ts';
import { assistantMessage, functionCall } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import { run } from './index.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const price = { input: 1000, output: 1000 };
const prices = createPrices({ catalog: false, models: { 'acme/large-1': price } });
const usage = (): { inputTokens: number; outputTokens: number } => ({ inputTokens: 100, outputTokens: 100 });
const settings = { maxTokens: 1000 };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A ledger that is far away. */
function distant(): BudgetLedger {
  const ledger = memoryLedger();
  return {
    reserve: async (asked) => {
      const granted = await ledger.reserve(asked);
      await pause(20);
      return granted;
    },
    sent: (id) => ledger.sent(id),
    settle: (id, actual) => ledger.settle(id, actual),
    release: (id) => ledger.release(id),
    recover: (of) => ledger.recover(of),
    balance: (account) => ledger.balance(account),
    close: () => ledger.close(),
  };
}
const budgetsOf = (usd: number) =>
  createBudgets({ ledger: distant(), prices, limits: { tenant: { usd } }, onExceed: 'tell-the-model' });

test('a hedged call and its hedge set one last call aside, and nothing of it is left behind', async () => {
  const one = new Vendor({ price, usage, before: () => pause(100) });
  const two = new Vendor({ price, usage });
  const route = createRouter({ models: { main: { targets: [one, two], hedge: { after: 1, maxShare: 1 } } }, prices });
  const agent = new Agent({ name: 'A', model: route('main'), modelSettings: settings });
  const budgets = budgetsOf(100);
  expect((await run(agent, 'Hello', { budgets })).finalOutput).toBe('done');
  await expect
    .poll(async () => (await budgets.balance({ tenant: true })).open.filter(({ state }) => state === 'reserved'))
    .toEqual([]);
  expect((await budgets.balance({ tenant: true })).open.filter(({ effect }) => effect.endsWith('last-words'))).toEqual(
    [],
  );
});

test('agents that work side by side set one last call aside between them', async () => {
  const call = functionCall('look', {}, { callId: 'c1' });
  const look = tool({ name: 'look', description: '', parameters: NOTHING, execute: () => 'seen' });
  const small = new Vendor({ price, usage });
  const asTool = (name: string) =>
    new Agent({ name, model: small, modelSettings: settings, tools: [look] }).asTool({
      toolName: name,
      toolDescription: name,
    });
  const vendor = new Vendor({
    price,
    usage,
    output: ({ call: n }) =>
      n === 1
        ? ['b', 'c', 'd'].map((name) => functionCall(name, { input: 'x' }, { callId: `call_${name}` }))
        : n === 2
          ? [call]
          : [assistantMessage('done')],
  });
  const agent = new Agent({ name: 'A', model: vendor, modelSettings: settings, tools: [...'bcd'].map(asTool) });
  const budgets = budgetsOf(1000);
  const tools = [...agent.tools, look];
  expect((await run(agent.clone({ tools }), 'Hello', { budgets })).finalOutput).toBe('done');
  const { held, open } = await budgets.balance({ tenant: true });
  expect([held.nanoUsd, open]).toEqual([0, []]);
});
