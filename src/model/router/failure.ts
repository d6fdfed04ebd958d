/** What an error of any model means to a router. */
import { ModelRefusalError, ModelTimeoutError, UserError } from '../../protocol/errors.ts';
import type { AgentOutputItem } from '../../protocol/items.ts';
import type { Model, ModelRequest } from '../../protocol/model.ts';
import { isModelError, isRetryableKind, kindOf, readErrorBody, type ModelErrorKind } from '../../wire/index.ts';
import { BudgetExceededError } from '../budgets/errors.ts';
import { isAbort, normalizeError } from '../retry-error.ts';

export type FailureFacts = {
  kind: ModelErrorKind | 'refusal' | 'budget' | 'mistake';
  retryable: boolean;
  retryAfterMs?: number;
  /** The server refused before it did anything, or never got the request: asking the same one again does no harm. */
  safe: boolean;
};

/** The facts of an error, whoever threw it. `mistake`: of the program, such as a missing key. */
export async function factsOf(error: unknown, model: Model, request: ModelRequest): Promise<FailureFacts> {
  if (error instanceof BudgetExceededError) return { kind: 'budget', retryable: false, safe: true };
  if (error instanceof ModelRefusalError) return { kind: 'refusal', retryable: false, safe: true };
  if (isModelError(error)) {
    const { kind, retryable, retryAfterMs, replaySafe, responseStarted } = error;
    const refused = (kind === 'rate_limit' || kind === 'overloaded') && responseStarted !== true;
    return {
      kind,
      retryable,
      safe: refused || replaySafe === true,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  if (error instanceof UserError || isOfTest(error)) return { kind: 'mistake', retryable: false, safe: true };
  if (isAbort(error)) return { kind: 'cancelled', retryable: false, safe: false };
  // An error of somebody else's client.
  const advice = await model.getRetryAdvice?.({ request, error, stream: false, attempt: 1 });
  const { statusCode, retryAfterMs, isNetworkError } = normalizeError(error, advice);
  const kind = kindOfForeign(error, statusCode, isNetworkError);
  return {
    kind,
    retryable: advice?.suggested ?? isRetryableKind(kind),
    safe: advice?.replaySafety === 'safe' || statusCode === 429,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** What is not on a cassette is asked of nobody else: a test that would go on elsewhere shows nothing. */
const isOfTest = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('cassette/');

function kindOfForeign(error: unknown, status: number | undefined, isNetwork: boolean): ModelErrorKind {
  if (error instanceof ModelTimeoutError) return 'timeout';
  if (status === undefined) return isNetwork ? 'network' : 'unknown';
  return kindOf(status, readErrorBody(error));
}

/** The caller called it off: then no refusal is given in place of an answer. */
export const isCalledOff = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** The refusal of an answer that is nothing else. */
export function refusalIn(output: readonly AgentOutputItem[]): string | undefined {
  let refusal: string | undefined;
  for (const item of output) {
    if (item.type === 'reasoning') continue;
    if (item.type !== 'message' || item.role !== 'assistant') return undefined;
    for (const part of item.content) {
      if (part.type !== 'refusal') return undefined;
      refusal = `${refusal ?? ''}${part.refusal}`;
    }
  }
  return refusal;
}
