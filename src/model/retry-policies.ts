/** Ready-made answers to "is this failed request worth another try?" */
import type { RetryDecision, RetryPolicy } from '../protocol/model.ts';

type Decided = Exclude<RetryDecision, boolean>;

/** Both forms of a decision as one. */
export function toDecision(decision: RetryDecision): Decided {
  return typeof decision === 'boolean' ? { retry: decision } : decision;
}

/** Retry policies to use as `modelSettings.retry.policy`, alone or combined with `any` and `all`. */
export const retryPolicies = {
  /** No retry. */
  never: (): RetryPolicy => () => false,
  /** What the model's provider suggests, after the wait that it suggests. */
  providerSuggested:
    (): RetryPolicy =>
    ({ providerAdvice: advice }) => {
      if (advice?.suggested === undefined) return false;
      return {
        retry: advice.suggested,
        ...(advice.suggested && advice.retryAfterMs !== undefined && { delayMs: advice.retryAfterMs }),
        ...(advice.reason !== undefined && { reason: advice.reason }),
      };
    },
  /** Connections that failed, broke or timed out. */
  networkError:
    (): RetryPolicy =>
    ({ normalized }) =>
      normalized.isNetworkError,
  /** Answers with one of these HTTP statuses. */
  httpStatus: (statuses: number[]): RetryPolicy => {
    const wanted = new Set(statuses);
    return ({ normalized }) => normalized.statusCode !== undefined && wanted.has(normalized.statusCode);
  },
  /** Answers that say how long to wait, after that wait. */
  retryAfter:
    (): RetryPolicy =>
    ({ normalized }) =>
      normalized.retryAfterMs === undefined ? false : { retry: true, delayMs: normalized.retryAfterMs },
  /** The first policy that says yes decides; a later yes may still approve an unsafe replay. */
  any:
    (...policies: RetryPolicy[]): RetryPolicy =>
    async (context) => {
      let yes: Decided | undefined;
      let no: RetryDecision = false;
      for (const policy of policies) {
        const answer = await policy(context);
        const decision = toDecision(answer);
        if (!decision.retry) {
          if (typeof answer === 'object' && answer.reason !== undefined) no = answer;
        } else if (!yes) yes = { ...decision };
        else if (decision.approveUnsafeReplay) yes.approveUnsafeReplay = true;
      }
      return yes ?? no;
    },
  /** Yes if there are policies and each says yes; a later policy's wait and reason replace an earlier one's. */
  all:
    (...policies: RetryPolicy[]): RetryPolicy =>
    async (context) => {
      if (policies.length === 0) return false;
      let merged: Decided = { retry: true };
      for (const policy of policies) {
        const decision = toDecision(await policy(context));
        if (!decision.retry) return false;
        merged = { ...merged, ...decision };
      }
      return merged;
    },
} as const;
