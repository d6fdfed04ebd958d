/**
 * A cheap model for triage and guardrails, a strong one for writing, a second one where the first fails, and what it
 * all cost. Run it: `npx node examples/router/main.ts`
 *
 * The models are scripted, so that it needs no key; with keys, name yours: `providers: { openai: new OpenAIProvider() }`.
 */
import { Agent, createPrices, createRouter, type Model, ModelError, run, Usage } from '@baton/agents';
import {
  assistantMessage,
  functionCall,
  modelError,
  modelResponse,
  ScriptedModel,
  type ScriptedModelStep,
} from '@baton/agents/testing';

const used = new Usage({ inputTokens: 1000, outputTokens: 200, totalTokens: 1200 });
/** A model that answers step by step. Prices go by its origin. */
const scripted = (provider: string, model: string, steps: ScriptedModelStep[]): Model =>
  Object.assign(new ScriptedModel(steps), { origin: { provider, api: 'script', model } });
const says = (text: string) => modelResponse({ output: [assistantMessage(text)], usage: used });
const handsOver = modelResponse({
  output: [functionCall('transfer_to_Writer', {}, { callId: 'call_1' })],
  usage: used,
});
const busy = modelError(new ModelError('Overloaded.', { kind: 'overloaded', retryable: true, status: 529 }));

const mini = scripted('openai', 'gpt-5.4-mini', [says('fine'), handsOver]);
const opus = scripted('anthropic', 'claude-opus-4-7', [busy]);
const large = scripted('openai', 'gpt-5.4', [says('Bees dance to point at flowers.')]);

const models = createRouter({
  models: { cheap: mini, quality: [opus, large] },
  retry: { maxAttempts: 1 },
  prices: createPrices(),
  onEvent: (event) => {
    if (event.type === 'fallback') console.log(`${event.from} was ${event.because}, asking ${event.to}`);
  },
});

const checker = new Agent({ name: 'Checker', instructions: 'Say "fine" or "bad".', model: models('cheap') });
const writer = new Agent({ name: 'Writer', instructions: 'Write one sentence.', model: models('quality') });
const triage = new Agent({
  name: 'Triage',
  instructions: 'Hand over to the writer.',
  model: models('cheap'),
  handoffs: [writer],
  inputGuardrails: [
    {
      name: 'Is it fine',
      runInParallel: false,
      execute: async ({ input }) => ({ tripwireTriggered: (await run(checker, input)).finalOutput !== 'fine' }),
    },
  ],
});

const result = await run(triage, 'Write about bees.');
console.log(result.finalOutput);
const { byAgent, byModel, usd, attempts, unpriced } = result.cost;
for (const [agent, cost] of Object.entries(byAgent))
  console.log(`${agent.padEnd(10)} attempts: ${cost.attempts}, $${cost.usd?.toFixed(5)}`);
for (const [model, cost] of Object.entries(byModel)) console.log(`${model.padEnd(28)} $${cost.usd?.toFixed(5)}`);
console.log(`in all ${attempts} attempts, $${usd?.toFixed(5)}, ${unpriced} without a price`);
