/**
 * Rules on the five metrics, and what they say of a moment.
 *
 * A1: a ratio below its minimum of samples, or without the past that it is compared with, is no verdict: `no data`.
 * A2: what fires by a limit goes on until it is back by a margin: a value at the limit does not flap.
 */
import { UserError } from '../../../protocol/errors.ts';
import { HOUR_MS, type MetricsSource, MINUTE_MS, type WindowSums } from '../rollup.ts';

type Common = {
  /** Unique among the rules; names the alert. */
  readonly id: string;
  /** Which runs are looked at: those that ended within so many milliseconds. */
  readonly windowMs: number;
  /** Below this there is no verdict. */
  readonly minSamples: number;
  /** For how long it must hold before it fires, in milliseconds. 0: at once. */
  readonly forMs: number;
  /** How far back within its limit a value must be for the alert to resolve, as a share of the limit. @default 0.1 */
  readonly margin?: number;
  /** @default 'warning' */
  readonly severity?: 'warning' | 'critical';
};

/** What is watched, and its limit. */
export type AlertRule = Common &
  (
    | {
        /** 95th percentile of turns a session: above `above`, and above `factor` times that of `baselineMs` before. */
        readonly metric: 'turns-per-session';
        readonly above: number;
        readonly factor: number;
        readonly baselineMs: number;
      }
    /** Sessions with a guardrail that tripped, of all sessions. */
    | { readonly metric: 'guardrail-trip-rate'; readonly above: number }
    /** Handoffs that went well, of all handoffs. */
    | { readonly metric: 'handoff-success'; readonly below: number }
    | {
        /** Mean cost of a run: above `factor` times that of the window before; both priced to at least `minCoverage`. */
        readonly metric: 'cost-per-run';
        readonly factor: number;
        readonly minCoverage: number;
      }
    /** Runs that took longer than the limit for slow runs, or are active for longer, of those and all that ended. */
    | { readonly metric: 'slow-runs'; readonly above: number; readonly slowMs: number }
  );

const DAY_MS = 24 * HOUR_MS;
const MARGIN = 0.1;

/** The five rules of the production guide. */
export const DEFAULT_ALERT_RULES: readonly AlertRule[] = [
  {
    id: 'turns-per-session',
    metric: 'turns-per-session',
    windowMs: DAY_MS,
    baselineMs: 7 * DAY_MS,
    above: 10,
    factor: 2,
    minSamples: 20,
    forMs: 0,
  },
  {
    id: 'guardrail-trip-rate',
    metric: 'guardrail-trip-rate',
    windowMs: HOUR_MS,
    above: 0.05,
    minSamples: 20,
    forMs: 10 * MINUTE_MS,
  },
  {
    id: 'handoff-success',
    metric: 'handoff-success',
    windowMs: DAY_MS,
    below: 0.8,
    minSamples: 10,
    forMs: 10 * MINUTE_MS,
  },
  {
    id: 'cost-per-run',
    metric: 'cost-per-run',
    windowMs: 7 * DAY_MS,
    factor: 1.25,
    minCoverage: 0.9,
    minSamples: 50,
    forMs: 0,
  },
  {
    id: 'slow-runs',
    metric: 'slow-runs',
    windowMs: 5 * MINUTE_MS,
    above: 0.05,
    slowMs: 30_000,
    minSamples: 20,
    forMs: 5 * MINUTE_MS,
  },
];

/** What a rule says of a moment. */
export type Verdict =
  | { readonly kind: 'no data'; readonly samples: number }
  | {
      readonly kind: 'value';
      readonly value: number;
      /** What the value is held against: the limit that counts now. */
      readonly limit: number;
      readonly samples: number;
      readonly isBreach: boolean;
      /** Back by the margin. */
      readonly isClear: boolean;
      /** What breaches the rule, where it is not the value. */
      readonly because?: string;
    };

/** @throws UserError where a rule cannot work */
export function checkRules(rules: readonly AlertRule[]): void {
  const ids = new Set<string>();
  for (const { id, windowMs, forMs, minSamples, margin = MARGIN } of rules) {
    if (ids.has(id)) throw new UserError(`Two alert rules are called "${id}". Rename one.`);
    ids.add(id);
    if (!(windowMs >= MINUTE_MS)) throw new UserError(`windowMs of rule "${id}" is ${windowMs}. Give 60000 or more.`);
    if (!(forMs >= 0)) throw new UserError(`forMs of rule "${id}" is ${forMs}. Give 0 or more.`);
    if (!(minSamples >= 1)) throw new UserError(`minSamples of rule "${id}" is ${minSamples}. Give 1 or more.`);
    if (!(margin >= 0 && margin < 1)) throw new UserError(`margin of rule "${id}" is ${margin}. Give 0 to 1.`);
  }
}

