/**
 * How much an endpoint is asked: requests and tokens a minute, calls at once.
 *
 * L1: within any 60 seconds no more than `rpm` requests begin. L2: tokens are reserved by what calls used to need, and
 * corrected by what they did. L3: memory is bounded by the limits themselves. L4: what a vendor says that is left is
 * believed, whatever was set; calls under way are taken to be not counted in it yet. L5: what other processes were heard
 * to use counts as this one's own; between two looks at the board they may use more.
 */
import { Allowance, type Said } from './allowance.ts';

export type LimitOptions = {
  /** Requests a minute. @default no limit */
  rpm?: number;
  /** Tokens a minute, in and out. @default no limit */
  tpm?: number;
  /** Calls at once. @default no limit */
  maxConcurrent?: number;
};

const MINUTE = 60_000;
/** What a call is taken to need before any has told. */
const FIRST_GUESS = 1000;
/** Others have used all of it: nobody knows when theirs is a minute old. */
const LOOK_AGAIN_MS = 1000;

type Used = { at: number; tokens: number };

export class Limits {
  readonly #options: LimitOptions;
  #recent: Used[] = [];
  #inFlight = 0;
  #typical = FIRST_GUESS;
  #waiting: (() => void)[] = [];
  #others: { requests: number; tokens: number; at: number } | undefined;
  readonly #said = { requests: new Allowance(), tokens: new Allowance() };

  constructor(options: LimitOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Milliseconds until a call may begin; 0: now. `undefined`: when another one ends. */
  waitMs(now: number): number | undefined {
    const { rpm, tpm, maxConcurrent } = this.#options;
    if (maxConcurrent !== undefined && this.#inFlight >= maxConcurrent) return undefined;
    const bySaid = Math.max(
      this.#said.requests.waitMs(1, now),
      // More than ever was left is not waited for.
      this.#said.tokens.waitMs(this.#typical, now),
    );
    if (rpm === undefined && tpm === undefined) return bySaid;
    this.#recent = this.#recent.filter(({ at }) => now - at < MINUTE);
    const others = this.#others && now - this.#others.at < MINUTE ? this.#others : { requests: 0, tokens: 0 };
    return Math.max(
      bySaid,
      rpm === undefined ? 0 : this.#requestWait(rpm - others.requests, now),
      tpm === undefined ? 0 : this.#tokenWait(tpm - others.tokens, now),
    );
  }

  #requestWait(rpm: number, now: number): number {
    if (rpm <= 0) return LOOK_AGAIN_MS;
    return this.#recent.length < rpm ? 0 : this.#freeAt(this.#recent.length - rpm, now);
  }

  /** An answer's headers. */
  learn(what: 'requests' | 'tokens', said: Said, now: number): void {
    const underWay = Math.max(0, this.#inFlight - 1) * (what === 'requests' ? 1 : this.#typical);
    this.#said[what].learn(said, underWay, now);
  }

  /** What other processes used within the last minute. */
  hear(others: { requests: number; tokens: number }, now: number): void {
    this.#others = { requests: others.requests, tokens: others.tokens, at: now };
  }

  /** When the nth of the recent calls is a minute old. */
  #freeAt(n: number, now: number): number {
    const used = this.#recent[n];
    return used ? Math.max(1, used.at + MINUTE - now) : 0;
  }

  #tokenWait(tpm: number, now: number): number {
    if (tpm <= 0) return LOOK_AGAIN_MS;
    let sum = this.#recent.reduce((total, { tokens }) => total + tokens, 0);
    let n = 0;
    // A call that is larger than the whole limit is let through when no other counts any more.
    while (n < this.#recent.length && sum + this.#typical > tpm) sum -= this.#recent[n++]?.tokens ?? 0;
    return n === 0 ? 0 : this.#freeAt(n - 1, now);
  }

  /** A call begins. Call what is returned when it is over, with the tokens that it used where they are known. */
  begin(now: number): (tokens?: number) => void {
    const { rpm, tpm } = this.#options;
    this.#inFlight += 1;
    this.#said.requests.use(1, now);
    this.#said.tokens.use(this.#typical, now);
    const used: Used = { at: now, tokens: this.#typical };
    if (rpm !== undefined || tpm !== undefined) this.#recent.push(used);
    let over = false;
    return (tokens) => {
      if (over) return;
      over = true;
      this.#inFlight -= 1;
      if (tokens !== undefined && tokens > 0) {
        used.tokens = tokens;
        this.#typical = Math.round(this.#typical * 0.8 + tokens * 0.2);
      }
      this.#waiting.shift()?.();
    };
  }

  /** Resolves when a call ends, or rejects with the signal's reason. */
  freed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((each) => each !== wake);
        reject(signal?.reason);
      };
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(wake);
    });
  }
}
