/**
 * When another target is asked beside a slow one.
 *
 * H1: no more second requests than a share of the calls, and a few at once, so that a slow hour does not double the
 * load. H2: a percentile counts attempts that lost with the time that they had taken, or it would sink by itself.
 */
import { UserError } from '../../protocol/errors.ts';
import { RetryBudget } from '../../wire/index.ts';
import type { Target } from './targets.ts';
import type { HedgeOptions } from './types.ts';

const AT_ONCE = 10;
const KEPT_TIMES = 100;
/** Before that, nobody knows what is slow. */
const LEAST_TIMES = 20;
const PERCENTILES = { p50: 0.5, p75: 0.75, p90: 0.9, p95: 0.95, p99: 0.99 } as const;
const OPTIONS = ['after', 'maxShare'];

type Times = { plain: number[]; stream: number[] };

export class Hedging {
  readonly #after: number | keyof typeof PERCENTILES;
  readonly #share: RetryBudget;
  readonly #times = new Map<Target, Times>();

  /** @throws UserError for what cannot be meant */
  constructor(route: string, options: HedgeOptions) {
    const { after = 'p95', maxShare = 0.1 } = options;
    const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key));
    if (unknown !== undefined)
      throw new UserError(`The route "${route}" has hedge.${unknown}. Known: ${OPTIONS.join(', ')}.`);
    if (typeof after === 'number' ? !(after >= 0) : !(after in PERCENTILES)) {
      const known = Object.keys(PERCENTILES).join(', ');
      throw new UserError(`The route "${route}" has hedge.after: ${after}. Give milliseconds, or one of ${known}.`);
    }
    if (!(maxShare >= 0 && maxShare <= 1))
      throw new UserError(`The route "${route}" has hedge.maxShare: ${maxShare}. Give a share between 0 and 1.`);
    this.#after = after;
    this.#share = new RetryBudget({ ratio: maxShare, burst: AT_ONCE });
  }

  /** A call begins. */
  earn(): void {
    this.#share.earn();
  }

  /** Whether a second request may be made; it counts. */
  spend(): boolean {
    return this.#share.spend();
  }

  /** How long the target may take; `undefined`: not known. */
  delayMs(target: Target, stream: boolean): number | undefined {
    if (typeof this.#after === 'number') return this.#after;
    const times = this.#times.get(target)?.[stream ? 'stream' : 'plain'] ?? [];
    if (times.length < LEAST_TIMES) return undefined;
    const sorted = times.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * PERCENTILES[this.#after]) - 1)];
  }

  /** How long a target took until its answer, or until the first content of a stream. */
  note(target: Target, stream: boolean, ms: number): void {
    if (typeof this.#after === 'number') return;
    const known = this.#times.get(target) ?? { plain: [], stream: [] };
    this.#times.set(target, known);
    const times = known[stream ? 'stream' : 'plain'];
    times.push(ms);
    if (times.length > KEPT_TIMES) times.shift();
  }
}