/** Asks the metrics what a rule needs, and judges. */
export async function judge(rule: AlertRule, source: MetricsSource, now: number): Promise<Verdict> {
  const from = begin(now - rule.windowMs, rule.windowMs);
  const sums = await source.window(from, now);
  switch (rule.metric) {
    case 'turns-per-session': {
      const before = await source.window(begin(from - rule.baselineMs, rule.baselineMs), from);
      return turns(rule, sums, before);
    }
    case 'guardrail-trip-rate':
      return above(rule, { part: sums.sessionsTripped, of: sums.sessions });
    case 'handoff-success':
      return below(rule, { part: sums.sums.handoffsGood, of: sums.sums.handoffs });
    case 'cost-per-run':
      return cost(rule, sums, await source.window(begin(from - rule.windowMs, rule.windowMs), from));
    case 'slow-runs': {
      const active = await source.activeBeyond(rule.slowMs, now);
      return above(rule, { part: sums.sums.slow + active, of: sums.sums.runs + active });
    }
  }
}

/** Wide windows begin at whole hours: minutes are not kept for that long. */
const begin = (at: number, windowMs: number): number => {
  const step = windowMs > DAY_MS ? HOUR_MS : MINUTE_MS;
  return Math.floor(at / step) * step;
};

type Ratio = { readonly part: number; readonly of: number };
type RuleOf<M extends AlertRule['metric']> = Extract<AlertRule, { metric: M }>;

function above(rule: RuleOf<'guardrail-trip-rate'> | RuleOf<'slow-runs'>, { part, of }: Ratio): Verdict {
  if (of < rule.minSamples) return { kind: 'no data', samples: of };
  return over({ rule, value: part / of, limit: rule.above, samples: of });
}

function below(rule: RuleOf<'handoff-success'>, { part, of }: Ratio): Verdict {
  if (of < rule.minSamples) return { kind: 'no data', samples: of };
  const value = part / of;
  const limit = rule.below;
  // Of a limit near one, the way back is no longer than to one.
  const back = Math.min(1, limit * (1 + (rule.margin ?? MARGIN)));
  return { kind: 'value', value, limit, samples: of, isBreach: value < limit, isClear: value >= back };
}

function turns(rule: RuleOf<'turns-per-session'>, window: WindowSums, before: WindowSums): Verdict {
  const { sessions: samples, turnsP95 = 0, sums } = window;
  // One run near its limit is enough, whatever the others do.
  if (sums.nearMaxTurns > 0) {
    const runs = sums.nearMaxTurns === 1 ? '1 run' : `${sums.nearMaxTurns} runs`;
    const because = `${runs} came to 80 % of maxTurns`;
    return { kind: 'value', value: turnsP95, limit: rule.above, samples, isBreach: true, isClear: false, because };
  }
  if (samples < rule.minSamples || before.turnsP95 === undefined || before.sessions < rule.minSamples) {
    return { kind: 'no data', samples };
  }
  return over({ rule, value: turnsP95, limit: Math.max(rule.above, rule.factor * before.turnsP95), samples });
}

function cost(rule: RuleOf<'cost-per-run'>, { sums: now }: WindowSums, { sums: before }: WindowSums): Verdict {
  const samples = now.priced;
  const isKnown = [now, before].every(
    ({ priced, runs }) => priced >= rule.minSamples && priced / runs >= rule.minCoverage,
  );
  if (!isKnown) return { kind: 'no data', samples };
  const usd = 1e9;
  const limit = (rule.factor * before.nanoUsd) / before.priced / usd;
  return over({ rule, value: now.nanoUsd / now.priced / usd, limit, samples });
}

type Over = { rule: AlertRule; value: number; limit: number; samples: number };

function over({ rule, value, limit, samples }: Over): Verdict {
  const back = limit * (1 - (rule.margin ?? MARGIN));
  return { kind: 'value', value, limit, samples, isBreach: value > limit, isClear: value <= back };
}
