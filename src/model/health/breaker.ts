/**
 * Whether an endpoint is fit to be asked: cool-downs and a circuit breaker, by what errors say and not only by status.
 *
 * B1: what the request itself is guilty of (bad request, context window, content policy) and what was cancelled says
 * nothing of the endpoint. B2: an open breaker lets one call through when its time is up, and closes when that is well.
 * B3: memory is bounded: the newest outcomes, no more.
 */
import type { ModelErrorKind } from '../../wire/index.ts';

export type BreakerOptions = {
  /** How many of the newest outcomes count. @default 20 */
  window?: number;
  /** Outcomes older than this do not count, in milliseconds. @default 60_000 */
  windowMs?: number;
  /** How many outcomes there must be. @default 10 */
  minCalls?: number;
  /** The share of failures that opens the breaker. @default 0.5 */
  failureRate?: number;
  /** How long it stays open, in milliseconds; doubled each time that the trial fails, up to ten times. @default 30_000 */
  openMs?: number;
  /** How long an endpoint rests after "too many requests" without a Retry-After, in milliseconds. @default 5000 */
  cooldownMs?: number;
  /** How long a wrong key, an empty account or an unknown model keeps an endpoint out, in milliseconds. @default 60_000 */
  configErrorMs?: number;
};

/** Why an endpoint is not asked now, and until when, in the clock's milliseconds. */
export type Closed = {
  why: 'cooldown' | 'breaker' | 'quota' | 'config';
  until: number;
  /** What the endpoint said, where we know that it holds no secret. */
  said?: string;
  /** Another process said so. */
  heard?: true;
  /** Most of what went wrong may have been this process's own network. */
  alone?: true;
};

type Outcome = { at: number; failed: boolean; answered: boolean };

/** `said`: the message, where it may be told to whoever asks next. */
export type Failure = { kind: ModelErrorKind; retryAfterMs?: number; message?: string; said?: string };

/** The endpoint itself said these. */
const ANSWERS = new Set<ModelErrorKind>(['overloaded', 'server', 'rate_limit', 'quota_exhausted']);

export class Breaker {
  readonly #options: Required<BreakerOptions>;
  readonly #wallClock: () => number;
  #outcomes: Outcome[] = [];
  #closed: Closed | undefined;
  /** Calls that began while it rested. */
  readonly #trials = new Set<object>();
  /** How many rests there had been when a call began. */
  readonly #begun = new WeakMap<object, number>();
  #rests = 0;
  #openings = 0;

  constructor(options: BreakerOptions, wallClock: () => number) {
    const { window = 20, windowMs = 60_000, minCalls = 10, failureRate = 0.5 } = options;
    const { openMs = 30_000, cooldownMs = 5000, configErrorMs = 60_000 } = options;
    this.#options = { window, windowMs, minCalls, failureRate, openMs, cooldownMs, configErrorMs };
    this.#wallClock = wallClock;
  }

