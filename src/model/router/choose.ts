/**
 * Finds the target of the next attempt of one call.
 *
 * T1: a target that was given up is not asked again in this call. T2: each target is checked each time: what it can
 * do, whether it rests, whether its limits allow it. T3: a request on state that a server holds stays where it is.
 */
import type { ModelRequest, Origin } from '../../protocol/model.ts';
import { timerMs } from '../../protocol/timers.ts';
import { sleep } from '../../wire/index.ts';
import { lacks } from './capabilities.ts';
import type { Engine, Sticky } from './engine.ts';
import { RouteUnavailableError, type Skipped } from './errors.ts';
import { ordered } from './order.ts';
import type { Chain, CompiledRoute, Step, Target } from './targets.ts';
import type { SkipReason } from './types.ts';

/** A target, and what to call when the attempt at it is over. */
export type Chosen = { target: Target; release: (tokens?: number) => void };

/** In the same turn as it was found free: others choose at the same time. */
const taken = (target: Target): Chosen => ({ target, release: target.health.begin() });

type Wait = { ms: number | undefined; target: Target };

export class Chooser {
  readonly #engine: Engine;
  readonly #route: CompiledRoute;
  readonly #request: ModelRequest;
  /** The one target of a request on state that it holds. */
  readonly #home: Target | undefined;
  readonly #givenUp = new Set<Target>();
  #chain: Chain;
  /** Asked first while it can be: the target of the last reply, or the one that is tried again. */
  #preferred: Target | undefined;
  #avoided: Target | undefined;
  #skipped: Skipped[] = [];

  constructor(engine: Engine, route: CompiledRoute, request: ModelRequest) {
    this.#engine = engine;
    this.#route = route;
    this.#request = request;
    this.#chain = route.main;
    this.#preferred = stickyTarget(engine, route, request);
    const stateful = request.previousResponseId !== undefined || request.conversationId !== undefined;
    this.#home = stateful ? (this.#preferred ?? route.main[0]?.targets[0]) : undefined;
  }

  get stateful(): boolean {
    return this.#home !== undefined;
  }

  prefer(target: Target): void {
    this.#preferred = target;
  }

