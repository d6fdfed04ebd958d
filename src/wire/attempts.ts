/**
 * The one loop of attempts: it counts, keeps time, waits, and says what happened. Whether there is another attempt is
 * for the caller to decide: by a policy (model/retry.ts) or by a router (model/router/).
 *
 * A1: an attempt is reported once, when it is over. A2: no wait outlasts an abort, which rejects with its own reason.
 */
import { timerMs } from '../protocol/timers.ts';

/** One try of a request. Times are milliseconds since the first try began. */
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

/** Milliseconds to wait before the next attempt; `undefined` for none. `attempt` counts from 1. */
export type Decide = (failure: {
  error: unknown;
  attempt: number;
  emitted: boolean;
}) => Promise<number | undefined> | number | undefined;

export class AttemptLoop {
  readonly #decide: Decide;
  readonly #hooks: RetryHooks;
  readonly #signal: AbortSignal | undefined;
  readonly #now: () => number;
  readonly #origin: number;
  #attempt = 0;
  #startedAt = 0;

  constructor(decide: Decide, hooks: RetryHooks, signal: AbortSignal | undefined) {
    this.#decide = decide;
    this.#hooks = hooks;
    this.#signal = signal;
    this.#now = hooks.now ?? now;
    this.#origin = this.#now();
  }

  /** How many attempts were begun. */
  get count(): number {
    return this.#attempt;
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
      delayMs = await this.#decide({ error, attempt: this.#attempt, emitted });
    } finally {
      const attempt: ModelAttempt = { startedAt: this.#startedAt, error };
      if (delayMs !== undefined) attempt.delayMs = delayMs;
      this.#hooks.onAttempt?.(attempt);
    }
    if (delayMs === undefined) throw error;
    await (this.#hooks.sleep ?? sleep)(delayMs, this.#signal);
  }
}

const now = (): number => performance.now();

export type Backoff = { initialDelayMs: number; factor: number; maxDelayMs: number };

/** Anything between 0 and the doubled-up limit, so that callers that failed together do not come back together. */
export function fullJitter(attempt: number, { initialDelayMs, factor, maxDelayMs }: Backoff, random: number): number {
  return Math.round(random * Math.min(maxDelayMs, initialDelayMs * factor ** (attempt - 1)));
}

/**
 * How many retries a system may make for its requests: a share of them, and a few on top. When everything fails, retries
 * run out instead of multiplying the load.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #burst: number;
  #tokens: number;

  constructor({ ratio, burst }: { ratio: number; burst: number }) {
    this.#ratio = ratio;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** A request was made that is no retry. */
  earn(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + this.#ratio);
  }

  /** Whether a retry may be made; it counts. */
  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Waits. Rejects with the signal's reason when it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, timerMs(ms));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
