/**
 * Answers that are given again to the same request of the same tenant.
 *
 * C1: of several that ask the same at once, one asks the model and the others wait for it; where it fails they ask by
 * themselves, where it was called off one of them takes its place; a reader that stalls holds nobody up.
 * C2: a store that fails is a cache that is empty: no call fails because of it.
 */
import { UserError } from '../../protocol/errors.ts';
import type { ModelRequest } from '../../protocol/model.ts';
import { timerMs } from '../../protocol/timers.ts';
import { readText, type KeptAnswer } from './answer.ts';
import { idOf, memoryResponseStore } from './memory.ts';
import type { ResponseCacheKey, ResponseCacheStore } from './types.ts';

export type ResponseCacheOptions = {
  /** @default memoryResponseStore() */
  store?: ResponseCacheStore;
  /** How long an answer is given again, in milliseconds. @default 3_600_000: an hour */
  ttlMs?: number;
  /**
   * Whose answers they are: a name, or a function of the request, whose `undefined` keeps the request out of the cache.
   * @default the tenant of the run's `budgets`, else 'default'
   */
  tenant?: string | ((request: ModelRequest) => string | undefined);
  /** The longest answer that is kept, in characters of JSON. @default 1_000_000 */
  maxAnswerLength?: number;
};

/**
 * Whoever has the place asks the model, and says with `done` what came of it. `wanted`: somebody waits for that; from
 * then on it must not take as long as a reader pleases.
 */
export type Place =
  | { kind: 'hit'; answer: KeptAnswer }
  | { kind: 'first'; done: (outcome: Outcome) => void; wanted: Promise<void> }
  | { kind: 'alone' };
/** `text`: to be kept. `unfit`: an answer that must not be given again, or a failure. `left`: called off. */
export type Outcome = { text: string } | 'unfit' | 'left';

export type Entering = ResponseCacheKey & {
  signal: AbortSignal | undefined;
  /** How long to wait for another one's answer. */
  waitMs: number;
  onFailure: (because: string) => void;
};

/** A cache of answers, for the `cache` of a router. */
export interface ResponseCache {
  readonly options: ResponseCacheOptions;
  /** @internal */
  enter(entering: Entering): Promise<Place>;
  /** Forgets all that a tenant has. */
  clear(tenant: string): Promise<void>;
  close(): Promise<void>;
}

const HOUR = 3_600_000;
const OPTIONS = ['store', 'ttlMs', 'tenant', 'maxAnswerLength'];

/**
 * Makes a response cache. A router that gets it answers a request that it has answered before, for the same tenant, from
 * the cache: without a model, at no cost.
 *
 * @example
 * ```ts no-run
 * import { createResponseCache, createRouter, memoryResponseStore, OpenAIProvider } from '@baton/agents';
 *
 * const cache = createResponseCache({ store: memoryResponseStore({ maxBytes: 10_000_000 }), ttlMs: 600_000 });
 * createRouter({ cache, providers: { openai: new OpenAIProvider() }, models: { main: 'openai/gpt-5.4-mini' } });
 * ```
 * @throws UserError for an option that is unknown or cannot be meant
 */
export function createResponseCache(options: ResponseCacheOptions = {}): ResponseCache {
  const { store = memoryResponseStore(), ttlMs = HOUR, maxAnswerLength = 1_000_000 } = options;
  const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined)
    throw new UserError(`createResponseCache got an unknown option "${unknown}". Known: ${OPTIONS.join(', ')}.`);
  for (const [name, value] of Object.entries({ ttlMs, maxAnswerLength })) {
    if (!(value > 0)) throw new UserError(`createResponseCache got ${name}: ${value}. Give a number above 0.`);
  }
  const flights = new Map<string, Flight>();

  const lead = (entering: Entering, id: string): Promise<Place> => {
    let settle: (outcome: Outcome) => void = () => undefined;
    let want = (): void => undefined;
    const outcome = new Promise<Outcome>((resolve) => (settle = resolve));
    const wanted = new Promise<void>((resolve) => (want = resolve));
    flights.set(id, { outcome, want });
    const land = (outcome: Outcome): void => {
      settle(outcome);
      flights.delete(id);
    };
    const done = (outcome: Outcome): void => {
      if (typeof outcome === 'string' || outcome.text.length > maxAnswerLength) return land(outcome);
      settle(outcome);
      // Until it is kept, who asks the same finds it here.
      void guarded(() => store.set(entering, outcome.text, { ttlMs }), entering).then(() => flights.delete(id));
    };
    return guarded(async () => {
      const text = await store.get(entering);
      return text === undefined ? undefined : { text, answer: readText(text) };
    }, entering).then((found) => {
      if (!found) return { kind: 'first', done, wanted };
      land({ text: found.text });
      return { kind: 'hit', answer: found.answer };
    });
  };

  return {
    options,
    async enter(entering) {
      const id = idOf(entering);
      const until = performance.now() + entering.waitMs;
      for (;;) {
        const flight = flights.get(id);
        if (!flight) return lead(entering, id);
        flight.want();
        const outcome = await within(flight.outcome, entering.signal, until - performance.now());
        if (outcome === undefined || outcome === 'unfit') return { kind: 'alone' };
        if (outcome !== 'left') return { kind: 'hit', answer: readText(outcome.text) };
      }
    },
    clear: (tenant) => store.clear(tenant),
    close: () => store.close(),
  };
}

/** What becomes of an answer that is asked for now, and how to say that one waits for it. */
type Flight = { outcome: Promise<Outcome>; want: () => void };

async function guarded<T>(work: () => Promise<T>, { onFailure }: Entering): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    onFailure(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** The work, or `undefined` when the time is up. @throws the signal's reason */
function within<T>(work: Promise<T>, signal: AbortSignal | undefined, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => end(() => reject(signal?.reason));
    const timer = setTimeout(() => end(() => resolve(undefined)), timerMs(ms));
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    void work.then((value) => end(() => resolve(value)));
  });
}
