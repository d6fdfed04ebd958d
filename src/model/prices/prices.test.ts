import * as genaiPrices from '@pydantic/genai-prices';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import type { UsageData } from '../../protocol/model.ts';
import { createPrices, type ModelPrice } from './index.ts';

type Counts = {
  in: number;
  out: number;
  cached?: number;
  w5?: number;
  w1?: number;
  reasoning?: number;
};
const usage = ({ in: input, out, cached = 0, w5 = 0, w1 = 0, reasoning = 0 }: Counts): UsageData => ({
  inputTokens: input,
  outputTokens: out,
  totalTokens: input + out,
  inputTokensDetails: [{ cached_tokens: cached, cacheRead: cached, cacheWrite5m: w5, cacheWrite1h: w1 }],
  outputTokensDetails: [{ reasoning_tokens: reasoning }],
});

const catalog = createPrices();
const cost = (provider: string, model: string, counts: Counts): number | undefined =>
  catalog.costOf({ origin: { provider, model }, usage: usage(counts) })?.nanoUsd;

/**
 * Each expected amount is worked out by hand from the vendor's price list (dollars a million tokens, in the comment),
 * as it stands in @pydantic/genai-prices 0.1.8: openai.com/api/pricing, platform.claude.com/docs/en/about-claude/pricing,
 * ai.google.dev/gemini-api/docs/pricing. A dollar a million tokens is 1,000 nano-dollars a token.
 */
const BY_HAND: [string, string, Counts, number][] = [
  // The worked examples of the design notes.
  // 0.75 / 0.075 / 4.50: 4,000 × 750 + 6,000 × 75 + 1,500 × 4,500
  ['openai', 'gpt-5.4-mini', { in: 10_000, cached: 6000, out: 1500, reasoning: 900 }, 10_200_000],
  // 5 / 0.5 / write 6.25 / 25: 2,000 × 5,000 + 6,000 × 500 + 2,000 × 6,250 + 1,500 × 25,000
  ['anthropic', 'claude-opus-4-7', { in: 10_000, cached: 6000, w5: 2000, out: 1500, reasoning: 900 }, 63_000_000],
  // 1 × 750 + 1 × 4,500
  ['openai', 'gpt-5.4-mini', { in: 1, out: 1 }, 5250],
  // All of the input cached: 1,000,000 × 75 + 1 × 4,500
  ['openai', 'gpt-5.4-mini', { in: 1_000_000, cached: 1_000_000, out: 1 }, 75_004_500],
  // Only reasoning comes out: 100 × 750 + 5,000 × 4,500
  ['openai', 'gpt-5.4-mini', { in: 100, out: 5000, reasoning: 5000 }, 22_575_000],
  // A name with a date is the model itself: 2.5 / 15: 1,000 × 2,500 + 100 × 15,000
  ['openai', 'gpt-5.4-2026-03-05', { in: 1000, out: 100 }, 4_000_000],
  // The last request of the lower tier: 271,999 × 2,500 + 1,000 × 15,000
  ['openai', 'gpt-5.4', { in: 271_999, out: 1000 }, 694_997_500],
  // The first of the higher, which holds for all of it (5 / 0.5 / 22.5): 272,000 × 5,000 + 1,000 × 22,500
  ['openai', 'gpt-5.4', { in: 272_000, out: 1000 }, 1_382_500_000],
  // Cached input has its tier too: 100,000 × 5,000 + 200,000 × 500 + 1,000 × 22,500
  ['openai', 'gpt-5.4', { in: 300_000, cached: 200_000, out: 1000 }, 622_500_000],
  // 1 hour write 10: 2,000 × 5,000 + 6,000 × 500 + 1,000 × 6,250 + 1,000 × 10,000 + 1,500 × 25,000
  ['anthropic', 'claude-opus-4-7', { in: 10_000, cached: 6000, w5: 1000, w1: 1000, out: 1500 }, 66_750_000],
  // Only written, for an hour: 50,000 × 10,000 + 10 × 25,000
  ['anthropic', 'claude-opus-4-7', { in: 50_000, w1: 50_000, out: 10 }, 500_250_000],
  // No tier: 900,000 × 5,000 + 10 × 25,000
  ['anthropic', 'claude-opus-4-7', { in: 900_000, out: 10 }, 4_500_250_000],
  // 2 / 12: 1,000 × 2,000 + 100 × 12,000
  ['google', 'gemini-3-pro-preview', { in: 1000, out: 100 }, 3_200_000],
  // 200,000 is still below: 200,000 × 2,000 + 1,000 × 12,000
  ['google', 'gemini-3-pro-preview', { in: 200_000, out: 1000 }, 412_000_000],
  // One more is above (4 / 18): 200,001 × 4,000 + 1,000 × 18,000
  ['google', 'gemini-3-pro-preview', { in: 200_001, out: 1000 }, 818_004_000],
  // 1.5 / 0.15 / 9: 4,000 × 1,500 + 6,000 × 150 + 1,500 × 9,000
  ['google', 'gemini-3.5-flash', { in: 10_000, cached: 6000, out: 1500, reasoning: 900 }, 20_400_000],
  // The AI SDK's name of the provider: the same model
  ['google.generative-ai', 'gemini-3.5-flash', { in: 10_000, cached: 6000, out: 1500 }, 20_400_000],
  // OpenRouter's list: 4,000 × 750 + 6,000 × 75 + 1,500 × 4,500
  ['openrouter', 'openai/gpt-5.4-mini', { in: 10_000, cached: 6000, out: 1500 }, 10_200_000],
];

