/** What the makers of models and prices say to what cannot be meant. Routers and budgets: beside them. */
import { expect, test } from 'vitest';
import { UserError } from '../protocol/errors.ts';
import { fromAiSdk } from '../providers/ai-sdk/index.ts';
import { setDefaultModel } from '../run/defaults.ts';
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
  ['a router without options', () => createRouter(undefined as never), 'createRouter got no models'],
])('%s is an error that says what to do', (_what, make, says) => {
  expect(make).toThrow(UserError);
  expect(make).toThrow(says);
});
