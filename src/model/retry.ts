/**
 * Calls a model, once or, where the settings say so, again after a failure; each attempt within `timeoutMs`.
 *
 * Not responsible for what an error is and how attempts are counted (wire/), nor for whether it is worth a retry (the policy).
 *
 * Invariants: R1 nothing is retried unless `maxRetries` and `policy` are both given. R2 never after output was seen.
 * R3 an abort is never retried and rejects with its own reason. R4 without `timeoutMs` and without retries, a call
 * costs one await and no object. R5 a model that owns its retries is called once, with the limit and the policy.
 */
import { ModelTimeoutError, UserError } from '../protocol/errors.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelRetryBackoffSettings,
  RetryPolicyContext,
  StreamEvent,
} from '../protocol/model.ts';
import { MAX_TIMER_MS } from '../protocol/timers.ts';
import { AttemptLoop, type Decide, type RetryHooks } from '../wire/index.ts';
import { isAbort, normalizeError } from './retry-error.ts';
import { toDecision } from './retry-policies.ts';
import { withTimeLimit } from './strings/with-settings.ts';

/** Asks for a whole answer. */
export function callModel(model: Model, given: ModelRequest, hooks?: RetryHooks): Promise<ModelResponse> {
  const request = withTimeLimit(model, given);
  const { timeoutMs, retry } = request.modelSettings;
  const plain = timeoutMs === undefined && !retry?.policy && !hooks?.onAttempt;
  if (plain || model.ownsRetry) return model.getResponse(request);
  return callWithRetry(model, request, hooks ?? {});
}

async function callWithRetry(model: Model, request: ModelRequest, hooks: RetryHooks): Promise<ModelResponse> {
  checkTimeout(request.modelSettings.timeoutMs);
  const loop = loopOf({ model, request, hooks, stream: false });
  for (;;) {
    loop.begin();
    const attempt = new TimedAttempt(request);
    try {
      const response = await attempt.within(model.getResponse(attempt.request));
      loop.succeeded();
      return response;
    } catch (error) {
      attempt.release();
      await loop.failed(attempt.explain(error), false);
    } finally {
      attempt.release();
    }
  }
}

/** Asks for a streamed answer. The events are those of the one attempt that answered. */
export function streamModel(model: Model, given: ModelRequest, hooks?: RetryHooks): AsyncIterable<StreamEvent> {
  const request = withTimeLimit(model, given);
  const { timeoutMs, retry } = request.modelSettings;
  const plain = timeoutMs === undefined && !retry?.policy && !hooks?.onAttempt;
  if (plain || model.ownsRetry) return model.getStreamedResponse(request);
  return streamWithRetry(model, request, hooks ?? {});
}

async function* streamWithRetry(model: Model, request: ModelRequest, hooks: RetryHooks): AsyncGenerator<StreamEvent> {
  checkTimeout(request.modelSettings.timeoutMs);
  const loop = loopOf({ model, request, hooks, stream: true });
  const retries = request.modelSettings.retry?.policy !== undefined;
  for (;;) {
    loop.begin();
    const attempt = new TimedAttempt(request);
    let iterator: AsyncIterator<StreamEvent> | undefined;
    // Held back until something follows: an attempt that only began leaves no trace in the stream.
    let held: StreamEvent | undefined;
    let emitted = false;
    let ended = false;
    try {
      iterator = model.getStreamedResponse(attempt.request)[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await attempt.within(iterator.next());
        if (done) break;
        if (retries && !emitted && held === undefined && value.type === 'response_started') {
          held = value;
          continue;
        }
        emitted = true;
        if (held !== undefined) {
          yield held;
          held = undefined;
        }
        yield value;
      }
      ended = true;
      if (held !== undefined) yield held;
      loop.succeeded();
      return;
    } catch (error) {
      ended = true;
      attempt.release();
      closeQuietly(iterator);
      await loop.failed(attempt.explain(error), emitted);
    } finally {
      attempt.release();
      if (!ended) closeQuietly(iterator);
    }
  }
}

/** A model that does not listen to its signal must not hold us up; what it says on closing interests nobody. */
function closeQuietly(iterator: AsyncIterator<StreamEvent> | undefined): void {
  iterator?.return?.()?.then(undefined, () => undefined);
}

/** @throws UserError for a limit that a timer cannot keep. */
export function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined || (timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS)) return;
  throw new UserError(
    `modelSettings.timeoutMs is ${timeoutMs}. Give milliseconds above 0 and up to ${MAX_TIMER_MS}, or leave it out for no limit.`,
  );
}