/** More by hand, with prices that bring out the arithmetic. */
const OWN: [string, ModelPrice, Counts, number | undefined][] = [
  // 0.0375 a million is 37.5 nano-dollars a token: 3 × 37.5 = 112.5, half up; rounded once, not three times 38.
  ['rounding', { input: 0.0375, output: 0 }, { in: 3, out: 0 }, 113],
  // 2 × 37.5 + 1 × 0.3 × 1,000 = 375
  ['no rounding between', { input: 0.0375, output: 0.3 }, { in: 2, out: 1 }, 375],
  // 10,000,000 × 150,000 + 1,000,000 × 600,000: beyond the safe integers on the way, not at the end
  ['a large bill', { input: 150, output: 600 }, { in: 10_000_000, out: 1_000_000 }, 2_100_000_000_000],
  // Reasoning of its own price: 100 × 1,000 + 200 × 2,000 + 300 × 3,000
  ['reasoning', { input: 1, output: 2, reasoning: 3 }, { in: 100, out: 500, reasoning: 300 }, 1_400_000],
  // Without prices for caches they cost what input costs: 1,000 × 1,000 + 10 × 2,000
  ['plain caches', { input: 1, output: 2 }, { in: 1000, cached: 300, w5: 200, w1: 100, out: 10 }, 1_020_000],
  // 2,000,000 nano a request + 10 × 1,000 + 10 × 2,000
  ['requests', { input: 1, output: 2, perRequest: 0.002 }, { in: 10, out: 10 }, 2_030_000],
  // The highest tier that is passed, whatever the order: 600 × 3,000 + 10 × 2,000
  [
    'tiers',
    {
      input: 1,
      output: 2,
      tiers: [
        { above: 500, input: 3 },
        { above: 100, input: 2 },
      ],
    },
    { in: 600, out: 10 },
    1_820_000,
  ],
  // Free is a price.
  ['free', { input: 0, output: 0 }, { in: 600, out: 10 }, 0],
  // Not known: an hour's write where only the shorter one has a price.
  ['unknown write', { input: 1, output: 2, cacheWrite: 1.25 }, { in: 100, w1: 50, out: 1 }, undefined],
  // Not known: a provider that told no usage; more cached than there was.
  ['no usage', { input: 1, output: 2 }, { in: 0, out: 0 }, undefined],
  ['a contradiction', { input: 1, output: 2 }, { in: 10, cached: 11, out: 1 }, undefined],
];

