/**
 * Token counts as spans show them.
 */
import type { Attempt } from '../kernel/index.ts';
import type { UsageData } from '../protocol/model.ts';
import type { GenerationUsageData, TaskUsageData, TurnUsageData } from './types.ts';

/** What one model call used, as tasks count it. */
export function taskUsageOf(usage: UsageData): TaskUsageData {
  return {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cached_input_tokens: counted(usage.inputTokensDetails, CACHED),
    cache_write_input_tokens: counted(usage.inputTokensDetails, WRITTEN),
    requests: usage.requests ?? 1,
    total_tokens: usage.totalTokens,
  };
}

/** A sum; `before` is undefined where nothing was used yet. */
export function addTask(before: TaskUsageData | undefined, task: TaskUsageData): TaskUsageData {
  if (!before) return task;
  return {
    input_tokens: before.input_tokens + task.input_tokens,
    output_tokens: before.output_tokens + task.output_tokens,
    cached_input_tokens: before.cached_input_tokens + task.cached_input_tokens,
    cache_write_input_tokens: before.cache_write_input_tokens + task.cache_write_input_tokens,
    requests: before.requests + task.requests,
    total_tokens: before.total_tokens + task.total_tokens,
  };
}

export function turnUsage(sum: TaskUsageData): TurnUsageData {
  const { input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens } = sum;
  return { input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens };
}

/** Usage of one model call, with its details under `details`. */
export function generationUsage(usage: UsageData): GenerationUsageData {
  const { inputTokens: input_tokens, outputTokens: output_tokens, inputTokensDetails, outputTokensDetails } = usage;
  if (!inputTokensDetails && !outputTokensDetails) return { input_tokens, output_tokens };
  const details = { ...merged(inputTokensDetails), ...merged(outputTokensDetails) };
  return { input_tokens, output_tokens, ...(Object.keys(details).length > 0 && { details }) };
}

type Details = UsageData['inputTokensDetails'];

const listOf = (details: Details): Record<string, number>[] =>
  details === undefined ? [] : Array.isArray(details) ? details : [details];

function counted(details: Details, keys: readonly string[]): number {
  if (details === undefined) return 0;
  let sum = 0;
  for (const each of listOf(details)) for (const key of keys) sum += each[key] ?? 0;
  return sum;
}

const CACHED = ['cached_tokens'];
/** As OpenAI, the AI SDK and Anthropic name it. */
const WRITTEN = ['cache_write_tokens', 'cacheWrite', 'cacheWrite5m', 'cacheWrite1h'];

function merged(details: Details): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const each of listOf(details))
    for (const [key, count] of Object.entries(each)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

/** How long a call waited before its attempts, without the waits that follow failures: for a free place at a target. */
export function queuedMsOf(attempts: readonly Attempt[] | undefined): number {
  let queued = 0;
  let end: number | undefined = 0;
  for (const { at, ms, delayMs = 0, hedged } of attempts ?? []) {
    // One of several at once waited with the first.
    if (hedged) continue;
    if (end !== undefined) queued += Math.max(0, at - end);
    end = ms === undefined ? undefined : at + ms + delayMs;
  }
  return Math.round(queued);
}

/**
 * Whether some of what a call cost is not known. One that failed and of which no attempt was noted is not looked at: where
 * anybody wants to know costs, nothing was sent.
 */
export function isUnpriced(call: {
  readonly attempts?: readonly Attempt[] | undefined;
  readonly nanoUsd: number | undefined;
  readonly isError?: boolean;
}): boolean {
  const { attempts, nanoUsd, isError = false } = call;
  if (attempts === undefined) return nanoUsd === undefined && !isError;
  return attempts.some((attempt) => attempt.nanoUsd === undefined && attempt.cached !== true);
}

/** What the attempts of a call cost together; undefined where none is known. */
export function costOf(attempts: readonly Attempt[] | undefined): number | undefined {
  let sum: number | undefined;
  for (const { nanoUsd } of attempts ?? []) if (nanoUsd !== undefined) sum = (sum ?? 0) + nanoUsd;
  return sum;
}
