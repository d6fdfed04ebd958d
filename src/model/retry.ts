/**
 * Calls a model, once or, where the settings say so, again after a failure; each attempt within `timeoutMs`.
 *
 * Not responsible for what an error is (wire/), nor for whether it is worth a retry (the policy).
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
  ModelRetryAdvice,
  ModelRetryBackoffSettings,
  RetryPolicyContext,
  StreamEvent,
} from '../protocol/model.ts';
import { isAbort, normalizeError } from './retry-error.ts';
import { toDecision } from './retry-policies.ts';

/** One try of a model request. Times are milliseconds since the first try began. */
export type ModelAttempt = {
  startedAt: number;
  /** Absent where the attempt succeeded. */
  error?: unknown;
  /** How long was waited after it. Absent where nothing followed. */
  delayMs?: number;
};

/** How the loop tells time, waits and rolls dice, and whom it tells. For tests and for performers. */
export type RetryHooks = {
  /** Called after each failed attempt, before the wait; and once with the attempt that succeeded. */
  onAttempt?: (attempt: ModelAttempt) => void;
  /** Milliseconds; only differences count. @default performance.now */
  now?: () => number;
  /** In [0, 1). @default Math.random */
  random?: () => number;
  /** Rejects with the signal's reason when it aborts. @default a timer */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
};

const MAX_TIMER_MS = 2_147_483_647;

/** Asks for a whole answer. */
export function callModel(model: Model, request: ModelRequest, hooks?: RetryHooks): Promise<ModelResponse> {
  const { timeoutMs, retry } = request.modelSettings;
  const plain = timeoutMs === undefined && !retry?.policy && !hooks?.onAttempt;
  if (plain || model.ownsRetry) return model.getResponse(request);
  return callWithRetry(model, request, hooks ?? {});
}

async function callWithRetry(model: Model, request: ModelRequest, hooks: RetryHooks): Promise<ModelResponse> {
  checkTimeout(request.modelSettings.timeoutMs);
  const loop = new RetryLoop(model, request, { hooks, stream: false });
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
export function streamModel(model: Model, request: ModelRequest, hooks?: RetryHooks): AsyncIterable<StreamEvent> {
  const { timeoutMs, retry } = request.modelSettings;
  const plain = timeoutMs === undefined && !retry?.policy && !hooks?.onAttempt;
  if (plain || model.ownsRetry) return model.getStreamedResponse(request);
  return streamWithRetry(model, request, hooks ?? {});
}

async function* streamWithRetry(model: Model, request: ModelRequest, hooks: RetryHooks): AsyncGenerator<StreamEvent> {
  checkTimeout(request.modelSettings.timeoutMs);
  const loop = new RetryLoop(model, request, { hooks, stream: true });
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
    `modelSettings.timeoutMs must be a positive finite number less than or equal to ${MAX_TIMER_MS} when provided. ` +
      `It is ${timeoutMs}. Leave it out for no limit.`,
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

/** Counts attempts, asks the policy, waits. */
class RetryLoop {
  readonly #model: Model;
  readonly #request: ModelRequest;
  readonly #hooks: RetryHooks;
  readonly #stream: boolean;
  readonly #now: () => number;
  readonly #origin: number;
  #attempt = 0;
  #startedAt = 0;

  constructor(model: Model, request: ModelRequest, { hooks, stream }: { hooks: RetryHooks; stream: boolean }) {
    this.#model = model;
    this.#request = request;
    this.#hooks = hooks;
    this.#stream = stream;
    this.#now = hooks.now ?? (() => performance.now());
    this.#origin = this.#now();
  }

  begin(): void {
    this.#attempt++;
    this.#startedAt = this.#now() - this.#origin;
  }

  succeeded(): void {
    this.#hooks.onAttempt?.({ startedAt: this.#startedAt });
  }

  /** Returns after the wait if there is to be another attempt; throws the error otherwise. */
  async failed(error: unknown, emitted: boolean): Promise<void> {
    let delayMs: number | undefined;
    try {
      delayMs = await this.#delay(error, emitted);
    } finally {
      const attempt: ModelAttempt = { startedAt: this.#startedAt, error };
      if (delayMs !== undefined) attempt.delayMs = delayMs;
      this.#hooks.onAttempt?.(attempt);
    }
    if (delayMs === undefined) throw error;
    await (this.#hooks.sleep ?? sleep)(delayMs, this.#request.signal);
  }

  /** Milliseconds until the next attempt; `undefined` for none. */
  async #delay(error: unknown, emitted: boolean): Promise<number | undefined> {
    const { signal, modelSettings, previousResponseId, conversationId } = this.#request;
    const { maxRetries = 0, policy, backoff } = modelSettings.retry ?? {};
    if (!policy || this.#attempt > maxRetries || emitted || signal?.aborted || isAbort(error)) return undefined;
    const advice = await this.#advice(error);
    const normalized = normalizeError(error, advice);
    if (normalized.isAbort) return undefined;
    const replaySafety = advice?.replaySafety ?? 'unknown';
    const statefulRequest = previousResponseId !== undefined || conversationId !== undefined;
    const context: RetryPolicyContext = {
      error,
      attempt: this.#attempt,
      maxRetries,
      stream: this.#stream,
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
    return delayMs === undefined ? this.#backoff(backoff) : Math.max(0, delayMs);
  }

  async #advice(error: unknown): Promise<ModelRetryAdvice | undefined> {
    const args = { request: this.#request, error, stream: this.#stream, attempt: this.#attempt };
    return await this.#model.getRetryAdvice?.(args);
  }

  #backoff(settings: ModelRetryBackoffSettings = {}): number {
    const { initialDelayMs = 250, maxDelayMs = 2000, multiplier = 2, jitter = true } = settings;
    const base = Math.min(maxDelayMs, initialDelayMs * multiplier ** (this.#attempt - 1));
    const spread = jitter ? 1 + ((this.#hooks.random ?? Math.random)() * 2 - 1) * 0.125 : 1;
    return Math.max(0, Math.round(base * spread));
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
