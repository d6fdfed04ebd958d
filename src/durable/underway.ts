/**
 * The runs that this process has, each from the moment when it is claimed until it rests: one run is never in two hands
 * of a process, and a drain waits for all of them.
 */
import { timerMs } from '../protocol/timers.ts';
import { DurableError } from './errors.ts';
import type { Hold } from './hold.ts';

type Entry = {
  hold?: Hold;
  readonly done: Promise<void>;
  readonly settle: () => void;
  /** That it is known whether the run goes on here. */
  readonly decided: Promise<void>;
  readonly begun: () => void;
};

export class Underway {
  readonly #entries = new Map<string, Entry>();

  has(runId: string): boolean {
    return this.#entries.has(runId);
  }

  hold(runId: string): Hold | undefined {
    return this.#entries.get(runId)?.hold;
  }

  /** Resolves when the run is at rest; undefined where this process has it not. */
  rest(runId: string): Promise<void> | undefined {
    return this.#entries.get(runId)?.done;
  }

  /** Waits for somebody who is about to take a run up, and may yet leave it. */
  async settled(runId: string): Promise<void> {
    for (let entry = this.#entries.get(runId); entry && !entry.hold; entry = this.#entries.get(runId)) {
      await entry.decided;
    }
  }

  /** @throws DurableError `durable/owned` where this process has it already */
  enter(runId: string): void {
    if (this.has(runId)) {
      throw new DurableError('durable/owned', runId, `Run ${runId} is under way in this process. Wait for its result.`);
    }
    let settle = (): void => undefined;
    const done = new Promise<void>((resolve) => (settle = resolve));
    let begun = (): void => undefined;
    const decided = new Promise<void>((resolve) => (begun = resolve));
    this.#entries.set(runId, { done, settle, decided, begun });
  }

  /** The run has its place in the log. */
  begin(runId: string, hold: Hold): void {
    const entry = this.#entries.get(runId);
    if (!entry) return;
    entry.hold = hold;
    entry.begun();
  }

  leave(runId: string): void {
    const entry = this.#entries.get(runId);
    this.#entries.delete(runId);
    entry?.begun();
    entry?.settle();
  }

  /**
   * Waits for what is under way, then leaves the rest to others.
   *
   * @returns the ids of the runs that were left before they were at rest
   */
  async drain({ until, timeoutMs }: { until: 'rest' | 'commit'; timeoutMs: number }): Promise<string[]> {
    const entries = [...this.#entries];
    if (until === 'commit') for (const [, { hold }] of entries) hold?.leaveAtCommit();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise((resolve) => (timer = setTimeout(resolve, timerMs(timeoutMs))));
    await Promise.race([Promise.all(entries.map(([, { done }]) => done)), limit]);
    clearTimeout(timer);
    for (const [, { hold }] of this.#entries) hold?.abandon();
    return entries.flatMap(([runId, { hold }]) => (this.has(runId) || hold?.isAbandoned ? [runId] : []));
  }
}
