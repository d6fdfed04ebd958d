/** The time limits of one attempt, and the signal that carries them to the wire. */
import { ModelTimeoutError } from '../../protocol/errors.ts';
import { attachHints, MAX_TIMER_MS, ModelError } from '../../wire/index.ts';
import type { RouterTimeouts } from './types.ts';

export type GuardOptions = {
  outer: AbortSignal | undefined;
  timeouts: RouterTimeouts;
  /** The whole call's limit, and what of it is left, in milliseconds. */
  total: { timeoutMs: number; leftMs: number } | undefined;
  stream: boolean;
  label: string;
  onHeaders: (status: number, headers: Headers) => void;
};

/** G1: an error that a limit caused is reported as that limit. G2: timers and listeners are gone after `release`. */
export class Guard {
  readonly signal: AbortSignal;
  readonly #options: GuardOptions;
  readonly #controller = new AbortController();
  #reason: { error: unknown } | undefined;
  #expired: Promise<never> | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #total: ReturnType<typeof setTimeout> | undefined;
  #phase: ReturnType<typeof setTimeout> | undefined;
  #lastEvent = 0;
  #idling = false;
  readonly #startedAt = performance.now();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.signal = this.#controller.signal;
    const { outer, timeouts, total, stream, onHeaders } = options;
    const { headersMs, idleMs, firstTokenMs } = timeouts;
    const wire = { ...(headersMs !== undefined && { headersMs }), ...(idleMs !== undefined && { idleMs }) };
    attachHints(this.signal, { timeouts: wire, onHeaders });
    outer?.addEventListener('abort', this.#onAbort, { once: true });
    if (outer?.aborted) this.#onAbort();
    if (total) {
      const { timeoutMs, leftMs } = total;
      this.#total = this.#after(leftMs, () => new ModelTimeoutError({ timeoutMs }));
    }
    const first = least(stream ? headersMs : undefined, stream ? firstTokenMs : undefined);
    if (first !== undefined) this.#phase = this.#after(first, () => this.#silence('did not answer', first, false));
  }

  readonly #onAbort = (): void => {
    this.#controller.abort(this.#options.outer?.reason);
    this.#reject?.(this.#options.outer?.reason);
  };

  #after(ms: number, error: () => unknown): ReturnType<typeof setTimeout> | undefined {
    this.#expired ??= this.#makeExpired();
    return setTimeout(() => this.#expire(error()), Math.min(Math.max(0, ms), MAX_TIMER_MS));
  }

  #makeExpired(): Promise<never> {
    const expired = new Promise<never>((_resolve, reject) => (this.#reject = reject));
    // It may be rejected when nobody waits for it.
    expired.catch(() => undefined);
    return expired;
  }

  #expire(error: unknown): void {
    this.#reason ??= { error };
    this.#controller.abort(error);
    this.#reject?.(error);
  }

  #silence(what: string, ms: number, responseStarted: boolean): ModelError {
    return new ModelError(`${this.#options.label} ${what} for ${ms} ms.`, {
      kind: 'timeout',
      retryable: true,
      responseStarted,
    });
  }

  /** The work, or the first limit that is reached: for models that do not listen to their signal. */
  within<T>(work: Promise<T>): Promise<T> {
    return this.#expired === undefined ? work : Promise.race([work, this.#expired]);
  }

  /** An event of a stream came. `content`: it shows something. */
  heard(content: boolean): void {
    const { firstTokenMs, idleMs } = this.#options.timeouts;
    const now = performance.now();
    const isFirst = this.#lastEvent === 0;
    this.#lastEvent = now;
    if (this.#idling || (!isFirst && !content)) return;
    clearTimeout(this.#phase);
    this.#phase = undefined;
    if (!content && firstTokenMs !== undefined && firstTokenMs > 0) {
      const left = firstTokenMs - (now - this.#startedAt);
      this.#phase = this.#after(left, () => this.#silence('said nothing', firstTokenMs, true));
    }
    if (content && idleMs !== undefined && idleMs > 0) this.#idle(idleMs, idleMs);
  }

  /** Cheap for each event: the timer looks at the clock when it fires, and goes on waiting. */
  #idle(idleMs: number, ms: number): void {
    this.#idling = true;
    this.#expired ??= this.#makeExpired();
    this.#phase = setTimeout(() => {
      const left = this.#lastEvent + idleMs - performance.now();
      if (left >= 1) this.#idle(idleMs, left);
      else this.#expire(this.#silence('went silent in the middle of its answer', idleMs, true));
    }, ms);
  }

  explain(error: unknown): unknown {
    return this.#reason ? this.#reason.error : error;
  }

  /** Another attempt made this one needless. */
  cancel(): void {
    this.#controller.abort(new DOMException('Another attempt was faster.', 'AbortError'));
  }

  release(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#phase);
    this.#options.outer?.removeEventListener('abort', this.#onAbort);
  }
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  const given = [a, b].filter((ms): ms is number => ms !== undefined && ms > 0);
  return given.length === 0 ? undefined : Math.min(...given);
}
