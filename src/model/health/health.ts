/** All that is known of one endpoint: breaker, limits, how fast it is. One for each endpoint, model and credential. */
import { rateLimitsOf } from '../../wire/index.ts';
import { signal } from '../../wire/signals.ts';
import { Breaker, type BreakerOptions, type Closed, type Failure } from './breaker.ts';
import { Limits, type LimitOptions } from './limits.ts';

export type HealthOptions = {
  breaker: BreakerOptions;
  limits: LimitOptions;
  now: () => number;
  wallClock: () => number;
};

export class Health {
  readonly breaker: Breaker;
  readonly limits: Limits;
  readonly #now: () => number;
  readonly #wallClock: () => number;
  #latency: number | undefined;

  constructor({ breaker, limits, now, wallClock }: HealthOptions) {
    this.breaker = new Breaker(breaker, wallClock);
    this.limits = new Limits(limits);
    this.#now = now;
    this.#wallClock = wallClock;
  }

  /** Milliseconds from a call to its first content, of late. `undefined`: never asked. */
  get latency(): number | undefined {
    return this.#latency;
  }

  closed(): Closed | undefined {
    return this.breaker.closed(this.#now());
  }

  begin(): (tokens?: number) => void {
    this.breaker.begin();
    return this.limits.begin(this.#now());
  }

  /** Returns whether an endpoint that rested is well again. */
  succeeded(latency: number): boolean {
    this.#latency = this.#latency === undefined ? latency : this.#latency * 0.8 + latency * 0.2;
    return this.breaker.succeeded(this.#now());
  }

  /** Returns why it rests now, where it does. */
  failed(failure: Failure): Closed | undefined {
    return this.#rests(this.breaker.failed(this.#now(), failure));
  }

  /** An answer's headers: a vendor that has nothing left is not asked again before it has. */
  learn(headers: unknown): void {
    const limits = rateLimitsOf(headers, this.#wallClock());
    for (const limit of [limits?.requests, limits?.tokens]) {
      if (limit?.remaining === 0 && limit.resetMs !== undefined) {
        const isResting = this.closed() !== undefined;
        const rests = this.breaker.rest(this.#now() + limit.resetMs);
        // A rest that gets longer is no second one.
        if (!isResting) this.#rests(rests);
      }
    }
  }

  #rests(closed: Closed | undefined): Closed | undefined {
    if (!closed) return undefined;
    const { why: because, until } = closed;
    signal('baton:cooldown', () => ({ because, forMs: Math.max(0, until - this.#now()) }));
    return closed;
  }
}
