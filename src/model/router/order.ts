/** In which order the targets of a pool are asked. */
import type { Prices } from '../prices/index.ts';
import type { Step, Target } from './targets.ts';

type Choosing = { random: () => number; prices: Prices };

/** The targets, best first. */
export function ordered({ targets, strategy }: Step, { random, prices }: Choosing): readonly Target[] {
  if (targets.length === 1) return targets;
  switch (strategy) {
    case 'weighted':
      return byWeight(targets, random);
    case 'leastLoaded':
      return by(targets, ({ health, weight }) => health.limits.inFlight / weight, random);
    case 'lowestLatency':
      // Whoever was never asked is asked first, or nobody would ever know.
      return by(targets, ({ health }) => health.latency ?? -1, random);
    case 'cheapest':
      return by(targets, (target) => priceOf(target, prices), random);
  }
}

/** Three tokens in for one out, as agents go. What has no price comes last. */
function priceOf(target: Target, prices: Prices): number {
  const origin = target.origin();
  const price = origin && prices.find(origin)?.price;
  return price ? 3 * price.input + price.output : Infinity;
}

/** Equals stand in an order of chance: they share the work. */
function by(targets: readonly Target[], rank: (target: Target) => number, random: () => number): readonly Target[] {
  const ranked = targets.map((target) => ({ target, rank: rank(target), chance: random() }));
  ranked.sort((a, b) => (a.rank === b.rank ? a.chance - b.chance : a.rank - b.rank));
  return ranked.map(({ target }) => target);
}

/** Draws one after the other, each with its weight. */
function byWeight(targets: readonly Target[], random: () => number): readonly Target[] {
  const left = [...targets];
  const order: Target[] = [];
  while (left.length > 0) {
    let draw = random() * left.reduce((sum, { weight }) => sum + weight, 0);
    const at = left.findIndex(({ weight }) => (draw -= weight) < 0);
    order.push(...left.splice(at < 0 ? left.length - 1 : at, 1));
  }
  return order;
}
