/**
 * What model calls used and cost, as far as their events tell.
 */
import type { Attempt } from '../../kernel/index.ts';
import type { Origin, UsageData } from '../../protocol/model.ts';

/**
 * The price of a call in integers of 10^-9 US dollars, at the prices of the time of the call; undefined where it is not
 * known.
 */
export type PriceOfCall = (call: {
  readonly usage: UsageData;
  readonly origin: Origin | undefined;
}) => number | undefined;

type Tokens = { inputTokens: number; outputTokens: number; cachedTokens: number };

export function countUsage(into: Tokens, usage: UsageData): void {
  into.inputTokens += usage.inputTokens;
  into.outputTokens += usage.outputTokens;
  const details = usage.inputTokensDetails;
  const list = details === undefined ? [] : Array.isArray(details) ? details : [details];
  for (const each of list) into.cachedTokens += each['cached_tokens'] ?? 0;
}

type Bill = {
  readonly attempts: readonly Attempt[] | undefined;
  readonly usage: UsageData | undefined;
  readonly origin: Origin | undefined;
  readonly price: PriceOfCall | undefined;
  /** The call had no reply. */
  readonly failed?: boolean;
};

/**
 * What a call cost. Attempts that failed count where their cost is known; the attempt that was answered must be priced.
 * A call without any usage has nothing to price.
 */
export function priceOf({ attempts, usage, origin, price, failed = false }: Bill): {
  nanoUsd: number;
  unpriced: 0 | 1;
} {
  let known = 0;
  let isPriced = false;
  for (const attempt of attempts ?? []) {
    known += attempt.nanoUsd ?? 0;
    const answered = attempt.error === undefined;
    if (answered && (attempt.nanoUsd !== undefined || attempt.cached === true)) isPriced = true;
  }
  if (isPriced) return { nanoUsd: known, unpriced: 0 };
  if (!usage || usage.totalTokens === 0) return { nanoUsd: known, unpriced: failed || isEmpty(attempts) ? 0 : 1 };
  const asked = price?.({ usage, origin });
  return asked === undefined ? { nanoUsd: known, unpriced: 1 } : { nanoUsd: known + asked, unpriced: 0 };
}

const isEmpty = (attempts: readonly Attempt[] | undefined): boolean => attempts === undefined || attempts.length === 0;
