/** What the makers of models and prices say to what cannot be meant. Routers and budgets: beside them. */
import { expect, test } from 'vitest';
import { Agent } from '../agent/index.ts';
import { UserError } from '../protocol/errors.ts';
import { fromAiSdk } from '../providers/ai-sdk/index.ts';
import { setDefaultModel } from '../run/defaults.ts';
import { Runner } from '../run/index.ts';
import { ScriptedModel } from '../testing/index.ts';
import { createModelRegistry, createPrices, createRouter } from './index.ts';

test.each<[string, () => unknown, string]>([
  ['prices under another name', () => createPrices({ model: {} } as never), 'Did you mean "models"?'],
  [
    'a price that is none',
    () => createPrices({ models: { 'a/b': { input: 1, output: 2, cached: 1 } as never } }),
    'The price of a/b got an unknown option "cached"',
  ],
  [
    'a tier without its limit',
    () => createPrices({ models: { 'a/b': { input: 1, output: 2, tiers: [{ over: 5, input: 2 } as never] } } }),
    'does not say above how many tokens',
  ],
  [
    'a provider that is not there',
    () => createModelRegistry({ a: undefined as never }),
    'The provider "a" is undefined',
  ],
  ['a URL as a provider', () => createModelRegistry({ a: 'http://x' as never }), 'The provider "a" is "http://x"'],
  ['no model of the AI SDK', () => fromAiSdk(undefined as never), 'fromAiSdk got undefined'],
  ['a name for the AI SDK', () => fromAiSdk('gemini' as never), 'fromAiSdk got "gemini"'],
  ['a number as the default model', () => setDefaultModel(5 as never), 'setDefaultModel got 5'],
  ['null as the default model', () => setDefaultModel(null as never), 'setDefaultModel got null'],
  [
    'no cache in a router',
    () => createRouter({ models: {}, cache: {} as never }),
    'Make it with createResponseCache()',
  ],
  ['no board in a router', () => createRouter({ models: {}, healthBoard: {} as never }), 'memoryHealthBoard()'],
  ['no prices in a router', () => createRouter({ models: {}, prices: {} as never }), 'createPrices()'],
  ['a router without options', () => createRouter(undefined as never), 'createRouter got no models'],
])('%s is an error that says what to do', (_what, make, says) => {
  expect(make).toThrow(UserError);
  expect(make).toThrow(says);
});

test('a provider that gives no model is named', async () => {
  const registry = createModelRegistry({ acme: () => undefined as never });
  await expect(registry.getModel('acme/large')).rejects.toThrow('The provider "acme" gave no model for "large"');
});

test('a router may be a provider of a registry', async () => {
  const router = createRouter({ models: { main: 'acme/x' }, providers: { acme: () => ({}) as never } });
  const registry = createModelRegistry({ routes: router });
  expect(await registry.getModel('routes/main')).toMatchObject({ ownsRetry: true });
});

test.each([
  [{ budgets: { limits: { tenant: { usd: 1 } } } }, 'createBudgets({ limits'],
  [{ prices: { 'acme/large-1': { input: 1, output: 1 } } }, 'createPrices({ models'],
  [{ modelProvider: 'openai' }, 'new OpenAIProvider()'],
  [{ budget: 0 }, 'Give an object, such as { usd: 0.5 }'],
  [{ budget: null }, 'Give an object, such as { usd: 0.5 }'],
])('a runner and a run with %j say how to make it', async (options, says) => {
  const agent = new Agent({ name: 'A', model: new ScriptedModel([]) });
  const config = 'budget' in options ? {} : options;
  const failing = (async () => new Runner(config as never).run(agent, 'Hi', options as never))();
  await expect(failing).rejects.toThrow(UserError);
  await expect(failing).rejects.toThrow(says);
});
