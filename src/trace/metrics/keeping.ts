/**
 * What a process puts into its metrics store: ends of runs, who waits, and, gathered for a second, what happened beside
 * runs. Old rows are deleted when it begins to write and every hour.
 *
 * Nobody waits for it, and what fails is warned of: once a kind, as a store that fails does so again and again.
 */
import { warn } from '../../protocol/warn.ts';
import { type Clock, hourly } from '../hourly.ts';
import type { RunObservation } from './observation.ts';
import type { Operation, OperationSums } from './operations.ts';
import type { MetricsFact, MetricsStore } from './store/open.ts';

const GATHER_MS = 1000;

export class Keeping {
  readonly #store: MetricsStore;
  readonly #clock: Clock;
  readonly #warned = new Set<string>();
  #gathered: Partial<OperationSums> = {};
  #cancel: (() => void) | undefined;
  #endPruning: (() => void) | undefined;
  #isClosed = false;

  constructor(store: MetricsStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  add(run: RunObservation): void {
    this.#do(`Run ${run.runId} is not in the metrics store`, this.#store.add(run));
    this.#prune();
  }

  waits(runId: string, asks: number): void {
    this.#note({ do: 'waits', runId, asks, since: this.#clock.now() });
  }

  goesOn(runId: string): void {
    this.#note({ do: 'goes-on', runId });
  }

  operated(operation: Operation, amount: number): void {
    if (this.#isClosed) return;
    this.#gathered[operation] = (this.#gathered[operation] ?? 0) + amount;
    this.#cancel ??= this.#clock.after(GATHER_MS, () => this.#flush());
  }

  close(): void {
    this.#flush();
    this.#isClosed = true;
    this.#endPruning?.();
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const sums = this.#gathered;
    this.#gathered = {};
    if (Object.keys(sums).length > 0) this.#note({ do: 'operations', at: this.#clock.now(), sums });
  }

  #note(fact: MetricsFact): void {
    this.#do('Facts are not in the metrics store', this.#store.note(fact));
    this.#prune();
  }

  #prune(): void {
    if (this.#isClosed) return;
    this.#endPruning ??= hourly(async () => {
      // Who closes the store in the middle of it wants no more of it.
      await this.#store.prune(this.#clock.now()).catch((error: unknown) => {
        if (!this.#isClosed) this.#complain(PRUNING, error);
      });
    }, this.#clock);
  }

  #do(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#complain(what, error));
  }

  #complain(what: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (!this.#warned.has(text)) warn(`${what}: ${text}`);
    // What may be said of a store is little; a bound all the same.
    if (this.#warned.size < 100) this.#warned.add(text);
  }
}

const PRUNING = 'Old rows of the metrics store could not be deleted';
