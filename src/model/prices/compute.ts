/**
 * From tokens and prices to money.
 *
 * Invariants: C1 the sum is exact, and rounded once, half up, to a nano-dollar. C2 what is not known gives `undefined`.
 * C3 tiers are chosen request by request: a reply that took several requests is the sum of what each cost.
 */
import type { UsageData } from '../../protocol/model.ts';
import type { ModelPrice, TokenPrices } from './types.ts';

/**
 * Prices are taken as integers of 10^-9 dollars for a million tokens, products are 10^-15 dollars: up to nine places
 * behind the point of a price count. A long context times a high price leaves the safe integers: then bigints.
 */
const PRICE_SCALE = 1e9;
const FEMTO_PER_NANO = 1_000_000n;

type Tokens = {
  input: number;
  output: number;
  cached: number;
  write: number;
  write1h: number;
  reasoning: number;
  inputAudio: number;
  outputAudio: number;
};

/** What a usage costs, in nano-dollars. `undefined` where the usage tells nothing, or contradicts itself. */
export function costOfUsage(usage: UsageData, price: ModelPrice): number | undefined {
  const requests = requestsOf(usage);
  const [only] = requests;
  if (only && requests.length === 1) {
    const cost = costOfRequest(only, price);
    return cost === undefined ? undefined : rounded(cost);
  }
  let femto = 0n;
  for (const tokens of requests) {
    const cost = costOfRequest(tokens, price);
    if (cost === undefined) return undefined;
    femto += BigInt(cost);
  }
  return rounded(femto);
}

/** Half up. */
function rounded(femto: number | bigint): number {
  if (typeof femto === 'number') return (femto - (femto % 1e6)) / 1e6 + (femto % 1e6 >= 5e5 ? 1 : 0);
  return Number((femto + FEMTO_PER_NANO / 2n) / FEMTO_PER_NANO);
}

/** Dollars as nano-dollars; `undefined` for what is no amount. */
export function nanoOf(usd: number): number | undefined {
  const nano = Math.round(usd * 1e9);
  return Number.isSafeInteger(nano) && nano >= 0 ? nano : undefined;
}

function requestsOf(usage: UsageData): Tokens[] {
  const { requestUsageEntries: entries = [] } = usage;
  // Failed requests leave entries without tokens; what is added up without entries counts as one request.
  const told = entries.filter(({ inputTokens, outputTokens }) => inputTokens + outputTokens > 0);
  return told.length > 1 ? told.map(tokensOf) : [tokensOf(usage)];
}

type Counted = Pick<
  UsageData,
  'inputTokens' | 'outputTokens' | 'totalTokens' | 'inputTokensDetails' | 'outputTokensDetails'
>;

/** Adapters name details as their vendors do. The first name that is there counts: the others say the same again. */
function tokensOf(usage: Counted): Tokens {
  const { inputTokens, outputTokens, totalTokens, inputTokensDetails, outputTokensDetails } = usage;
  const input = reader(inputTokensDetails);
  const output = reader(outputTokensDetails);
  const write1h = input('cacheWrite1h');
  const reasoning = output('reasoning_tokens');
  // xAI's Chat Completions count reasoning beside the output; only the total tells.
  const beside = reasoning > 0 && totalTokens === inputTokens + outputTokens + reasoning;
  return {
    input: inputTokens,
    output: beside ? outputTokens + reasoning : outputTokens,
    cached: input('cached_tokens', 'cacheRead'),
    write: input('cacheWrite5m', 'cacheWrite', 'cache_write_tokens', 'cache_creation_tokens'),
    write1h,
    reasoning,
    inputAudio: input('audio_tokens'),
    outputAudio: output('audio_tokens'),
  };
}

function reader(details: Counted['inputTokensDetails']): (...names: string[]) => number {
  const all = details === undefined ? [] : Array.isArray(details) ? details : [details];
  return (...names) => {
    for (const name of names) {
      const count = all.reduce((sum, each) => sum + (each[name] ?? 0), 0);
      if (count > 0) return count;
    }
    return 0;
  };
}

/** In 10^-15 dollars: a number where that is exact. */
function costOfRequest(tokens: Tokens, model: ModelPrice): number | bigint | undefined {
  const { input, output, cached, write, write1h, reasoning, inputAudio, outputAudio } = tokens;
  // A provider that tells no usage counts as 0 everywhere: that is not the same as free.
  if (input === 0 && output === 0) return undefined;
  const plainInput = input - cached - write - write1h - inputAudio;
  const plainOutput = output - reasoning - outputAudio;
  if (plainInput < 0 || plainOutput < 0) return undefined;
  const price = tierFor(model, input);
  const cacheWrite1h = price.cacheWrite1h ?? (price.cacheWrite === undefined ? price.input : undefined);
  const parts: [number, number | undefined][] = [
    [plainInput, price.input],
    [cached, price.cachedInput ?? price.input],
    [write, price.cacheWrite ?? price.input],
    [write1h, cacheWrite1h],
    [plainOutput, price.output],
    [reasoning, price.reasoning ?? price.output],
    [inputAudio, price.inputAudio],
    [outputAudio, price.outputAudio],
  ];
  const perRequest = Math.round((model.perRequest ?? 0) * PRICE_SCALE);
  // Every sum of exact products that stays below the safe integers is exact itself; nothing is negative.
  let femto = perRequest * 1e6;
  for (const [count, usd] of parts) {
    if (count === 0) continue;
    if (usd === undefined) return undefined;
    femto += count * Math.round(usd * PRICE_SCALE);
  }
  if (femto <= Number.MAX_SAFE_INTEGER) return femto;
  let large = BigInt(perRequest) * FEMTO_PER_NANO;
  for (const [count, usd = 0] of parts) if (count !== 0) large += BigInt(count) * BigInt(Math.round(usd * PRICE_SCALE));
  return large;
}

function tierFor(model: ModelPrice, input: number): TokenPrices {
  let price: TokenPrices = model;
  let above = -1;
  for (const tier of model.tiers ?? []) {
    if (input <= tier.above || tier.above <= above) continue;
    above = tier.above;
    price = { ...model, ...tier };
  }
  return price;
}