  /** Why it must not be asked; `undefined` where it may. */
  closed(now: number): Closed | undefined {
    const closed = this.#closed;
    if (!closed) return undefined;
    if (now < closed.until || this.#trials.size > 0) return closed;
    return undefined;
  }

  /** A call begins, whatever stands for it. After an opening this is the trial. */
  begin(call: object): void {
    this.#begun.set(call, this.#rests);
    if (this.#closed) this.#trials.add(call);
  }

  /** A call went well. Returns whether that closed an open breaker. */
  succeeded(now: number, call: object): boolean {
    const isTrial = this.#trials.delete(call);
    // What began before the rest, and ends well within it, does not end it.
    const reopened = this.#closed !== undefined && (isTrial || now >= this.#closed.until);
    if (reopened) {
      this.#closed = undefined;
      this.#trials.clear();
      this.#openings = 0;
      this.#outcomes = [];
    }
    this.#note({ at: now, failed: false, answered: true });
    return reopened;
  }

  /** A call ended without saying anything of the endpoint. */
  released(call: object): void {
    this.#trials.delete(call);
  }

  /** A call failed. Returns why the endpoint rests now, where that is new. */
  failed(now: number, failure: Failure, call: object): Closed | undefined {
    const trial = this.#trials.delete(call);
    const rest = this.#restAfter(now, failure);
    if (rest === 'nothing') return undefined;
    const said = failure.said === undefined ? {} : { said: failure.said };
    if (rest) return this.#close({ ...rest, ...said });
    // It began before a rest: that was the answer to it.
    if (!trial && (this.#begun.get(call) ?? this.#rests) < this.#rests) return undefined;
    this.#note({ at: now, failed: true, answered: ANSWERS.has(failure.kind) });
    const { openMs, minCalls, failureRate, windowMs } = this.#options;
    const recent = this.#outcomes.filter(({ at }) => now - at <= windowMs);
    const failures = recent.filter(({ failed }) => failed).length;
    const answers = recent.filter(({ failed, answered }) => failed && answered).length;
    if (!trial && (recent.length < minCalls || failures / recent.length < failureRate)) return undefined;
    const until = now + openMs * 2 ** Math.min(this.#openings, 10);
    this.#openings += 1;
    this.#outcomes = [];
    return this.#close({ why: 'breaker', until, ...said, ...(answers * 2 < failures && { alone: true as const }) });
  }

  /** The vendor said in a header that nothing is left. Returns whether that is new. */
  rest(until: number): boolean {
    if (this.#closed && this.#closed.until >= until) return false;
    this.#close({ why: 'cooldown', until });
    return true;
  }

  /** Another process said that it rests, or does no more. What this one found out itself stands. */
  hear(closed: Omit<Closed, 'heard' | 'alone'> | undefined): void {
    const known = this.#closed;
    if (!closed) {
      if (known?.heard && this.#trials.size === 0) this.#closed = undefined;
      return;
    }
    if (this.#trials.size > 0 || (known && known.until >= closed.until)) return;
    this.#closed = { ...closed, heard: true };
  }

  #close(closed: Closed): Closed {
    this.#closed = closed;
    this.#rests += 1;
    this.#trials.clear();
    return closed;
  }

  #note(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    if (this.#outcomes.length > this.#options.window) this.#outcomes.shift();
  }

  /** What a single error says: `undefined` where it only counts as a failure, `nothing` where not even that. */
  #restAfter(now: number, { kind, retryAfterMs, message = '' }: Failure): Closed | 'nothing' | undefined {
    const { cooldownMs, configErrorMs } = this.#options;
    switch (kind) {
      case 'rate_limit':
        return { why: 'cooldown', until: now + (retryAfterMs ?? cooldownMs) };
      case 'quota_exhausted':
        return { why: 'quota', until: now + (regainMs(message, this.#wallClock()) ?? retryAfterMs ?? configErrorMs) };
      case 'auth':
      case 'permission':
      case 'not_found':
        return { why: 'config', until: now + configErrorMs };
      case 'overloaded':
      case 'server':
        return retryAfterMs === undefined ? undefined : { why: 'cooldown', until: now + retryAfterMs };
      case 'network':
      case 'timeout':
      case 'truncated_stream':
      case 'unknown':
        return undefined;
      case 'bad_request':
      case 'context_window':
      case 'content_policy':
      case 'incomplete':
      case 'cancelled':
        return 'nothing';
    }
  }
}

/** Anthropic's spending limits say when they end: "You will regain access on 2026-12-01 at 00:00 UTC". */
function regainMs(message: string, now: number): number | undefined {
  const found = /regain access on (\d{4}-\d{2}-\d{2})(?: at (\d{2}:\d{2}) UTC)?/.exec(message);
  const until = found ? Date.parse(`${found[1]}T${found[2] ?? '00:00'}:00Z`) : NaN;
  return Number.isFinite(until) && until > now ? until - now : undefined;
}
