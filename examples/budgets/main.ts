/**
 * A budget that stops a run, the same run with more, one that lets the model say a last word, and one that goes on with a
 * cheaper model. Run it: `npx node examples/budgets/main.ts`
 *
 * The models are scripted, so that it needs no key. With keys, leave `prices` out: they come from the catalog.
 */
import { Agent, BudgetExceededError, createPrices, type Model, run, tool, Usage } from '@baton/agents';
import {
  assistantMessage,
  functionCall,
  modelResponse,
  ScriptedModel,
  type ScriptedModelStep,
} from '@baton/agents/testing';

const prices = createPrices({
  catalog: false,
  models: { 'acme/large': { input: 2, output: 10 }, 'acme/mini': { input: 0.1, output: 0.5 } },
});
const usage = new Usage({ inputTokens: 500, outputTokens: 500, totalTokens: 1000 });
const call = modelResponse({ output: [functionCall('search', {}, { callId: 'call_1' })], usage });
const says = (text: string) => modelResponse({ output: [assistantMessage(text)], usage });
/** A model that answers step by step. Prices go by its origin. */
const model = (name: string, ...steps: ScriptedModelStep[]): Model =>
  Object.assign(new ScriptedModel(steps), { origin: { provider: 'acme', api: 'script', model: name } });

const search = tool({
  name: 'search',
  description: 'Finds a source.',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  execute: () => 'A source.',
});
const agentOf = (asked: Model) =>
  new Agent({ name: 'Researcher', model: asked, tools: [search], modelSettings: { maxTokens: 1500 } });

// A call may come to $0.015 for its answer and some more for its input: it is reserved first.
const agent = agentOf(model('large', call, says('Three sources.')));
try {
  await run(agent, 'Find sources.', { prices, budget: { usd: 0.018 } });
} catch (error) {
  if (!(error instanceof BudgetExceededError) || !error.state) throw error;
  const { settled = 0, limit = 0 } = error.details;
  console.log(`Stopped: ${error.code}, $${settled.toFixed(4)} of $${limit.toFixed(4)} spent`);
  const { finalOutput } = await run(agent, error.state, { prices, budget: { usd: 0.1 } });
  console.log('With more:', finalOutput);
}

// The model is told that this is its last answer; money for it is set aside before every call.
const told = agentOf(model('large', call, says('What I have: one source.')));
const last = await run(told, 'Find sources.', { prices, budget: { usd: 0.056, onExceed: 'tell-the-model' } });
console.log(`Told: ${last.finalOutput}`);

// What does not fit goes to a cheaper model, if that fits.
const mini = model('mini', says("Mini's answer."));
const cheaper = await run(agentOf(model('large')), 'Find sources.', {
  prices,
  budget: { usd: 0.002, onExceed: 'downgrade', downgradeTo: [mini] },
});
console.log(`Cheaper: ${cheaper.finalOutput}`);