describe('a cost', () => {
  test.each(BY_HAND)('of %s/%s for %j is exact to the nano-dollar', async (provider, model, counts, nanoUsd) => {
    await catalog.load();
    expect(cost(provider, model, counts)).toBe(nanoUsd);
  });

  test.each(OWN)('with own prices: %s', (_name, price, counts, nanoUsd) => {
    const prices = createPrices({ catalog: false, models: { 'x/y': price } });
    const found = prices.costOf({ origin: { provider: 'x', model: 'y' }, usage: usage(counts) });
    expect(found?.nanoUsd).toBe(nanoUsd);
  });

  test('of several requests takes the tier of each', () => {
    const prices = createPrices({
      catalog: false,
      models: { 'x/y': { input: 1, output: 1, tiers: [{ above: 100, input: 10 }] } },
    });
    const both = {
      ...usage({ in: 120, out: 2 }),
      requestUsageEntries: [usage({ in: 60, out: 1 }), usage({ in: 60, out: 1 })],
    };
    const found = prices.costOf({ origin: { provider: 'x', model: 'y' }, usage: both as UsageData });
    expect(found?.nanoUsd).toBe(122_000);
  });

  test('is exact whatever the size: the same as with whole numbers without a limit', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    for (let n = 0; n < 2000; n++) {
      const [input, output] = [Math.round(random() * 200_000) / 1000, Math.round(random() * 900_000_000) / 1e6];
      const counts = { in: Math.ceil(random() ** 6 * 1e8), out: Math.ceil(random() ** 6 * 1e8) };
      const prices = createPrices({ catalog: false, models: { 'x/y': { input, output, perRequest: 0.000_25 } } });
      const found = prices.costOf({ origin: { provider: 'x', model: 'y' }, usage: usage(counts) });
      const whole = (usd: number): bigint => BigInt(Math.round(usd * 1e9));
      const femto = BigInt(counts.in) * whole(input) + BigInt(counts.out) * whole(output) + 250_000_000_000n;
      expect(found?.nanoUsd).toBe(Number((femto + 500_000n) / 1_000_000n));
    }
  });

  test('counts reasoning that a provider tells beside the output', () => {
    const prices = createPrices({ catalog: false, models: { 'xai/grok': { input: 1, output: 2 } } });
    const beside = { ...usage({ in: 10, out: 5, reasoning: 20 }), totalTokens: 35 };
    expect(prices.costOf({ origin: { provider: 'xai', model: 'grok' }, usage: beside })?.nanoUsd).toBe(60_000);
  });

  test('agrees with the catalog’s own arithmetic over all of its models', async () => {
    await catalog.load();
    let compared = 0;
    for (const providerId of ['openai', 'anthropic', 'google', 'mistral', 'groq', 'x-ai', 'deepseek']) {
      for (const { id } of genaiPrices.findProvider({ providerId })?.models ?? []) {
        const theirs = genaiPrices.calcPrice(
          { input_tokens: 250_000, cache_read_tokens: 50_000, output_tokens: 1500 },
          id,
          { providerId },
        );
        const ours = cost(providerId, id, { in: 250_000, cached: 50_000, out: 1500 });
        if (theirs === null || ours === undefined) continue;
        compared += 1;
        expect(Math.abs(ours - theirs.total_price * 1e9), `${providerId}/${id}`).toBeLessThan(1);
      }
    }
    expect(compared).toBeGreaterThan(150);
  });
});

describe('a price', () => {
  test('of a model that nobody knows is undefined, never 0', async () => {
    await catalog.load();
    for (const [provider, model] of [
      ['openai', 'gpt-99'],
      ['nobody', 'gpt-5.4-mini'],
      ['openai', ''],
    ] as const) {
      expect(catalog.find({ provider, model })).toBeUndefined();
      expect(cost(provider, model, { in: 10, out: 10 })).toBeUndefined();
    }
  });

  test('of a similar name is flagged with the name that matched', async () => {
    await catalog.load();
    expect(catalog.find({ provider: 'openai', model: 'gpt-5.6' })).toMatchObject({
      id: 'genai-prices:openai/gpt-5.6-sol',
      fuzzy: true,
    });
    expect(catalog.find({ provider: 'openai', model: 'gpt-5.4-2026-03-05' })).not.toHaveProperty('fuzzy');
    const usd = catalog.costOf({ origin: { provider: 'openai', model: 'gpt-5.6' }, usage: usage({ in: 10, out: 10 }) });
    expect(usd?.price).toEqual({ id: 'genai-prices:openai/gpt-5.6-sol', fuzzy: true });
  });

  test('of one’s own beats the catalog’s, and what the provider reports beats both', async () => {
    const prices = createPrices({
      catalog: genaiPrices as never,
      models: { 'openai/gpt-5.4-mini': { input: 1, output: 1 } },
    });
    await prices.load();
    const call = { origin: { provider: 'openai', model: 'gpt-5.4-mini' }, usage: usage({ in: 1, out: 1 }) };
    expect(prices.costOf(call)).toEqual({ nanoUsd: 2000, price: { id: 'own:openai/gpt-5.4-mini' } });
    const reported = { nanoUsd: 14_000, price: { id: 'reported:openai' } };
    expect(prices.costOf({ ...call, response: { rawUsage: { cost: 0.000014 } } })).toEqual(reported);
    expect(prices.costOf({ ...call, response: { providerData: { usage: { cost: 0.000014 } } } })).toEqual(reported);
    const headers = { 'x-litellm-response-cost': '1.4e-05' };
    expect(prices.costOf({ ...call, response: {}, headers })).toEqual(reported);
    // LiteLLM says 0 where it does not know.
    expect(prices.costOf({ ...call, response: {}, headers: { 'x-litellm-response-cost': '0' } })?.nanoUsd).toBe(2000);
  });

  test('that is no number of dollars is refused', () => {
    expect(() => createPrices({ models: { 'x/y': { input: -1, output: 1 } } })).toThrow(UserError);
    expect(() => createPrices({ models: { 'x/y': { input: 1 } as never } })).toThrow(/lacks input or output/);
    expect(() => createPrices({ models: { gpt: { input: 1, output: 1 } } })).toThrow('openai/gpt');
  });
});
