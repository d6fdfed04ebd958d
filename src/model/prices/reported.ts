/** Costs that providers report themselves. */
import type { ModelResponse } from '../../protocol/model.ts';
import { headerOf } from '../../wire/index.ts';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/**
 * What the provider says that an answer cost, in US dollars: OpenRouter's `usage.cost`
 * (openrouter.ai/docs/use-cases/usage-accounting), or LiteLLM's header `x-litellm-response-cost`
 * (docs.litellm.ai/docs/proxy/cost_tracking), which cannot be sent with streams. LiteLLM says 0 also where it does
 * not know, so that 0 counts as not told there.
 */
export function reportedCost(
  response: Pick<ModelResponse, 'rawUsage' | 'providerData'>,
  headers?: unknown,
): number | undefined {
  const usage = response.rawUsage ?? response.providerData?.['usage'];
  const cost = isObject(usage) ? usage['cost'] : undefined;
  if (typeof cost === 'number' && Number.isFinite(cost) && cost >= 0) return cost;
  const header = Number(headerOf(headers, 'x-litellm-response-cost') ?? '');
  return Number.isFinite(header) && header > 0 ? header : undefined;
}
