/** Prices from `@pydantic/genai-prices`, an optional package that is loaded on first use. */
import { UserError } from '../../protocol/errors.ts';
import type { FoundPrice, ModelPrice, PricedModel, PriceTier, TokenPrices } from './types.ts';

/** The part of `@pydantic/genai-prices` that is used; pass the module itself where a bundler must see the import. */
export type PriceCatalog = {
  calcPrice(
    usage: { [name: string]: number | undefined },
    model: string,
    options: { providerId?: string; timestamp?: Date },
  ): CatalogEntry | null;
};

type CatalogEntry = {
  model: { id: string; prices: object };
  model_price: { [key: string]: unknown };
  provider: { id: string };
};

const PACKAGE = '@pydantic/genai-prices';

/** @throws UserError where the package is not installed */
export async function loadCatalog(): Promise<PriceCatalog> {
  // A name that bundlers do not follow: whoever wants no prices must not need the package.
  const name: string = PACKAGE;
  try {
    return (await import(name)) as PriceCatalog;
  } catch (cause) {
    const error = new UserError(
      `Prices come from the package ${PACKAGE}, which could not be loaded. Install it (npm install ${PACKAGE}), ` +
        'pass it as createPrices({ catalog }), or give prices of your own: createPrices({ catalog: false, models }).',
    );
    error.cause = cause;
    throw error;
  }
}

/** Provider names of adapters and of the AI SDK that the catalog spells differently. */
const PROVIDERS: { [name: string]: string } = {
  gemini: 'google',
  vertex: 'google',
  xai: 'x-ai',
  'amazon-bedrock': 'aws',
  bedrock: 'aws',
  togetherai: 'together',
  moonshot: 'moonshotai',
};

/** The AI SDK says `google.generative-ai` and `openai.chat`. */
export function catalogProvider(provider: string): string {
  const [name = ''] = provider.toLowerCase().split('.');
  return PROVIDERS[name] ?? name;
}

/** Looks a model up. What does not depend on the time is looked up once. */
export function catalogLookup(catalog: PriceCatalog): (model: PricedModel, at?: Date) => FoundPrice | undefined {
  const known = new Map<string, FoundPrice | null>();
  return ({ provider, model }, at) => {
    const key = `${provider}/${model}`;
    const cached = known.get(key);
    if (cached !== undefined) return cached ?? undefined;
    const { found, fixed } = look(catalog, { providerId: catalogProvider(provider), model, at: at ?? new Date() });
    // Names come from configuration, but a server that echoes names must not fill the memory.
    if (fixed && known.size < 10_000) known.set(key, found ?? null);
    return found;
  };
}

type Looking = { providerId: string; model: string; at: Date };

function look(
  catalog: PriceCatalog,
  { providerId, model, at }: Looking,
): { found: FoundPrice | undefined; fixed: boolean } {
  let entry: CatalogEntry | null;
  try {
    entry = catalog.calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { providerId, timestamp: at });
  } catch {
    // Prices that contradict themselves: not known.
    return { found: undefined, fixed: true };
  }
  const price = entry && priceOf(entry.model_price);
  if (!entry || !price) return { found: undefined, fixed: true };
  const matched = `${entry.provider.id}/${entry.model.id}`;
  const exact = entry.provider.id === providerId && (entry.model.id === model || isSnapshotOf(model, entry.model.id));
  const found: FoundPrice = { id: `genai-prices:${matched}`, price, ...(!exact && { fuzzy: true as const }) };
  // A list of prices: each holds from a date, or at a time of the day.
  return { found, fixed: !Array.isArray(entry.model.prices) };
}

/** Whether a name is that of a model with a date: `gpt-5.4-2026-03-05`, `claude-opus-4-5-20251101`. */
function isSnapshotOf(name: string, model: string): boolean {
  return name.startsWith(model) && /^[-@]\d{4}-?\d{2}-?\d{2}$/.test(name.slice(model.length));
}

const KEYS: { [key: string]: keyof TokenPrices } = {
  input_mtok: 'input',
  output_mtok: 'output',
  cache_read_mtok: 'cachedInput',
  cache_write_mtok: 'cacheWrite',
  cache_write_1h_mtok: 'cacheWrite1h',
  output_reasoning_mtok: 'reasoning',
  input_audio_mtok: 'inputAudio',
  output_audio_mtok: 'outputAudio',
};

/** The catalog's form of a price as ours. `undefined` where it has none for text. */
function priceOf(raw: { [key: string]: unknown }): ModelPrice | undefined {
  const base: Partial<TokenPrices> = {};
  const tiers = new Map<number, Partial<TokenPrices>>();
  for (const [key, name] of Object.entries(KEYS)) {
    const value = raw[key];
    if (typeof value === 'number') base[name] = value;
    if (typeof value !== 'object' || value === null) continue;
    const tiered = value as { base?: unknown; tiers?: unknown };
    if (typeof tiered.base === 'number') base[name] = tiered.base;
    for (const { start, price } of Array.isArray(tiered.tiers)
      ? (tiered.tiers as { start: number; price: number }[])
      : [])
      tiers.set(start, { ...tiers.get(start), [name]: price });
  }
  const { input, output } = base;
  if (input === undefined || output === undefined) return undefined;
  const requests = raw['requests_kcount'];
  const list = [...tiers].map(([above, prices]): PriceTier => ({ above, ...prices }));
  return {
    ...base,
    input,
    output,
    ...(list.length > 0 && { tiers: list }),
    ...(typeof requests === 'number' && { perRequest: requests / 1000 }),
  };
}
