/**
 * A worker: looks again and again for runs that nobody has, and goes on with them. It knows no other workers, is known
 * to none and plans nothing: who takes a run is settled by the run's lease (decisions/011, 085).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunInfo } from '../log/index.ts';
import { UserError } from '../protocol/errors.ts';
import { timerMs } from '../protocol/timers.ts';
import type { Recovered, RecoverOptions } from './types.ts';

/** What a worker does, as it does it. `run` is what the log said of it before it was taken. */
export type WorkerEvent =
  | { type: 'taken'; run: RunInfo }
  /** It ended or waits: `status` is how. */
  | { type: 'rested'; run: RunInfo; status: string; ms: number }
  /** It ended with an error, or was left to others because this worker ends. */
  | { type: 'failed'; run: RunInfo; error: unknown; ms: number }
  /** It could not be taken up, such as for an agent that this worker does not know. It is tried again, ever more seldom. */
  | { type: 'refused'; runId: string; error: unknown }
  /** The store could not be looked at. It is looked at again. */
  | { type: 'trouble'; error: unknown };

export type WorkerOptions = {
  /**
   * How often it looks, in milliseconds, give or take a fifth by chance: workers that start together do not look
   * together for long. @default 5000
   */
  everyMs?: number;
  /** How many runs it has at once. @default 50 */
  limit?: number;
  /** Ends it. */
  signal?: AbortSignal;
  /** Told of what it does. Must not throw. */
  onEvent?: (event: WorkerEvent) => void;
};

/** As much of a `RunStore` as a worker needs. */
export type Recoverable = { recover(options?: RecoverOptions): Promise<Recovered[]> };

const DEFAULT_EVERY_MS = 5000;
const DEFAULT_LIMIT = 50;
/** A run that cannot be taken up is tried after twice the time each time, up to this. */
const MAX_PAUSE_MS = 300_000;

/**
 * Recovers runs until the signal fires. Runs that it has then go on: `store.drain()` ends them.
 *
 * @example
 * import { memoryLog, RunStore, runWorker } from '@baton/agents';
 *
 * const store = new RunStore({ log: memoryLog(), agents: [] });
 * await runWorker(store, { signal: AbortSignal.timeout(10) });
 * await store.close();
 *
 * @throws UserError for options out of range
 */
export async function runWorker(store: Recoverable, options: WorkerOptions = {}): Promise<void> {
  const { everyMs = DEFAULT_EVERY_MS, limit = DEFAULT_LIMIT, signal } = options;
  if (!(Number.isFinite(everyMs) && everyMs >= 10)) {
    throw new UserError(`runWorker: everyMs is ${everyMs}. Give milliseconds, 10 or more.`);
  }
  if (!(Number.isInteger(limit) && limit >= 1)) {
    throw new UserError(`runWorker: limit is ${limit}. Give a whole number, 1 or more.`);
  }
  const worker = new Worker(store, { ...options, everyMs, limit });
  while (!signal?.aborted) {
    worker.look();
    const jitter = 0.8 + 0.4 * Math.random();
    await sleep(timerMs(everyMs * jitter), undefined, { signal }).catch(() => undefined);
  }
}

type Refused = { readonly message: string; readonly pauseMs: number; readonly until: number };

class Worker {
  readonly #store: Recoverable;
  readonly #options: WorkerOptions & { everyMs: number; limit: number };
  readonly #taken = new Map<string, { run: RunInfo; since: number }>();
  readonly #refused = new Map<string, Refused>();
  /** The look under way. One that has taken all it takes is none any more, though it ends with the last of its runs. */
  #look: object | undefined;
  #trouble: string | undefined;

  constructor(store: Recoverable, options: WorkerOptions & { everyMs: number; limit: number }) {
    this.#store = store;
    this.#options = options;
  }

  /** Does not wait for what it takes: a run that takes an hour keeps no other one waiting. */
  look(): void {
    const limit = this.#options.limit - this.#taken.size;
    // One look at a time: what it is about to take counts against the limit only when it is taken.
    if (limit <= 0 || this.#look) return;
    const own = (this.#look = {});
    const end = (): void => {
      if (this.#look === own) this.#look = undefined;
    };
    const options: RecoverOptions = {
      limit,
      skip: ({ runId }) => (this.#refused.get(runId)?.until ?? 0) > performance.now(),
      onLooked: end,
      onTaken: (run) => {
        this.#refused.delete(run.runId);
        this.#taken.set(run.runId, { run, since: performance.now() });
        this.#tell({ type: 'taken', run });
      },
      onRest: (recovered) => this.#rested(recovered),
    };
    this.#store
      .recover(options)
      .then(
        () => (this.#trouble = undefined),
        (error: unknown) => this.#troubled(error),
      )
      .finally(end);
  }

  #rested({ runId, outcome }: Recovered): void {
    const taken = this.#taken.get(runId);
    this.#taken.delete(runId);
    if (!taken) return 'error' in outcome ? this.#refuse(runId, outcome.error) : undefined;
    const { run, since } = taken;
    const ms = performance.now() - since;
    this.#tell(
      'error' in outcome ? { type: 'failed', run, ms, error: outcome.error } : { type: 'rested', run, ms, ...outcome },
    );
  }

  #refuse(runId: string, error: unknown): void {
    if (isClosed(error)) return;
    const before = this.#refused.get(runId);
    const message = error instanceof Error ? error.message : String(error);
    const pauseMs = Math.min(MAX_PAUSE_MS, before ? 2 * before.pauseMs : this.#options.everyMs);
    this.#refused.set(runId, { message, pauseMs, until: performance.now() + pauseMs });
    // Said once, not at each look.
    if (before?.message !== message) this.#tell({ type: 'refused', runId, error });
  }

  #troubled(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    // Whoever ends may close the store.
    if (this.#options.signal?.aborted || message === this.#trouble) return;
    this.#trouble = message;
    this.#tell({ type: 'trouble', error });
  }

  #tell(event: WorkerEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** The store was drained: the worker ends. Known by its code: the store may be of another copy of this package. */
const isClosed = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'durable/closed';
