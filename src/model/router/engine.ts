/** What the calls of a router share. */
import { UserError } from '../../protocol/errors.ts';
import { RetryBudget, type Backoff, type ModelErrorKind, type WireTimeouts } from '../../wire/index.ts';
import { createPrices, type Prices } from '../prices/index.ts';
import type { RouterEvent, RouterOptions, RouterTimeouts } from './types.ts';
import type { Target } from './targets.ts';

export type Engine = {
  readonly retry: Backoff & { maxAttempts: number; maxTotalAttempts: number; maxRetryAfterMs: number };
  readonly budget: RetryBudget;
  readonly timeouts: RouterTimeouts;
  /** Those of them that the wire keeps. */
  readonly wireTimeouts: WireTimeouts;
  readonly fallbackOn: ReadonlySet<string>;
  readonly midStream: 'fail' | 'restart';
  readonly maxQueueMs: number;
  readonly maxRecoveries: number;
  readonly sticky: Sticky | undefined;
  readonly prices: Prices;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  readonly emit: ((event: RouterEvent) => void) | undefined;
};

const FALLBACK_ON: readonly ModelErrorKind[] = [
  'rate_limit',
  'quota_exhausted',
  'overloaded',
  'server',
  'network',
  'timeout',
  'truncated_stream',
  'auth',
  'permission',
  'not_found',
  'context_window',
  'unknown',
];

/** @throws UserError for a number that cannot be meant */
export function engineOf<Names extends string>(options: RouterOptions<Names>): Engine {
  const { retry = {}, timeouts = {}, clock = {}, onEvent, prices, sticky = true } = options;
  const {
    maxAttempts = 3,
    maxTotalAttempts = 6,
    initialDelayMs = 500,
    factor = 2,
    maxDelayMs = 30_000,
    maxRetryAfterMs = 60_000,
    budgetRatio = 0.1,
    budgetBurst = 10,
  } = retry;
  const { maxQueueMs = 30_000, maxRecoveries = 3, midStream = 'fail', fallbackOn = FALLBACK_ON } = options;
  positive({ 'retry.maxAttempts': maxAttempts, 'retry.maxTotalAttempts': maxTotalAttempts, 'retry.factor': factor });
  notNegative({ 'retry.initialDelayMs': initialDelayMs, 'retry.maxDelayMs': maxDelayMs });
  notNegative({ 'retry.maxRetryAfterMs': maxRetryAfterMs, maxQueueMs, maxRecoveries });
  notNegative({ 'retry.budgetRatio': budgetRatio, 'retry.budgetBurst': budgetBurst });
  const { headersMs, idleMs } = timeouts;
  for (const [name, ms] of Object.entries(timeouts)) notNegative({ [`timeouts.${name}`]: ms });
  return {
    retry: { maxAttempts, maxTotalAttempts, initialDelayMs, factor, maxDelayMs, maxRetryAfterMs },
    budget: new RetryBudget({ ratio: budgetRatio, burst: budgetBurst }),
    timeouts,
    wireTimeouts: { ...(headersMs !== undefined && { headersMs }), ...(idleMs !== undefined && { idleMs }) },
    fallbackOn: new Set(fallbackOn),
    midStream,
    maxQueueMs,
    maxRecoveries,
    sticky: sticky ? new Sticky() : undefined,
    // Without prices there are still the costs that providers report.
    prices: prices ?? createPrices({ catalog: false }),
    now: clock.now ?? (() => performance.now()),
    random: clock.random ?? Math.random,
    sleep: clock.sleep,
    emit: onEvent && quietly(onEvent),
  };
}

/** Who only watches cannot fail a call. */
function quietly(onEvent: (event: RouterEvent) => void): (event: RouterEvent) => void {
  return (event) => {
    try {
      onEvent(event);
    } catch {
      // A watcher that throws is its own business; the call goes on.
    }
  };
}

function positive(numbers: { [name: string]: number }): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(Number.isFinite(value) && value > 0))
      throw new UserError(`createRouter got ${name}: ${value}. Give a number above 0.`);
  }
}

function notNegative(numbers: { [name: string]: number }): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value >= 0)) throw new UserError(`createRouter got ${name}: ${value}. Give a number, 0 or more.`);
  }
}

/** Who answered last, for conversations whose items do not say it. Bounded: the oldest are forgotten. */
export class Sticky {
  readonly #targets = new Map<string, Target>();

  get(key: string): Target | undefined {
    return this.#targets.get(key);
  }

  set(key: string, target: Target): void {
    this.#targets.delete(key);
    this.#targets.set(key, target);
    if (this.#targets.size <= 10_000) return;
    const oldest = this.#targets.keys().next();
    if (!oldest.done) this.#targets.delete(oldest.value);
  }
}
