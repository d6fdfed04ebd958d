/**
 * One call of a route: what its attempts share, plain or streamed (answer.ts).
 *
 * Invariants: C1 each attempt is reported once, with what it cost where that is known. C2 an abort rejects with its own
 * reason and is never retried. C3 `timeoutMs` spans all attempts and the waits between them.
 */
import { SystemError } from '../../protocol/errors.ts';
import type { Model, ModelCallAttempt, ModelRequest, ModelResponse, UsageData } from '../../protocol/model.ts';
import type { Usage } from '../../protocol/usage.ts';
import { AttemptLoop, type ModelAttempt } from '../../wire/index.ts';
import { mergeModelSettings } from '../settings.ts';
import { attemptUsage } from '../usage-data.ts';
import { Chooser, RouteUnavailableError, stickyKey, type Chosen } from './choose.ts';
import { decide } from './decide.ts';
import type { Engine } from './engine.ts';
import { refusalIn } from './failure.ts';
import { Guard } from './guard.ts';
import type { CompiledRoute, Target } from './targets.ts';
import type { RouterErrorKind } from './types.ts';

/** What is being tried. */
export type Trying = {
  readonly target: Target;
  readonly model: Model;
  readonly guard: Guard;
  readonly request: ModelRequest;
  readonly startedAt: number;
  /** The call is over, as far as limits go. */
  readonly release: (tokens?: number) => void;
  firstTokenMs?: number;
  usage?: UsageData;
  cost?: Pick<ModelCallAttempt, 'nanoUsd' | 'price'>;
  headers?: Headers;
};

type Answer = Pick<ModelResponse, 'rawUsage' | 'providerData'> & { usage: Usage };

export class RouteCall {
  readonly engine: Engine;
  readonly route: CompiledRoute;
  readonly #request: ModelRequest;
  readonly #stream: boolean;
  readonly #chooser: Chooser;
  readonly #loop: AttemptLoop;
  readonly #startedAt: number;
  readonly #totalMs: number | undefined;
  readonly #tries = new Map<Target, number>();
  #trying: Trying | undefined;
  #failed: { target: Target; because: RouterErrorKind; error: unknown } | undefined;

  constructor(engine: Engine, route: CompiledRoute, { request, stream }: { request: ModelRequest; stream: boolean }) {
    const { now, random, sleep, timeouts } = engine;
    this.engine = engine;
    this.route = route;
    this.#request = request;
    this.#stream = stream;
    this.#chooser = new Chooser(engine, route, request);
    this.#startedAt = now();
    this.#totalMs = least(timeouts.totalMs, request.modelSettings.timeoutMs);
    const onAttempt = (attempt: ModelAttempt): void => this.#report(attempt);
    const hooks = { now, random, ...(sleep && { sleep }), onAttempt };
    this.#loop = new AttemptLoop((failure) => this.#decide(failure), hooks, request.signal);
  }

  /** @throws the reason why the call is not made at all */
  async prepare(): Promise<void> {
    const { call } = this.#request;
    this.engine.budget.earn();
    if (call && call.recoveries > this.engine.maxRecoveries) {
      throw new SystemError(
        `The model call ${call.id} was cut off ${call.recoveries} times, more often than maxRecoveries ` +
          `(${this.engine.maxRecoveries}) allows. See what ends the process while it is under way.`,
      );
    }
    await this.engine.prices.load();
  }

  /** Chooses a target and gets ready to ask it. @throws RouteUnavailableError */
  async begin(): Promise<Trying> {
    const { signal } = this.#request;
    signal?.throwIfAborted();
    const { target, release } = await this.#next();
    const model = await this.#modelOf(target, release);
    this.#tries.set(target, (this.#tries.get(target) ?? 0) + 1);
    this.#announce(target);
    this.#loop.begin();
    const guard = new Guard({
      outer: signal,
      timeouts: this.engine.timeouts,
      total: this.#totalMs === undefined ? undefined : { timeoutMs: this.#totalMs, leftMs: this.#leftMs() },
      stream: this.#stream,
      label: target.label,
      onHeaders: (_status, headers) => {
        trying.headers = headers;
        target.health.learn(headers);
      },
    });
    const request = this.#requestFor(target, guard);
    const trying: Trying = { target, model, guard, request, startedAt: this.engine.now(), release };
    this.#trying = trying;
    return trying;
  }

