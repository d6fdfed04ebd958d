/**
 * What a vendor says that is left of a limit. It comes back evenly, to be full when the vendor says; where the limit itself
 * is not said, all at once. What nobody confirmed for a minute is forgotten.
 */
export type Said = { limit?: number; remaining?: number; resetMs?: number };

type Known = { limit: number; left: number; at: number; perMs: number; until: number };

const MINUTE = 60_000;

export class Allowance {
  #known: Known | undefined;

  /** @param underWay what has begun and is perhaps not counted yet */
  learn({ limit, remaining, resetMs = MINUTE }: Said, underWay: number, now: number): void {
    if (remaining === undefined) return;
    const left = remaining - underWay;
    if (limit === undefined || limit === 0) {
      this.#known = { limit: Infinity, left, at: now, perMs: 0, until: now + resetMs };
      return;
    }
    const missing = limit - remaining;
    const perMs = missing > 0 && resetMs > 0 ? missing / resetMs : limit / MINUTE;
    this.#known = { limit, left, at: now, perMs, until: now + Math.max(resetMs, MINUTE) };
  }

  use(amount: number, now: number): void {
    const known = this.#now(now);
    if (known) known.left -= amount;
  }

  /** Milliseconds until as much is left, or as much as there can be. */
  waitMs(amount: number, now: number): number {
    const known = this.#now(now);
    if (!known) return 0;
    const lacks = Math.min(amount, known.limit) - known.left;
    // A timer may fire a moment early, and sums of parts are not exact.
    if (lacks <= 1e-6) return 0;
    const ms = known.perMs > 0 ? Math.ceil(lacks / known.perMs) : Infinity;
    return Math.max(1, Math.min(ms, known.until - now));
  }

  #now(now: number): Known | undefined {
    const known = this.#known;
    if (!known) return undefined;
    if (now >= known.until) return (this.#known = undefined);
    known.left = Math.min(known.limit, known.left + Math.max(0, now - known.at) * known.perMs);
    known.at = now;
    return known;
  }
}
