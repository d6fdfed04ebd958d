/** Token counts of both APIs. */
import type { UsageData } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { detached, isObject, type Json } from './json.ts';

const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

function details(value: unknown): Record<string, number> {
  const counts: Record<string, number> = {};
  if (isObject(value))
    for (const [key, count] of Object.entries(value)) if (typeof count === 'number') counts[key] = count;
  return counts;
}

type Counts = {
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  inputTokensDetails: Record<string, number>;
  outputTokensDetails: Record<string, number>;
};

function responsesCounts(usage: unknown): Counts {
  const wire: Json = isObject(usage) ? usage : {};
  return {
    inputTokens: number(wire['input_tokens']),
    outputTokens: number(wire['output_tokens']),
    totalTokens: number(wire['total_tokens']),
    inputTokensDetails: details(wire['input_tokens_details']),
    outputTokensDetails: details(wire['output_tokens_details']),
  };
}

/** The usage of a response as plain data. */
export function responsesUsageData(usage: unknown): UsageData {
  const counts = responsesCounts(usage);
  return { ...counts, requestUsageEntries: [{ ...counts, endpoint: 'responses.create' }] };
}

/** The usage of a response. */
export function responsesUsage(usage: unknown): Usage {
  const counts = responsesCounts(usage);
  return new Usage({
    ...counts,
    requests: 1,
    // Kept even when empty: one entry a request.
    inputTokensDetails: [counts.inputTokensDetails],
    outputTokensDetails: [counts.outputTokensDetails],
    requestUsageEntries: [{ ...counts, endpoint: 'responses.create' }],
  });
}

/** The usage of a chat completion as plain data. Absent counts are zero. */
export function chatUsageData(usage: unknown): UsageData & Counts {
  const wire: Json = isObject(usage) ? usage : {};
  return {
    inputTokens: number(wire['prompt_tokens']),
    outputTokens: number(wire['completion_tokens']),
    totalTokens: number(wire['total_tokens']),
    inputTokensDetails: { cached_tokens: 0, ...details(wire['prompt_tokens_details']) },
    outputTokensDetails: { reasoning_tokens: 0, ...details(wire['completion_tokens_details']) },
  };
}

/** The usage of a chat completion; without one it is a request of unknown size. */
export function chatUsage(usage: unknown): Usage {
  return isObject(usage) ? new Usage({ ...chatUsageData(usage), requests: 1 }) : new Usage({ requests: 1 });
}

/** The provider's own usage object, detached, for `preserveRawUsage`. */
export function rawUsage(usage: unknown, wanted: boolean | undefined): { rawUsage?: Json } {
  return wanted && isObject(usage) ? { rawUsage: detached(usage) } : {};
}