  async #modelOf(target: Target, release: () => void): Promise<Model> {
    try {
      return await target.model();
    } catch (error) {
      release();
      target.health.breaker.released();
      throw error;
    }
  }

  async #next(): Promise<Chosen> {
    try {
      return await this.#chooser.next(this.#leftMs());
    } catch (error) {
      // What failed before says more than that nobody is left.
      if (error instanceof RouteUnavailableError && this.#failed) error.cause = this.#failed.error;
      throw error;
    }
  }

  #announce(target: Target): void {
    const { emit } = this.engine;
    if (!emit) return;
    const { name: route } = this.route;
    const failed = this.#failed;
    if (failed && failed.target !== target) {
      emit({ type: 'fallback', route, from: failed.target.label, to: target.label, because: failed.because });
    }
    emit({ type: 'attempt.started', route, target: target.label, attempt: this.#loop.count + 1 });
  }

  #leftMs(): number {
    return this.#totalMs === undefined ? Infinity : this.#startedAt + this.#totalMs - this.engine.now();
  }

  /** What the target is sent: its own settings on top, and what is the router's business left out. */
  #requestFor({ settings }: Target, guard: Guard): ModelRequest {
    const { call: _, ...rest } = this.#request;
    const { timeoutMs: __, retry: ___, ...given } = this.#request.modelSettings;
    const own = settings ? mergeModelSettings(given, settings) : given;
    // What a provider says that a streamed answer cost stands in its own usage.
    const modelSettings = this.#stream ? { ...own, preserveRawUsage: true } : own;
    return { ...rest, modelSettings, signal: guard.signal };
  }

  /** Notes what an answer used and cost. */
  price(trying: Trying, { usage, rawUsage, providerData }: Answer): void {
    const { target, headers } = trying;
    trying.usage = attemptUsage(usage);
    const response = { ...(rawUsage && { rawUsage }), ...(providerData && { providerData }) };
    const cost = this.engine.prices.costOf({ origin: target.origin(), usage: trying.usage, response, headers });
    if (cost) trying.cost = cost;
  }

  /** Whether the raw usage is for the router alone. */
  get hidesRawUsage(): boolean {
    return this.#stream && !this.#request.modelSettings.preserveRawUsage;
  }

  /** The refusal of an answer that another chain may give instead. */
  refusalOf(output: ModelResponse['output']): string | undefined {
    return this.route.refusal && !this.#chooser.stateful ? refusalIn(output) : undefined;
  }

  succeeded(trying: Trying): void {
    const { target, startedAt, usage, cost, release } = trying;
    const { emit, sticky } = this.engine;
    const ms = this.engine.now() - startedAt;
    trying.guard.release();
    release(usage?.totalTokens);
    if (target.health.succeeded(trying.firstTokenMs ?? ms)) emit?.({ type: 'target.recovered', target: target.label });
    if (sticky && this.route.targets.length > 1) {
      const key = stickyKey(this.route, this.#request);
      if (key !== undefined) sticky.set(key, target);
    }
    emit?.({
      type: 'attempt.succeeded',
      route: this.route.name,
      target: target.label,
      attempt: this.#loop.count,
      ms,
      ...(cost?.nanoUsd !== undefined && { nanoUsd: cost.nanoUsd }),
    });
    this.#loop.succeeded();
  }

  /** Returns where there is to be another attempt, after the wait. @throws the error that ends the call */
  async failed(trying: Trying, thrown: unknown, emitted: boolean): Promise<void> {
    trying.guard.release();
    await this.#loop.failed(trying.guard.explain(thrown), emitted && this.engine.midStream === 'fail');
  }

  /** The reader went away in the middle. */
  abandoned(trying: Trying): void {
    trying.guard.release();
    trying.release();
    trying.target.health.breaker.released();
    const error = new DOMException('The stream was left.', 'AbortError');
    this.#report({ startedAt: trying.startedAt - this.#startedAt, error });
  }

  async #decide({ error, emitted }: { error: unknown; emitted: boolean }): Promise<number | undefined> {
    const trying = this.#trying;
    if (!trying) return undefined;
    trying.release(trying.usage?.totalTokens);
    const deciding = {
      engine: this.engine,
      route: this.route,
      request: this.#request,
      stream: this.#stream,
      chooser: this.#chooser,
      tries: this.#tries,
      leftMs: () => this.#leftMs(),
    };
    const { delayMs, kind } = await decide(deciding, { trying, error, emitted, count: this.#loop.count });
    this.#failed = { target: trying.target, because: kind, error };
    return delayMs;
  }

  #report({ startedAt, error, delayMs }: ModelAttempt): void {
    const { onAttempt } = this.#request.call ?? {};
    const trying = this.#trying;
    if (!onAttempt || !trying) return;
    const { target, firstTokenMs, usage, cost } = trying;
    const origin = target.origin();
    onAttempt({
      at: startedAt,
      ms: this.engine.now() - this.#startedAt - startedAt,
      ...(firstTokenMs !== undefined && { firstTokenMs: Math.round(firstTokenMs) }),
      ...(error !== undefined && { error }),
      ...(delayMs !== undefined && delayMs > 0 && { delayMs }),
      target: target.label,
      ...(origin && { origin }),
      ...(usage && { usage }),
      ...cost,
      ...(error !== undefined && !cost && isFree(error) && { nanoUsd: 0 }),
    });
  }
}

/** The server answered with an error status, and nothing else: vendors do not charge for that. */
function isFree(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('status' in error)) return false;
  return typeof error.status === 'number' && !('responseStarted' in error && error.responseStarted === true);
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
