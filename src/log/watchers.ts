/** Those who wait for news of runs, asked for together: one look at the database a change, however many wait. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isNews } from './news.ts';
import type { Known } from './types.ts';
import type { Answers, InfoRow } from './commands.ts';

export type WatchedRun = Known & { readonly runId: string };
type Watcher = {
  readonly run: WatchedRun;
  readonly resolve: (info: InfoRow | undefined) => void;
  readonly reject: (error: unknown) => void;
};

export type WatchersOptions = {
  readonly ask: (known: readonly WatchedRun[]) => Promise<Answers['news']>;
  /** Resolves when there may be news; at the latest when the signal fires. */
  readonly change: (signal: AbortSignal) => Promise<void>;
  /** Fires when the log is closed. */
  readonly over: AbortSignal;
};

/** A busy log changes all the time; nobody needs to know sooner. */
const LEAST_MS = 2;

export class Watchers {
  readonly #options: WatchersOptions;
  readonly #watchers = new Set<Watcher>();
  #isLooking = false;
  /** Wakes the loop for a new watcher, and when the last one has gone. */
  #wake = new AbortController();

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  async watch(run: WatchedRun, signal: AbortSignal | undefined): Promise<InfoRow | undefined> {
    const { over } = this.#options;
    const signals = signal ? [signal, over] : [over];
    let stop = (): void => {};
    let watcher: Watcher | undefined;
    try {
      return await new Promise<InfoRow | undefined>((resolve, reject) => {
        stop = () => reject(signals.find(({ aborted }) => aborted)?.reason);
        for (const one of signals) one.addEventListener('abort', stop);
        watcher = { run, resolve, reject };
        this.#watchers.add(watcher);
        this.#wake.abort();
        if (!this.#isLooking) void this.#look();
      });
    } finally {
      for (const one of signals) one.removeEventListener('abort', stop);
      if (watcher) this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#wake.abort();
    }
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#watchers.size > 0) {
      const watchers = [...this.#watchers];
      try {
        this.#wake = new AbortController();
        // Before the question, so that no change falls between the two.
        const changed = this.#options.change(this.#wake.signal);
        tell(watchers, await this.#options.ask(watchers.map(({ run }) => run)));
        await changed;
      } catch (error) {
        for (const { reject } of watchers) reject(error);
      }
      await sleep(LEAST_MS);
    }
    this.#isLooking = false;
  }
}

function tell(watchers: readonly Watcher[], news: Answers['news']): void {
  const byRun = new Map(news.map(({ runId, info }) => [runId, { info }]));
  for (const { run, resolve } of watchers) {
    const found = byRun.get(run.runId);
    if (found && (!found.info || isNews(found.info, run))) resolve(found.info);
  }
}