/** One attempt with its own time limit. Without a limit it is the request itself. */
class TimedAttempt {
  readonly request: ModelRequest;
  readonly #outer: AbortSignal | undefined;
  #timeout: ModelTimeoutError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #expired: Promise<never> | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #controller: AbortController | undefined;

  constructor(request: ModelRequest) {
    this.#outer = request.signal;
    const { timeoutMs } = request.modelSettings;
    if (timeoutMs === undefined) {
      this.request = request;
      return;
    }
    const controller = (this.#controller = new AbortController());
    this.request = { ...request, signal: controller.signal };
    this.#expired = new Promise((_resolve, reject) => (this.#reject = reject));
    // It may be rejected when nobody waits for it.
    this.#expired.catch(() => undefined);
    this.#outer?.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#outer?.aborted) this.#onAbort();
    this.#timer = setTimeout(() => {
      this.#timeout = new ModelTimeoutError({ timeoutMs });
      controller.abort(this.#timeout);
      this.#reject?.(this.#timeout);
    }, timeoutMs);
  }

  readonly #onAbort = (): void => {
    this.#controller?.abort(this.#outer?.reason);
    this.#reject?.(this.#outer?.reason);
  };

  /** The work, or the time limit for a model that does not listen to its signal. */
  within<T>(work: Promise<T>): Promise<T> {
    return this.#expired === undefined ? work : Promise.race([work, this.#expired]);
  }

  /** The error to report: an error that the limit caused is the limit. */
  explain(error: unknown): unknown {
    return this.#timeout ?? error;
  }

  release(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onAbort);
  }
}

type Asking = { model: Model; request: ModelRequest; hooks: RetryHooks; stream: boolean };

/** The loop that the request's own policy decides on. */
function loopOf({ model, request, hooks, stream }: Asking): AttemptLoop {
  const decide: Decide = (failure) => delayByPolicy({ model, request, stream, random: hooks.random }, failure);
  return new AttemptLoop(decide, hooks, request.signal);
}

type Policed = { model: Model; request: ModelRequest; stream: boolean; random?: (() => number) | undefined };

/** Milliseconds until the next attempt by `modelSettings.retry`; `undefined` for none. */
export async function delayByPolicy(
  { model, request, stream, random = Math.random }: Policed,
  { error, attempt, emitted }: { error: unknown; attempt: number; emitted: boolean },
): Promise<number | undefined> {
  const { signal, modelSettings, previousResponseId, conversationId } = request;
  const { maxRetries = 0, policy, backoff } = modelSettings.retry ?? {};
  if (!policy || attempt > maxRetries || emitted || signal?.aborted || isAbort(error)) return undefined;
  const advice = await model.getRetryAdvice?.({ request, error, stream, attempt });
  const normalized = normalizeError(error, advice);
  if (normalized.isAbort) return undefined;
  const replaySafety = advice?.replaySafety ?? 'unknown';
  const statefulRequest = previousResponseId !== undefined || conversationId !== undefined;
  const context: RetryPolicyContext = {
    error,
    attempt,
    maxRetries,
    stream,
    ...(advice && { providerAdvice: advice }),
    normalized,
    ...(previousResponseId !== undefined && { previousResponseId }),
    ...(conversationId !== undefined && { conversationId }),
    replaySafety,
    ...(advice?.responseStarted !== undefined && { responseStarted: advice.responseStarted }),
    statefulRequest,
  };
  const decision = toDecision(await policy(context));
  if (!decision.retry) return undefined;
  // What the provider may have done already can be done twice only with someone's word for it.
  const needsApproval =
    replaySafety === 'unsafe' ||
    (replaySafety === 'unknown' && (statefulRequest || error instanceof ModelTimeoutError));
  if (needsApproval && !decision.approveUnsafeReplay) return undefined;
  const delayMs = decision.delayMs ?? normalized.retryAfterMs;
  return delayMs === undefined ? backoffOf(attempt, backoff, random()) : Math.max(0, delayMs);
}

/** The published waits: doubled each time, give or take an eighth. */
function backoffOf(attempt: number, settings: ModelRetryBackoffSettings = {}, random: number): number {
  const { initialDelayMs = 250, maxDelayMs = 2000, multiplier = 2, jitter = true } = settings;
  const base = Math.min(maxDelayMs, initialDelayMs * multiplier ** (attempt - 1));
  const spread = jitter ? 1 + (random * 2 - 1) * 0.125 : 1;
  return Math.max(0, Math.round(base * spread));
}
