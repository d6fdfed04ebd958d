/**
 * Token counts. Anthropic counts cached tokens beside `input_tokens`; ours are inside of it, as everywhere in the SDK.
 */
import { isObject, type Json } from './json.ts';

const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

export type Counts = {
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  inputTokensDetails: Record<string, number>;
  outputTokensDetails: Record<string, number>;
};

/**
 * The counts of one request. Input details: `cached_tokens` and `cacheRead` (the same count under the name that all
 * adapters share and under its own), `cacheWrite5m`, `cacheWrite1h`.
 */
export function countsOf(usage: unknown): Counts {
  const wire: Json = isObject(usage) ? usage : {};
  const read = number(wire['cache_read_input_tokens']);
  const written = number(wire['cache_creation_input_tokens']);
  const split = isObject(wire['cache_creation']) ? wire['cache_creation'] : {};
  const cacheWrite1h = number(split['ephemeral_1h_input_tokens']);
  // Gateways leave the split out: then all of it counts as the shorter kind, which is the default.
  const cacheWrite5m = number(split['ephemeral_5m_input_tokens']) || Math.max(0, written - cacheWrite1h);
  const inputTokens = number(wire['input_tokens']) + read + cacheWrite5m + cacheWrite1h;
  const outputTokens = number(wire['output_tokens']);
  const details = isObject(wire['output_tokens_details']) ? wire['output_tokens_details'] : {};
  const thinking = number(details['thinking_tokens']);
  return {
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + outputTokens,
    inputTokensDetails: { cached_tokens: read, cacheRead: read, cacheWrite5m, cacheWrite1h },
    outputTokensDetails: thinking > 0 ? { reasoning_tokens: thinking } : {},
  };
}

const ENDPOINT = 'messages.create';

export type UsageSum = Counts & { requests: number; requestUsageEntries: (Counts & { endpoint: string })[] };

/** The counts of an answer that took one request or, where the model paused, several. */
export function sumUsage(usages: readonly unknown[]): UsageSum {
  const all = usages.map(countsOf);
  const add = (a: Record<string, number>, b: Record<string, number>): Record<string, number> => {
    const sum = { ...a };
    for (const [key, value] of Object.entries(b)) sum[key] = (sum[key] ?? 0) + value;
    return sum;
  };
  const total = all.reduce<Counts>(
    (sum, counts) => ({
      inputTokens: sum.inputTokens + counts.inputTokens,
      outputTokens: sum.outputTokens + counts.outputTokens,
      totalTokens: sum.totalTokens + counts.totalTokens,
      inputTokensDetails: add(sum.inputTokensDetails, counts.inputTokensDetails),
      outputTokensDetails: add(sum.outputTokensDetails, counts.outputTokensDetails),
    }),
    { inputTokens: 0, outputTokens: 0, totalTokens: 0, inputTokensDetails: {}, outputTokensDetails: {} },
  );
  const requestUsageEntries = all.map((counts) => ({ ...counts, endpoint: ENDPOINT }));
  return { requests: all.length, ...total, requestUsageEntries };
}
