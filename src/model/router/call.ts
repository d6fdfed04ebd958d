/**
 * One call of a route: what its attempts share, plain or streamed (answer.ts).
 *
 * Invariants: C1 each attempt is reported once, with what it cost where that is known. C2 an abort rejects with its own
 * reason and is never retried. C3 `timeoutMs` spans all attempts and the waits between them.
 */
import { SystemError, UserError } from '../../protocol/errors.ts';
import type { KeptFor, Model, ModelCall, ModelRequest, ModelResponse } from '../../protocol/model.ts';
import type { Usage } from '../../protocol/usage.ts';
import { BudgetExceededError } from '../budgets/errors.ts';
import { AttemptLoop, type ModelAttempt } from '../../wire/index.ts';
import { mergeModelSettings } from '../settings.ts';
import { attemptUsage } from '../usage-data.ts';
import { Chooser, stickyKey, type Chosen } from './choose.ts';
import { RouteUnavailableError } from './errors.ts';
import { decide, judge, type Deciding } from './decide.ts';
import type { Engine } from './engine.ts';
import { refusalIn } from './failure.ts';
import { Guard } from './guard.ts';
import type { Hedging } from './hedging.ts';
import type { CompiledRoute, Target } from './targets.ts';
import { attemptOf, type Trying } from './trying.ts';
import type { RouterErrorKind } from './types.ts';

type Answer = Pick<ModelResponse, 'rawUsage' | 'providerData'> & { usage: Usage };

export class RouteCall {
  readonly engine: Engine;
  readonly route: CompiledRoute;
  readonly request: ModelRequest;
  readonly stream: boolean;
  readonly #chooser: Chooser;
  readonly #loop: AttemptLoop;
  readonly #startedAt: number;
  readonly #totalMs: number | undefined;
  readonly #tries = new Map<Target, number>();
  #trying: Trying | undefined;
  #lost: Lost[] = [];
  #answeredBy: Trying | undefined;
  #failed: { target: Target; because: RouterErrorKind; error: unknown } | undefined;

