/**
 * Shows the other workers of a store that this one lives, for as long as it has runs.
 *
 * P1: one beat a worker, however many runs it has. Clocks decide liveness only: what keeps a log whole is the fence.
 * P2: whoever could not show that it lives for half of the lease begins nothing any more (`check`). Where it was a whole
 *    lease, its next beat proves nothing of the runs that it had: another may have them, until a commit comes through.
 */
import { hostname } from 'node:os';
import type { EventLog } from '../log/index.ts';
import { UserError } from '../protocol/errors.ts';
import { DurableError } from './errors.ts';

export type PresenceOptions = {
  log: EventLog;
  /** @default the host's name, the process id and a random part */
  worker?: string | undefined;
  /** @default 15000 */
  leaseMs?: number | undefined;
};

const DEFAULT_LEASE_MS = 15_000;
const newWorkerName = (): string => `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;

export class Presence {
  readonly worker: string;
  readonly leaseMs: number;
  readonly #log: EventLog;
  #users = 0;
  /** When the newest beat that was acknowledged was sent, by the monotonic clock. */
  #shownAt = -Infinity;
  /** When it could show itself again, after a whole lease without. */
  #backAt = -Infinity;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #owed = new Set<() => Promise<void>>();

  /** @throws UserError for a log or a lease that is none */
  constructor({ log, worker = newWorkerName(), leaseMs = DEFAULT_LEASE_MS }: PresenceOptions) {
    if (typeof log?.append !== 'function') {
      throw new UserError(`RunStore needs \`log\`, such as sqliteLog({ path: './runs.db' }). Got ${typeof log}.`);
    }
    if (!(Number.isFinite(leaseMs) && leaseMs >= 100)) {
      throw new UserError(`RunStore: leaseMs is ${leaseMs}. Give milliseconds, 100 or more.`);
    }
    this.#log = log;
    this.worker = worker;
    this.leaseMs = leaseMs;
  }

  /**
   * Before a lease is asked for: a worker that shows no sign of life has none.
   *
   * @throws what the log fails with; then nothing was entered
   */
  async enter(): Promise<void> {
    this.#users += 1;
    const isFirst = this.#timer === undefined;
    this.#timer ??= this.#start();
    const beat = performance.now() - this.#shownAt > this.leaseMs / 3 ? this.#beat() : undefined;
    // A recent beat of an earlier run is good enough to begin with, but not until the timer fires.
    if (isFirst && !beat) this.#beat().catch(() => undefined);
    try {
      await beat;
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    // Without a sign of life whatever it still has is soon another's.
    this.#owed.clear();
  }

  /** Does something now, or after one of the next beats where the log is in trouble now. */
  owe(task: () => Promise<void>): void {
    this.#owed.add(task);
    void this.#settle(task);
  }

  async #settle(task: () => Promise<void>): Promise<void> {
    try {
      await task();
      this.#owed.delete(task);
    } catch {
      // The log is in trouble still: the next beat that comes through tries again.
    }
  }

  /**
   * @param provenAt when what proved that the run is this worker's was sent: its lease was given, or it committed
   * @throws DurableError `durable/lease-lost`
   */
  check(runId: string, provenAt = Infinity): void {
    if (!this.wasCutOff(provenAt)) return;
    const silentMs = performance.now() - this.#shownAt;
    const what =
      silentMs < this.leaseMs / 2
        ? `for a whole lease (${this.leaseMs} ms) and has not heard of run ${runId} since, so that`
        : `for ${Math.round(silentMs)} ms (its lease is ${this.leaseMs} ms), so run ${runId}`;
    throw new DurableError(
      'durable/lease-lost',
      runId,
      `Worker ${this.worker} could not show that it lives ${what} may be another's by now. ` +
        'It goes on with recover() or resume(), here or there.',
    );
  }

  /** Whether another may have taken since then what this worker had. */
  wasCutOff(since: number): boolean {
    return performance.now() - this.#shownAt >= this.leaseMs / 2 || since < this.#backAt;
  }

  /** Says that the worker has gone: what it had may be taken at once. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#shownAt > -Infinity) await this.#log.leases.beat(this.worker, { leave: true });
    this.#shownAt = -Infinity;
  }

  #start(): ReturnType<typeof setInterval> {
    const timer = setInterval(() => {
      // A beat that fails is no error of a run: `check` and the fence tell it to whoever must know.
      this.#beat().catch(() => undefined);
    }, this.leaseMs / 3);
    timer.unref();
    return timer;
  }

  async #beat(): Promise<void> {
    const sentAt = performance.now();
    await this.#log.leases.beat(this.worker, { leaseMs: this.leaseMs });
    const now = performance.now();
    if (now - this.#shownAt >= this.leaseMs) this.#backAt = now;
    this.#shownAt = Math.max(this.#shownAt, sentAt);
    for (const task of this.#owed) void this.#settle(task);
  }
}
