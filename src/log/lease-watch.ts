/**
 * Judges whose lease has run out, without comparing two clocks: a lease that looks the same for a whole `ttlMs` of the
 * watcher's own, monotonic clock has an owner that shows no sign of life. Where the store judges by the clock of its
 * server, its word is taken.
 *
 * Being wrong is safe: a claim raises the fence, and the owner, if it lives, is refused at its next commit.
 */
import type { Lease, RunInfo } from './types.ts';

export type LeaseWatchOptions = {
  /** How long a lease must have shown no sign of life, in milliseconds. All workers of a store use the same. */
  ttlMs: number;
  /** A monotonic clock, in milliseconds. @default performance.now */
  now?: () => number;
};

type Seen = { readonly lease: Lease; readonly since: number };

export class LeaseWatch {
  readonly #ttlMs: number;
  readonly #now: () => number;
  /** The lease of each run as it was first seen, and when. */
  #seen: ReadonlyMap<string, Seen> = new Map();

  constructor({ ttlMs, now = () => performance.now() }: LeaseWatchOptions) {
    this.#ttlMs = ttlMs;
    this.#now = now;
  }

  /**
   * Takes what a listing shows and returns the runs whose lease may be claimed: free, left, or without a sign of life
   * since `ttlMs`. Runs that are not in the listing are forgotten.
   */
  observe<T extends Pick<RunInfo, 'runId' | 'lease'>>(runs: readonly T[]): T[] {
    const now = this.#now();
    const seen = new Map<string, Seen>();
    const expired = runs.filter(({ runId, lease }) => {
      const before = this.#seen.get(runId);
      const entry = before && isSame(before.lease, lease) ? before : { lease, since: now };
      seen.set(runId, entry);
      return isFree(lease) || (lease.isExpired ?? now - entry.since >= this.#ttlMs);
    });
    this.#seen = seen;
    return expired;
  }
}

/** Without a beat there is no owner, or one that left. */
const isFree = ({ owner, beat }: Lease): boolean => owner === undefined || beat === undefined;

const isSame = (a: Lease, b: Lease): boolean => a.owner === b.owner && a.fence === b.fence && a.beat === b.beat;