  constructor(engine: Engine, route: CompiledRoute, { request, stream }: { request: ModelRequest; stream: boolean }) {
    const { now, random, sleep, timeouts } = engine;
    this.engine = engine;
    this.route = route;
    this.request = request;
    this.stream = stream;
    this.#chooser = new Chooser(engine, route, request);
    this.#startedAt = now();
    this.#totalMs = least(timeouts.totalMs, request.modelSettings.timeoutMs);
    const onAttempt = ({ error, delayMs }: ModelAttempt): void => {
      const ended = { ...(error !== undefined && { error }), ...(delayMs !== undefined && { delayMs }) };
      if (this.#trying) this.#report(this.#trying, ended);
    };
    const hooks = { now, random, ...(sleep && { sleep }), onAttempt };
    this.#loop = new AttemptLoop((failure) => this.#decide(failure), hooks, request.signal);
  }

  /** @throws the reason why the call is not made at all */
  async prepare(): Promise<void> {
    const { call } = this.request;
    this.engine.budget.earn();
    this.route.hedging?.earn();
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
    const { signal } = this.request;
    for (;;) {
      signal?.throwIfAborted();
      const { target, release } = await this.#next();
      try {
        const model = await this.#modelOf(target, release);
        this.#announce(target);
        return this.#started({ target, model, release });
      } catch (error) {
        if (!this.#passOver(target, error)) throw error;
      }
    }
  }

  /** Whether another target may be asked where a provider could not find the model of this one. */
  #passOver(target: Target, error: unknown): boolean {
    if (error instanceof UserError || this.#chooser.stateful || !this.engine.fallbackOn.has('unknown')) return false;
    this.#chooser.giveUp(target);
    this.#failed = { target, because: 'unknown', error };
    return this.#chooser.hasMore();
  }

  /** The second requests of this call; `undefined` where it may not be made twice. */
  get hedging(): Hedging | undefined {
    const { tools, prompt } = this.request;
    const once = this.#chooser.stateful || prompt !== undefined || tools.some(({ type }) => type === 'hosted_tool');
    return once ? undefined : this.route.hedging;
  }

  /** Asks another target too; `undefined` where none is free, or no more may be asked. */
  async beginBeside(first: Trying, afterMs: number): Promise<Trying | undefined> {
    const { hedging } = this;
    if (!hedging || this.#loop.count >= this.engine.retry.maxTotalAttempts) return undefined;
    const target = this.#chooser.beside(first.target);
    if (!target || !hedging.spend()) return undefined;
    // In the same turn as it was found free.
    const release = target.health.begin();
    const model = await this.#modelOf(target, release);
    const { emit } = this.engine;
    const { name: route } = this.route;
    emit?.({ type: 'hedge', route, from: first.target.label, to: target.label, afterMs });
    emit?.({ type: 'attempt.started', route, target: target.label, attempt: this.#loop.count + 1 });
    return Object.assign(this.#started({ target, model, release }), { hedged: true as const });
  }

  #unasked({ target, release }: Chosen): void {
    release();
    target.health.breaker.released(release);
  }

  #started({ target, model, release }: Chosen & { model: Model }): Trying {
    const { signal } = this.request;
    this.#tries.set(target, (this.#tries.get(target) ?? 0) + 1);
    this.#loop.begin();
    const guard = new Guard({
      outer: signal,
      timeouts: this.engine.timeouts,
      wire: this.engine.wireTimeouts,
      total: this.#limitOf(target),
      stream: this.stream,
      label: target.label,
      onHeaders: (_status, headers) => {
        trying.headers = headers;
        target.health.learn(headers);
      },
    });
    const request = this.#requestFor(target, { guard, model });
    const attempt = this.#loop.count;
    const trying: Trying = { target, model, guard, request, startedAt: this.engine.now(), attempt, release };
    return trying;
  }

  async #modelOf(target: Target, release: () => void): Promise<Model> {
    const { guard } = this.request.call ?? {};
    try {
      const model = await target.model();
      return guard ? guard(model, target.origin()) : model;
    } catch (error) {
      this.#unasked({ target, release });
      throw error;
    }
  }

  async #next(): Promise<Chosen> {
    try {
      return await this.#chooser.next(this.leftMs());
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

  /** The attempt that answered. */
  get answeredBy(): Trying | undefined {
    return this.#answeredBy;
  }

  elapsedMs(): number {
    return this.engine.now() - this.#startedAt;
  }

  /** What is left of the time for all attempts, in milliseconds. */
  leftMs(): number {
    return this.#totalMs === undefined ? Infinity : this.#startedAt + this.#totalMs - this.engine.now();
  }

  /** How long an attempt may take: as long as its target has, or the call. */
  #limitOf({ settings }: Target): { timeoutMs: number; leftMs: number } | undefined {
    const { timeoutMs: own = Infinity } = settings ?? {};
    const leftMs = this.leftMs();
    if (own < leftMs) return { timeoutMs: own, leftMs: own };
    return this.#totalMs === undefined ? undefined : { timeoutMs: this.#totalMs, leftMs };
  }

  /** What the target is sent: its own settings on top, and what is the router's business left out. */
  #requestFor({ settings }: Target, { guard, model }: { guard: Guard; model: Model }): ModelRequest {
    const { call, ...rest } = this.request;
    const both = settings ? mergeModelSettings(this.request.modelSettings, settings) : this.request.modelSettings;
    const { timeoutMs: _, retry: __, ...own } = both;
    // What a provider says that a streamed answer cost stands in its own usage.
    const modelSettings = this.stream ? { ...own, preserveRawUsage: true } : own;
    return {
      ...rest,
      modelSettings,
      signal: guard.signal,
      ...(model.keepsRequests && call && { keptFor: ownerOf(call) }),
    };
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
    return this.stream && !this.request.modelSettings.preserveRawUsage;
  }

  /** The refusal of an answer that another chain may give instead. */
  refusalOf(output: ModelResponse['output']): string | undefined {
    return this.route.refusal && !this.#chooser.stateful ? refusalIn(output) : undefined;
  }

  succeeded(trying: Trying): void {
    const { target, startedAt, usage, cost, release } = trying;
    const { emit, sticky } = this.engine;
    const ms = this.engine.now() - startedAt;
    this.#trying = trying;
    this.#answeredBy = trying;
    this.#reportLost(trying);
    this.route.hedging?.note(target, this.stream, trying.firstTokenMs ?? ms);
    trying.guard.release();
    release(usage?.totalTokens);
    if (target.health.succeeded(trying.firstTokenMs ?? ms, release)) {
      emit?.({ type: 'target.recovered', target: target.label });
    }
    if (sticky && this.route.targets.length > 1) {
      const key = stickyKey(this.route, this.request);
      if (key !== undefined) sticky.set(key, target);
    }
    emit?.({
      type: 'attempt.succeeded',
      route: this.route.name,
      target: target.label,
      attempt: trying.attempt,
      ms,
      ...(cost?.nanoUsd !== undefined && { nanoUsd: cost.nanoUsd }),
    });
    this.#loop.succeeded();
  }

  /** Returns where there is to be another attempt, after the wait. @throws the error that ends the call */
  async failed(trying: Trying, thrown: unknown, emitted: boolean): Promise<void> {
    trying.guard.release();
    this.#trying = trying;
    this.#reportLost();
    await this.#loop.failed(trying.guard.explain(thrown), emitted && this.engine.midStream === 'fail');
  }

  /** It failed, and another one beside it did not. */
  async failedBeside(trying: Trying, thrown: unknown, ms?: number): Promise<void> {
    trying.guard.release();
    trying.release(trying.usage?.totalTokens);
    const error = trying.guard.explain(thrown);
    await judge(this.#deciding(), trying, error);
    this.#report(trying, { error, ...(ms !== undefined && { ms }) });
  }

  /** Another one was faster: this one is not wanted any more. */
  lost(trying: Trying, winner: Trying): void {
    const { target, guard, attempt } = trying;
    const ms = this.engine.now() - trying.startedAt;
    guard.cancel();
    guard.release();
    trying.release(trying.usage?.totalTokens);
    target.health.breaker.released(trying.release);
    this.route.hedging?.note(target, this.stream, ms);
    this.#lost.push({ trying, ms });
    const { name: route } = this.route;
    this.engine.emit?.({ type: 'attempt.lost', route, target: target.label, attempt, ms, to: winner.target.label });
  }

  /**
   * What was aborted says not what it used. It was asked the same: what the winner used, at the price of the loser, is
   * the best guess; it is marked as one.
   */
  #reportLost(winner?: Trying): void {
    for (const { trying, ms } of this.#lost) {
      const origin = trying.target.origin();
      const guess = winner?.usage && this.engine.prices.costOf({ origin, usage: winner.usage });
      if (guess) trying.cost ??= { ...guess, price: { ...guess.price, fuzzy: true } };
      this.#report(trying, { error: new DOMException('Another attempt was faster.', 'AbortError'), ms });
    }
    this.#lost = [];
  }

  /** The reader went away in the middle. */
  abandoned(trying: Trying): void {
    trying.guard.release();
    trying.release();
    trying.target.health.breaker.released(trying.release);
    this.#reportLost();
    this.#report(trying, { error: new DOMException('The stream was left.', 'AbortError') });
  }

  #deciding(): Deciding {
    return {
      engine: this.engine,
      route: this.route,
      request: this.request,
      stream: this.stream,
      chooser: this.#chooser,
      tries: this.#tries,
      leftMs: () => this.leftMs(),
    };
  }

  async #decide({ error, emitted }: { error: unknown; emitted: boolean }): Promise<number | undefined> {
    const trying = this.#trying;
    if (!trying) return undefined;
    trying.release(trying.usage?.totalTokens);
    const { delayMs, kind } = await decide(this.#deciding(), { trying, error, emitted, count: this.#loop.count });
    this.#failed = { target: trying.target, because: kind, error };
    return delayMs;
  }

  #report(trying: Trying, ended: { error?: unknown; delayMs?: number; ms?: number }): void {
    const { onAttempt } = this.request.call ?? {};
    // Where the budget did not allow it, nothing was sent.
    if (!onAttempt || ended.error instanceof BudgetExceededError) return;
    const { startedAt } = trying;
    onAttempt(attemptOf(trying, { at: startedAt - this.#startedAt, ms: this.engine.now() - startedAt, ...ended }));
  }
}

/** An attempt that another one outran, to be reported when it is known what that one used. */
type Lost = { trying: Trying; ms: number };

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

const ownerOf = ({ runId, sessionId }: ModelCall): KeptFor => ({
  runId,
  ...(sessionId !== undefined && { sessionId }),
});
