/**
 * One attempt, or two at once where the first is slow.
 *
 * R1: the first good answer wins; the other one is aborted before anything else happens. R2: a failure is no answer:
 * the other one is waited for. R3: a second attempt that its budget refused was never made.
 */
import { timerMs } from '../../protocol/timers.ts';
import { BudgetExceededError } from '../budgets/errors.ts';
import type { RouteCall } from './call.ts';
import type { Trying } from './trying.ts';

/** An attempt under way. */
export interface Racer<T> {
  readonly trying: Trying;
  /** Until there is something to win with. @throws what ends the attempt */
  run(): Promise<T>;
  /** It is not wanted any more. */
  drop(): void;
}

export type Finish<R, T> = { racer: R } & ({ ok: true; value: T } | { ok: false; error: unknown });

/**
 * How the race ended. Never rejects: what goes wrong beside the attempts counts as a failure of the first.
 *
 * @param begin makes the second attempt
 */
export function race<T, R extends Racer<T>>(
  call: RouteCall,
  first: R,
  begin: (trying: Trying) => R,
): Promise<Finish<R, T>> {
  const afterMs = call.hedging?.delayMs(first.trying.target, call.stream);
  const running = finish<T, R>(first);
  if (afterMs === undefined) return running;
  return against(call, { first, running, afterMs }, begin).catch((error: unknown) => ({
    racer: first,
    ok: false,
    error,
  }));
}

type Slow<T, R> = { first: R; running: Promise<Finish<R, T>>; afterMs: number };

async function against<T, R extends Racer<T>>(
  call: RouteCall,
  { first, running, afterMs }: Slow<T, R>,
  begin: (trying: Trying) => R,
): Promise<Finish<R, T>> {
  const early = await within(call, running, afterMs);
  if (early) return early;
  const trying = await second(call, first.trying, afterMs);
  if (!trying) return running;
  const other = begin(trying);
  const besides = finish<T, R>(other);
  const best = await Promise.race([running, besides]);
  if (best.ok) {
    const loser = best.racer === first ? other : first;
    call.lost(loser.trying, best.racer.trying);
    loser.drop();
    return best;
  }
  if (best.racer === other) {
    await call.failedBeside(trying, best.error);
    return running;
  }
  // Where nobody answered, what the vendor said counts, and not that there was no budget for two.
  const ms = call.engine.now() - first.trying.startedAt;
  const last = await besides;
  if (!last.ok && last.error instanceof BudgetExceededError) {
    await call.failedBeside(trying, last.error);
    return best;
  }
  await call.failedBeside(first.trying, best.error, ms);
  return last;
}

async function finish<T, R extends Racer<T>>(racer: R): Promise<Finish<R, T>> {
  try {
    return { racer, ok: true, value: await racer.run() };
  } catch (error) {
    return { racer, ok: false, error };
  }
}

/** What came within a time; `undefined` where nothing did. */
function within<F>(call: RouteCall, running: Promise<F>, ms: number): Promise<F | undefined> {
  const { sleep } = call.engine;
  return new Promise((resolve) => {
    const late = (): void => resolve(undefined);
    // A plain timer: most calls are in time, and should not pay for more.
    const timer = sleep ? void sleep(ms).then(late, late) : setTimeout(late, timerMs(ms));
    void running.then((finished) => {
      clearTimeout(timer);
      resolve(finished);
    });
  });
}

async function second(call: RouteCall, first: Trying, afterMs: number): Promise<Trying | undefined> {
  try {
    return await call.beginBeside(first, afterMs);
  } catch {
    // The first one is still under way: that a second cannot be begun is no failure of the call.
    return undefined;
  }
}
