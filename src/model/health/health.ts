/** All that is known of one endpoint: breaker, limits, how fast it is. One for each endpoint, model and credential. */
import { rateLimitsOf } from '../../wire/index.ts';
import { signal } from '../../wire/signals.ts';
import type { HealthReport, HealthView } from './board.ts';
import { Breaker, type BreakerOptions, type Closed, type Failure } from './breaker.ts';
import type { Member, Sharing } from './sharing.ts';
import { Limits, type LimitOptions } from './limits.ts';

export type HealthOptions = {
  breaker: BreakerOptions;
  limits: LimitOptions;
  now: () => number;
  wallClock: () => number;
  /** Tells other processes, and hears of them. */
  sharing?: Sharing | undefined;
  /** What it is called among them. */
  key?: string;
};

type News = { closed?: Closed | null; requests: number; tokens: number };

export class Health implements Member {
  readonly breaker: Breaker;
  readonly limits: Limits;
  readonly #now: () => number;
  readonly #wallClock: () => number;
  readonly #sharing: Sharing | undefined;
  #latency: number | undefined;
  #news: News = { requests: 0, tokens: 0 };
  /** What was reported last, until it is known that it arrived. */
  #reported: News = { requests: 0, tokens: 0 };

  constructor({ breaker, limits, now, wallClock, sharing, key }: HealthOptions) {
    this.breaker = new Breaker(breaker, wallClock);
    this.limits = new Limits(limits);
    this.#now = now;
    this.#wallClock = wallClock;
    this.#sharing = sharing;
    if (key !== undefined) sharing?.join(key, this);
  }

  /** Milliseconds from a call to its first content, of late. `undefined`: never asked. */
  get latency(): number | undefined {
    return this.#latency;
  }

  closed(): Closed | undefined {
    return this.breaker.closed(this.#now());
  }

  /** A call begins. What is to be called when it is over stands for the call where its end is told. */
  begin(): (tokens?: number) => void {
    const release = this.#begin();
    this.breaker.begin(release);
    return release;
  }

  #begin(): (tokens?: number) => void {
    const release = this.limits.begin(this.#now());
    const sharing = this.#sharing;
    if (!sharing) return release;
    this.#news.requests += 1;
    sharing.active();
    return (tokens = 0) => {
      this.#news.tokens += tokens;
      release(tokens);
    };
  }

  /** Returns whether an endpoint that rested is well again. */
  succeeded(latency: number, call: object): boolean {
    this.#latency = this.#latency === undefined ? latency : this.#latency * 0.8 + latency * 0.2;
    const isNew = this.breaker.succeeded(this.#now(), call);
    if (isNew) this.#tell(null);
    return isNew;
  }

  /** Returns why it rests now, where it does. */
  failed(failure: Failure, call: object): Closed | undefined {
    const closed = this.breaker.failed(this.#now(), failure, call);
    // A key that is wrong here, or a network that is down here, is nothing that others should go by.
    if (closed && closed.why !== 'config' && !closed.alone) this.#tell(closed);
    if (closed) this.#signal(closed);
    return closed;
  }

  /** An answer's headers: what a vendor says that is left is not overdrawn. */
  learn(headers: unknown): void {
    const limits = rateLimitsOf(headers, this.#wallClock());
    const now = this.#now();
    for (const what of ['requests', 'tokens'] as const) {
      const limit = limits?.[what];
      if (!limit) continue;
      this.limits.learn(what, limit, now);
      if (limit.remaining !== 0 || limit.resetMs === undefined) continue;
      const until = now + limit.resetMs;
      const wasResting = this.closed() !== undefined;
      if (!this.breaker.rest(until)) continue;
      this.#tell({ why: 'cooldown', until });
      // A rest that gets longer is no second one.
      if (!wasResting) this.#signal({ why: 'cooldown', until });
    }
  }

  #signal({ why: because, until }: Closed): void {
    signal('baton:cooldown', () => ({ because, forMs: Math.max(0, until - this.#now()) }));
  }

  #tell(closed: Closed | null): void {
    if (!this.#sharing) return;
    this.#news.closed = closed;
    this.#sharing.urgent();
  }

  report(): Omit<HealthReport, 'key'> {
    const { closed, requests, tokens } = this.#news;
    this.#reported = this.#news;
    this.#news = { requests: 0, tokens: 0 };
    if (closed === undefined) return { requests, tokens };
    if (closed === null) return { rests: null, requests, tokens };
    const forMs = Math.ceil(closed.until - this.#now());
    return { ...(forMs > 0 && { rests: { why: closed.why, forMs } }), requests, tokens };
  }

  unreported(): void {
    const { closed, requests, tokens } = this.#reported;
    this.#news.requests += requests;
    this.#news.tokens += tokens;
    // What is newer stands.
    if (this.#news.closed === undefined && closed !== undefined) this.#news.closed = closed;
  }

  hear({ rests, requests, tokens }: HealthView): void {
    const now = this.#now();
    this.breaker.hear(rests && { why: rests.why, until: now + rests.forMs });
    this.limits.hear({ requests, tokens }, now);
  }
}
