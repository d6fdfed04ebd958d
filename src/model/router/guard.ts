/**
 * The time limits of one attempt, and the signal that carries them to the wire.
 *
 * G1: an error that a limit caused is reported as that limit. G2: timers and listeners are gone after `release`.
 * G3: an attempt without limits makes no timer and no promise; one with limits makes no timer for an event.
 */
import { ModelTimeoutError } from '../../protocol/errors.ts';
import { timerMs } from '../../protocol/timers.ts';
import { attachHints, ModelError, type WireTimeouts } from '../../wire/index.ts';
import type { RouterTimeouts } from './types.ts';

export type GuardOptions = {
  outer: AbortSignal | undefined;
  timeouts: RouterTimeouts;
  /** Those of them that the wire keeps. */
  wire: WireTimeouts;
  /** The whole call's limit, and what of it is left, in milliseconds. */
  total: { timeoutMs: number; leftMs: number } | undefined;
  stream: boolean;
  label: string;
  onHeaders: (status: number, headers: Headers) => void;
};

export class Guard {
  readonly signal: AbortSignal;
  readonly #options: GuardOptions;
  readonly #controller = new AbortController();
  /** Whether it counts when events come. */
  readonly #listens: boolean;
  /** Whether any limit can end a wait. */
  readonly #limited: boolean;
  readonly #startedAt: number = 0;
  #reason: { error: unknown } | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #total: ReturnType<typeof setTimeout> | undefined;
  #phase: ReturnType<typeof setTimeout> | undefined;
  #lastEvent = 0;
  #idling = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.signal = this.#controller.signal;
    const { outer, timeouts, wire, total, stream, onHeaders } = options;
    attachHints(this.signal, { timeouts: wire, onHeaders });
    outer?.addEventListener('abort', this.#onAbort, { once: true });
    if (outer?.aborted) this.#onAbort();
    const { headersMs = 0, firstTokenMs = 0, idleMs = 0 } = timeouts;
    this.#listens = stream && (headersMs > 0 || firstTokenMs > 0 || idleMs > 0);
    this.#limited = this.#listens || total !== undefined;
    if (total) {
      const { timeoutMs, leftMs } = total;
      this.#total = this.#after(leftMs, () => new ModelTimeoutError({ timeoutMs }));
    }
    if (!this.#listens) return;
    this.#startedAt = performance.now();
    const first = leastAbove0(headersMs, firstTokenMs);
    if (first > 0) this.#phase = this.#after(first, () => this.#silence('did not answer', first, false));
  }

  readonly #onAbort = (): void => {
    this.#controller.abort(this.#options.outer?.reason);
    this.#reject?.(this.#options.outer?.reason);
  };

  #after(ms: number, error: () => unknown): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#expire(error()), timerMs(ms));
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

  /** The work, or the first limit that is reached: for models that do not listen to their signal. One at a time. */
  within<T>(work: Promise<T>): Promise<T> {
    if (!this.#limited) return work;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      work.then(resolve, reject);
      // One turn later: what is there already is given all the same.
      if (this.signal.aborted) queueMicrotask(() => reject(this.signal.reason));
    });
  }

  /** An event of a stream came. `content`: it shows something. */
  heard(content: boolean): void {
    if (!this.#listens) return;
    const isFirst = this.#lastEvent === 0;
    this.#lastEvent = performance.now();
    if (this.#idling || (!isFirst && !content)) return;
    clearTimeout(this.#phase);
    this.#phase = undefined;
    const { firstTokenMs = 0, idleMs = 0 } = this.#options.timeouts;
    if (!content && firstTokenMs > 0) {
      const left = firstTokenMs - (this.#lastEvent - this.#startedAt);
      this.#phase = this.#after(left, () => this.#silence('said nothing', firstTokenMs, true));
    }
    if (content && idleMs > 0) this.#idle(idleMs, idleMs);
  }

  /** Cheap for each event: the timer looks at the clock when it fires, and goes on waiting. */
  #idle(idleMs: number, ms: number): void {
    this.#idling = true;
    this.#phase = setTimeout(() => {
      const left = this.#lastEvent + idleMs - performance.now();
      if (left >= 1) this.#idle(idleMs, left);
      else this.#expire(this.#silence('went silent in the middle of its answer', idleMs, true));
    }, timerMs(ms));
  }

  explain(error: unknown): unknown {
    return this.#reason ? this.#reason.error : error;
  }

  /** Another attempt made this one needless. */
  cancel(): void {
    this.#controller.abort(new DOMException('Another attempt was faster.', 'AbortError'));
  }

  release(): void {
    if (this.#total !== undefined) clearTimeout(this.#total);
    if (this.#phase !== undefined) clearTimeout(this.#phase);
    this.#options.outer?.removeEventListener('abort', this.#onAbort);
  }
}

/** The lesser of those that are limits. */
function leastAbove0(a: number, b: number): number {
  if (a > 0 && b > 0) return Math.min(a, b);
  return a > 0 ? a : b;
}
