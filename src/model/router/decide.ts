/** What comes after a failed attempt: the same target again, another one, or the end. */
import { ModelTimeoutError } from '../../protocol/errors.ts';
import type { ModelRequest } from '../../protocol/model.ts';
import { fullJitter, isModelError } from '../../wire/index.ts';
import { delayByPolicy } from '../retry.ts';
import type { Chooser } from './choose.ts';
import type { Engine } from './engine.ts';
import { factsOf, type FailureFacts } from './failure.ts';
import type { CompiledRoute, Target } from './targets.ts';
import type { Trying } from './trying.ts';
import type { RouterErrorKind } from './types.ts';

/** While another target is free, a call does not wait longer than this for the one that failed. */
const PATIENCE_MS = 5000;

export type Deciding = {
  engine: Engine;
  route: CompiledRoute;
  request: ModelRequest;
  stream: boolean;
  chooser: Chooser;
  /** How often each target was asked. */
  tries: ReadonlyMap<Target, number>;
  leftMs: () => number;
};
export type Failed = { trying: Trying; error: unknown; emitted: boolean; count: number };

/** What a failure means; the target's health learns of it. */
export async function judge(
  { engine, route, request }: Deciding,
  trying: Trying,
  error: unknown,
): Promise<FailureFacts & { told: RouterErrorKind }> {
  const { target, model, startedAt, attempt } = trying;
  const facts = await factsOf(error, model, request);
  learn(engine, trying, { facts, error });
  const told: RouterErrorKind = facts.kind === 'mistake' ? 'unknown' : facts.kind;
  engine.emit?.({
    type: 'attempt.failed',
    route: route.name,
    target: target.label,
    attempt,
    ms: engine.now() - startedAt,
    kind: told,
    message: error instanceof Error ? error.message : String(error),
  });
  return { ...facts, told };
}

/** Milliseconds until the next attempt, for which the chooser is made ready; `undefined` for none. */
export async function decide(deciding: Deciding, failed: Failed): Promise<{ delayMs?: number; kind: RouterErrorKind }> {
  const { engine, route, request, chooser, leftMs } = deciding;
  const { trying, error, emitted, count } = failed;
  const { target } = trying;
  const facts = await judge(deciding, trying, error);
  const { told: kind } = facts;
  const final = emitted || request.signal?.aborted === true || facts.kind === 'cancelled' || facts.kind === 'mistake';
  if (final || (error instanceof ModelTimeoutError && leftMs() <= 0)) return { kind };
  if (count >= engine.retry.maxTotalAttempts) return { kind };
  const delayMs = await retryDelay(deciding, failed, facts);
  if (delayMs === undefined) return fallsBack(deciding, target, facts) ? { delayMs: 0, kind } : { kind };
  chooser.prefer(target);
  engine.emit?.({ type: 'retry', route: route.name, target: target.label, delayMs });
  return { delayMs, kind };
}

function learn(
  engine: Engine,
  { target, release: call }: Trying,
  { facts, error }: { facts: FailureFacts; error: unknown },
): void {
  const { kind, retryAfterMs } = facts;
  if (kind === 'refusal' || kind === 'budget' || kind === 'mistake') return target.health.breaker.released(call);
  const message = error instanceof Error ? error.message : '';
  const failure = {
    kind,
    message,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    // Messages of others may quote what another caller asked.
    ...(isModelError(error) && { said: message }),
  };
  const rests = target.health.failed(failure, call);
  if (!rests || !engine.emit) return;
  const forMs = Math.max(0, rests.until - engine.now());
  engine.emit({ type: 'target.rests', target: target.label, because: rests.why, forMs });
}

/** How long to wait before the same target is asked again; `undefined`: it is not. */
async function retryDelay(
  { engine, request, stream, chooser, tries, leftMs }: Deciding,
  { trying: { target, model }, error }: Failed,
  facts: FailureFacts,
): Promise<number | undefined> {
  const { retry, budget, random } = engine;
  const tried = tries.get(target) ?? 1;
  if (request.modelSettings.retry?.policy) {
    const delayMs = await delayByPolicy({ model, request, stream, random }, { error, attempt: tried, emitted: false });
    return delayMs !== undefined && delayMs < leftMs() ? delayMs : undefined;
  }
  if (!facts.retryable || tried >= retry.maxAttempts || (chooser.stateful && !facts.safe)) return undefined;
  // Another of the same rank can do it now: why wait?
  if (chooser.hasEqual(target)) return undefined;
  const { retryAfterMs = 0 } = facts;
  const patience = chooser.hasOther(target) ? Math.min(PATIENCE_MS, retry.maxRetryAfterMs) : retry.maxRetryAfterMs;
  const delayMs = Math.max(retryAfterMs, fullJitter(tried, retry, random()));
  if (retryAfterMs > patience || delayMs >= leftMs() || !budget.spend()) return undefined;
  return delayMs;
}

/** Whether another target is to be asked. */
function fallsBack({ engine, route, chooser, tries }: Deciding, target: Target, facts: FailureFacts): boolean {
  const { kind, retryable } = facts;
  const chain = specialChain(route, kind);
  if (chain) {
    chooser.giveUp(target);
    return chooser.switchTo(chain);
  }
  if (kind === 'budget') {
    // Another target may be cheaper, or free.
    chooser.giveUp(target);
    return chooser.hasMore();
  }
  if (kind === 'refusal' || !engine.fallbackOn.has(kind)) return false;
  const again = retryable && (tries.get(target) ?? 1) < engine.retry.maxAttempts && !chooser.stateful;
  if (again && chooser.hasEqual(target)) chooser.avoid(target);
  else chooser.giveUp(target);
  return chooser.hasMore();
}

function specialChain(route: CompiledRoute, kind: FailureFacts['kind']): CompiledRoute['refusal'] {
  switch (kind) {
    case 'context_window':
      return route.contextWindow;
    case 'content_policy':
      return route.contentPolicy;
    case 'refusal':
      return route.refusal;
    default:
      return undefined;
  }
}
