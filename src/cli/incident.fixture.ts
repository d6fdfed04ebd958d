/**
 * A module as `baton resume` takes it: a desk whose model is not there for one customer while a file says so. Started
 * by itself, it serves five customers, or one whose refund is cut off, or one whose refund waits for a person.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Agent, createPrices, run, RunStore, setDefaultPrices, sqliteLog, tool, Usage } from '../index.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';

const folder = process.env['INCIDENT_FOLDER'] ?? '';
const serve = process.env['INCIDENT_SERVE'];
setDefaultPrices(createPrices({ catalog: false, models: { 'acme/large': { input: 1000, output: 1000 } } }));

const refund = tool({
  name: 'refund',
  description: 'Pays an order back.',
  parameters: z.object({ order: z.string() }),
  effect: 'once',
  needsApproval: async (_context, { order }) => order === '7',
  execute: async ({ order }) => {
    appendFileSync(join(folder, 'paid.txt'), `${order}\n`);
    if (serve === 'killed') process.kill(process.pid, 'SIGKILL');
    return 'refunded';
  },
});
const usage = new Usage({ inputTokens: 900, outputTokens: 100, totalTokens: 1000 });
const reply = modelResponder(({ request: { input } }) => {
  const said = JSON.stringify(input);
  const [, order = ''] = /Order (\d)/.exec(said) ?? [];
  const isPaid = said.includes('function_call_result');
  if (isPaid && order === '3' && existsSync(join(folder, 'down')))
    throw Object.assign(new Error('503 acme is over capacity'), { status: 503 });
  const output = isPaid ? [assistantMessage('Done.')] : [functionCall('refund', { order }, { callId: 'c1' })];
  return { usage, output };
});
const model = new ScriptedModel(Array.from({ length: 20 }, () => reply));
const agent = new Agent({
  name: 'Desk',
  model: Object.assign(model, { origin: { provider: 'acme', api: 'openai-chat', model: 'large' } as const }),
  tools: [refund],
});
const log = sqliteLog({ path: join(folder, 'runs.db'), synchronous: 'normal' });
// One process at a time: it takes back at once what the one before had.
export const store = new RunStore({ log, agents: [agent as never], worker: 'desk' });

const customers = { five: [1, 2, 3, 4, 5], killed: [6], asks: [7] };
if (serve === 'five' || serve === 'killed' || serve === 'asks') {
  for (const n of customers[serve]) {
    const durable = { store, ...(serve !== 'five' && { runId: serve }) };
    await run(agent, `Order ${n} is broken.`, { durable }).catch(() => undefined);
  }
  await store.close();
}