  /** Does not ask a target again in this call. */
  giveUp(target: Target): void {
    this.#givenUp.add(target);
    if (this.#preferred === target) this.#preferred = undefined;
  }

  /** Asks another target first, if there is one. */
  avoid(target: Target): void {
    this.#avoided = target;
    if (this.#preferred === target) this.#preferred = undefined;
  }

  /** Goes on with another chain. Returns whether it has a target that was not asked yet. */
  switchTo(chain: Chain): boolean {
    this.#chain = chain;
    this.#preferred = undefined;
    return this.hasMore();
  }

  hasMore(): boolean {
    return this.#steps().some(({ targets }) => targets.some((target) => !this.#givenUp.has(target)));
  }

  /** Another target that can be asked at once; the same one where there is no other. Its place is not taken yet. */
  beside(first: Target): Target | undefined {
    for (const step of this.#steps()) {
      const other = ordered(step, this.#engine).find((target) => target !== first && this.#isFree(target));
      if (other) return other;
    }
    const { health } = first;
    return !health.closed() && health.limits.waitMs(this.#engine.now()) === 0 ? first : undefined;
  }

  /** Whether another target of the same pool could be asked at once. */
  hasEqual(target: Target): boolean {
    const step = this.#steps().find(({ targets }) => targets.includes(target));
    return step?.targets.some((other) => other !== target && this.#isFree(other)) ?? false;
  }

  /** Whether any other target could be asked at once. */
  hasOther(target: Target): boolean {
    return this.#steps().some(({ targets }) => targets.some((other) => other !== target && this.#isFree(other)));
  }

  #isFree(target: Target): boolean {
    const { health } = target;
    return (
      !this.#givenUp.has(target) &&
      !lacks(target.can, this.#request) &&
      !this.#isDoubtful(target) &&
      !health.closed() &&
      health.limits.waitMs(this.#engine.now()) === 0
    );
  }

  /** The target to ask, its place taken; waits for one where none is free. @throws RouteUnavailableError */
  async next(leftMs: number): Promise<Chosen> {
    const queueUntil = this.#engine.now() + Math.min(this.#engine.maxQueueMs, leftMs);
    for (;;) {
      const found = this.#look();
      if ('target' in found) {
        this.#avoided = undefined;
        return taken(found.target);
      }
      const { wait, broken } = found;
      const now = this.#engine.now();
      if (!wait || (wait.ms !== undefined && now + wait.ms > queueUntil) || now >= queueUntil) {
        // Better a try than none: the breaker only guesses that it fails.
        if (broken) return taken(broken);
        throw new RouteUnavailableError(this.#route.name, this.#skipped);
      }
      await this.#pause(wait, queueUntil - now);
    }
  }

  async #pause({ ms, target }: Wait, leftMs: number): Promise<void> {
    const { signal } = this.#request;
    const { sleep: wait = sleep } = this.#engine;
    if (ms !== undefined) return wait(ms, signal);
    // Another call's end frees a place; nobody waits longer than a call may queue.
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const timer = setTimeout(() => controller.abort(QUEUED_TOO_LONG), timerMs(leftMs));
    try {
      await target.health.limits.freed(controller.signal);
    } catch (error) {
      if (error !== QUEUED_TOO_LONG) throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #look(): { target: Target } | { wait: Wait | undefined; broken: Target | undefined } {
    this.#skipped = [];
    const first = this.#preferred;
    if (first && this.#isFree(first)) return { target: first };
    let wait: Wait | undefined;
    let broken: { target: Target; until: number } | undefined;
    for (const target of this.#candidates()) {
      if (this.#givenUp.has(target)) continue;
      const lacking = lacks(target.can, this.#request);
      if (lacking) {
        this.#skip(target, lacking);
        continue;
      }
      const now = this.#engine.now();
      const closed = target.health.closed();
      // A timer may fire a moment before the clock says so.
      const nearly = closed && target === this.#preferred && closed.until - now <= NEARLY_MS;
      if (closed && !nearly) {
        this.#skip(target, closed.why, { forMs: closed.until - now, said: closed.said });
        if (closed.why === 'breaker' && (!broken || closed.until < broken.until))
          broken = { target, until: closed.until };
        wait = sooner(wait, { ms: Math.max(1, closed.until - now), target });
        continue;
      }
      const ms = target.health.limits.waitMs(now);
      if (ms === 0) return { target };
      this.#skip(target, 'limit', { forMs: ms });
      wait = sooner(wait, { ms, target });
    }
    return { wait, broken: broken?.target };
  }

  #skip(target: Target, because: SkipReason, more: Pick<Skipped, 'forMs' | 'said'> = {}): void {
    this.#skipped.push({ target: target.label, because, ...more });
    this.#engine.emit?.({ type: 'skipped', route: this.#route.name, target: target.label, because });
  }

  #steps(): readonly Step[] {
    // What the server holds, only the target that has it knows.
    return this.#home ? [{ targets: [this.#home], strategy: 'weighted' }] : this.#chain;
  }

  /** In the order in which they are asked: what surely cannot do it, as far as is known, comes last. */
  #candidates(): readonly Target[] {
    const { targets } = this.#route;
    // Most routes have one target, or a chain of which the first is asked.
    if (targets.length === 1 && this.#chain === this.#route.main && !this.#home) return targets;
    const all = [...this.#inOrder()];
    if (all.length < 2 || !all.some(({ known }) => known)) return all;
    const fit = all.filter((target) => !this.#isDoubtful(target));
    return fit.length === all.length ? all : [...fit, ...all.filter((target) => !fit.includes(target))];
  }

  #isDoubtful({ known }: Target): boolean {
    return known !== undefined && lacks(known, this.#request) !== undefined;
  }

  *#inOrder(): Generator<Target> {
    const first = this.#preferred;
    if (first) yield first;
    for (const step of this.#steps()) {
      for (const target of ordered(step, this.#engine)) if (target !== first && target !== this.#avoided) yield target;
      if (this.#avoided && step.targets.includes(this.#avoided)) yield this.#avoided;
    }
  }
}

const NEARLY_MS = 5;
const QUEUED_TOO_LONG = Symbol('queued too long');

/** What is known is sooner than what depends on others. */
function sooner(a: Wait | undefined, b: Wait): Wait {
  if (!a) return b;
  if (a.ms === undefined || b.ms === undefined) return a.ms === undefined ? b : a;
  return b.ms < a.ms ? b : a;
}

/** How many items are looked at for their origin, from the newest. */
const LOOKED_AT = 200;

/** The target that answered last in this conversation: the items say who spoke, else this process remembers. */
function stickyTarget(engine: Engine, route: CompiledRoute, request: ModelRequest): Target | undefined {
  const { sticky } = engine;
  const { targets } = route;
  if (!sticky || targets.length === 1) return undefined;
  const { input } = request;
  if (typeof input !== 'string') {
    for (let at = input.length - 1; at >= 0 && at >= input.length - LOOKED_AT; at--) {
      const origin = input[at]?.origin;
      if (!origin) continue;
      const same = targets.filter((target) => isSame(target.origin(), origin));
      if (same.length === 0) continue;
      const known = same.length > 1 ? remembered(sticky, route, request) : undefined;
      // Several keys of one model: the one that is known to have answered, else the one that has least to do.
      if (known && same.includes(known)) return known;
      return ordered({ targets: same, strategy: 'leastLoaded' }, engine)[0];
    }
  }
  return remembered(sticky, route, request);
}

function remembered(sticky: Sticky, route: CompiledRoute, request: ModelRequest): Target | undefined {
  const key = stickyKey(route, request);
  const known = key === undefined ? undefined : sticky.get(key);
  return known && route.targets.includes(known) ? known : undefined;
}

const isSame = (a: Origin | undefined, b: Origin): boolean =>
  a !== undefined && a.provider === b.provider && a.model === b.model && a.project === b.project;

export function stickyKey(route: CompiledRoute, { call }: ModelRequest): string | undefined {
  return call && `${call.sessionId ?? call.runId}\n${call.agent}\n${route.name}`;
}
