/** Prices of models: what the provider reports, before your own, before the catalog's. */
import { UserError } from '../../protocol/errors.ts';
import { catalogLookup, catalogProvider, loadCatalog, type PriceCatalog } from './catalog.ts';
import { costOfUsage, nanoOf } from './compute.ts';
import { checkKeys } from '../strings/index.ts';
import { reportedCost } from './reported.ts';
import type { CallCost, FoundPrice, ModelPrice, PricedCall, PricedModel, Prices } from './types.ts';

export type PricesOptions = {
  /** Your own prices, by `provider/model`, such as `openai/gpt-5.4-mini`. They beat the catalog's. @default {} */
  models?: { readonly [model: string]: ModelPrice };
  /**
   * Where other prices come from: the package `@pydantic/genai-prices`, loaded on first use; that module itself; or
   * `false` for nowhere. @default 'genai-prices'
   */
  catalog?: 'genai-prices' | PriceCatalog | false;
};

/**
 * Makes a list of prices. A call that has no price here has no cost: `undefined`, never 0.
 *
 * @example
 * ```ts
 * import { Agent, createPrices, run } from '@baton/agents';
 *
 * const prices = createPrices({ models: { 'acme/large-1': { input: 2, output: 8, cachedInput: 0.2 } } });
 * const result = await run(new Agent({ name: 'Guide' }), 'Hello', { prices });
 * console.log(result.cost.usd, result.cost.unpriced);
 * ```
 * @throws UserError for a price that is not a number of dollars
 */
export function createPrices(options: PricesOptions = {}): Prices {
  checkKeys('createPrices', options, ['models', 'catalog']);
  const { models = {}, catalog = 'genai-prices' } = options;
  for (const [name, price] of Object.entries(models)) check(name, price);
  let loading: Promise<void> | undefined;
  let lookup: ((model: PricedModel, at?: Date) => FoundPrice | undefined) | undefined;
  const hasOwn = Object.keys(models).length > 0;
  const loaded = Promise.resolve();
  if (typeof catalog === 'object') lookup = catalogLookup(catalog);

  const find = (model: PricedModel, at?: Date): FoundPrice | undefined => {
    if (!hasOwn) return lookup?.(model, at);
    const own = ownName(models, model);
    const price = own === undefined ? undefined : models[own];
    return price ? { id: `own:${own}`, price } : lookup?.(model, at);
  };
  return {
    load() {
      if (lookup || catalog === false) return loaded;
      return (loading ??= loadCatalog().then(
        (module) => void (lookup = catalogLookup(module)),
        (error: unknown) => {
          loading = undefined;
          throw error;
        },
      ));
    },
    find,
    costOf({ origin, usage, response, headers }: PricedCall): CallCost | undefined {
      const usd = response && reportedCost(response, headers);
      const reported = usd === undefined ? undefined : nanoOf(usd);
      if (reported !== undefined) return { nanoUsd: reported, price: { id: `reported:${origin?.provider ?? ''}` } };
      const found = origin && usage && find(origin);
      const nanoUsd = found && costOfUsage(usage, found.price);
      if (!found || nanoUsd === undefined) return undefined;
      return { nanoUsd, price: { id: found.id, ...(found.fuzzy && { fuzzy: true as const }) } };
    },
  };
}

/** By the name that adapters use, else by the short one: `google` for the AI SDK's `google.generative-ai`. */
function ownName(models: object, { provider, model }: PricedModel): string | undefined {
  const name = `${provider}/${model}`;
  if (Object.hasOwn(models, name)) return name;
  const short = `${catalogProvider(provider)}/${model}`;
  return Object.hasOwn(models, short) ? short : undefined;
}

const TOKENS = [
  'input',
  'output',
  'cachedInput',
  'cacheWrite',
  'cacheWrite1h',
  'reasoning',
  'inputAudio',
  'outputAudio',
];
const PRICE = [...TOKENS, 'perRequest'];
const TIER = [...TOKENS, 'above'];

function check(name: string, { tiers = [], ...price }: ModelPrice): void {
  if (!name.includes('/')) {
    throw new UserError(
      `createPrices got a price for ${JSON.stringify(name)}. Name it with its provider: openai/${name}.`,
    );
  }
  if (price.input === undefined || price.output === undefined) {
    throw new UserError(`The price of ${name} lacks input or output. Give both, in dollars for a million tokens.`);
  }
  if (tiers.some(({ above }) => above === undefined)) {
    throw new UserError(`A tier of the price of ${name} does not say above how many tokens it holds. Give it above.`);
  }
  for (const part of [price, ...tiers]) {
    checkKeys(`The price of ${name}`, part, part === price ? PRICE : TIER);
    for (const [key, value] of Object.entries(part)) {
      if (value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0)) continue;
      throw new UserError(`The price of ${name} has ${key}: ${String(value)}. Give a number of dollars, 0 or more.`);
    }
  }
}
