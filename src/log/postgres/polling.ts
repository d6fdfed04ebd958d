/**
 * When to look again for what other processes did. PostgreSQL could tell (`NOTIFY`), but a commit that does so waits for
 * every other one that does.
 */

const SHORTEST_MS = 10;
const LONGEST_MS = 100;

export class Polling {
  readonly #sleepers = new Set<() => void>();
  #pauseMs = SHORTEST_MS;

  /** Something happened in this process. */
  hurry(): void {
    this.#pauseMs = SHORTEST_MS;
    for (const wake of this.#sleepers) wake();
  }

  /** Resolves when it is time; at the latest when the signal fires. Where nothing happens, each time later. */
  async change(signal: AbortSignal): Promise<void> {
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_MS, pause * 1.5);
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, pause);
      this.#sleepers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
