/**
 * Watches the metrics: judges the rules every minute, keeps their states, does what is to be done.
 *
 * W1: of many processes that share a keeper one looks, by a lease; the states are kept before actions are done. An
 *     action is done at most once.
 * W2: a fault of the source, the keeper or an action is warned of; the next minute is tried again.
 */
import { timerMs } from '../../../protocol/timers.ts';
import { warn } from '../../../protocol/warn.ts';
import type { MetricsSource } from '../rollup.ts';
import { type AlertAction, type AlertNotice, logAlert } from './actions.ts';
import { advance, type AlertState } from './machine.ts';
import { type AlertRule, checkRules, DEFAULT_ALERT_RULES, judge } from './rules.ts';

/** Keeps the states of alerts, and says who looks. */
export type AlertKeeper = {
  /**
   * Takes or keeps the lease until `until`, and gives the states as they were saved; undefined where another owner
   * has it.
   */
  claim(owner: string, times: { readonly now: number; readonly until: number }): Promise<AlertStates | undefined>;
  /** Saves them, and says whether they were: not where another owner has the lease by now. */
  save(owner: string, states: AlertStates): Promise<boolean>;
};

/** By the ids of rules. */
export type AlertStates = { readonly [id: string]: AlertState };

export type AlertsOptions = {
  readonly source: MetricsSource;
  /** @default DEFAULT_ALERT_RULES */
  readonly rules?: readonly AlertRule[];
  /** @default logAlert() */
  readonly actions?: readonly AlertAction[];
  /** @default in memory, for this process alone */
  readonly keeper?: AlertKeeper;
  /** Milliseconds between two looks. 0: only when `evaluate` is called. @default 60_000 */
  readonly everyMs?: number;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
};

export type Alerts = {
  /** Looks now, and does what is to be done. Gives undefined where another process has the lease. */
  evaluate(): Promise<AlertStates | undefined>;
  /** What the last look of this process found. */
  states(): AlertStates;
  /** Looks no more. */
  stop(): void;
};

const MINUTE_MS = 60_000;
/** How many looks may be missed before it is a gap, and how long a lease lives. */
const LOOKS = 2.5;

/**
 * Watches rules in the background, for as long as the process lives; it does not keep the process alive.
 *
 * @throws UserError where a rule cannot work
 */
export function startAlerts(options: AlertsOptions): Alerts {
  const { source, rules = DEFAULT_ALERT_RULES, actions = [logAlert()], everyMs = MINUTE_MS, now = Date.now } = options;
  checkRules(rules);
  const keeper = options.keeper ?? memoryKeeper();
  const owner = crypto.randomUUID();
  const gapMs = LOOKS * (everyMs > 0 ? everyMs : MINUTE_MS);
  let latest: AlertStates = {};
  let looking: Promise<AlertStates | undefined> | undefined;

  async function look(): Promise<AlertStates | undefined> {
    const at = now();
    const before = await keeper.claim(owner, { now: at, until: at + gapMs });
    if (!before) return undefined;
    const states: Record<string, AlertState> = {};
    for (const rule of rules) {
      const verdict = await judge(rule, source, at);
      states[rule.id] = advance(before[rule.id], verdict, { now: at, forMs: rule.forMs, gapMs });
    }
    if (!(await keeper.save(owner, states))) return undefined;
    latest = states;
    const notices = rules.flatMap((rule) => noticeOf(rule, before[rule.id], states[rule.id]) ?? []);
    await Promise.all(notices.flatMap((notice) => actions.map((action) => done(action, notice))));
    return states;
  }

  const evaluate = (): Promise<AlertStates | undefined> =>
    (looking ??= look().finally(() => {
      looking = undefined;
    }));
  const timer = everyMs > 0 ? setInterval(() => void evaluate().catch(complain), timerMs(everyMs)) : undefined;
  timer?.unref();
  return { evaluate, states: () => latest, stop: () => clearInterval(timer) };
}

const complain = (error: unknown): void =>
  warn(`Alerts could not be evaluated: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);

async function done(action: AlertAction, notice: AlertNotice): Promise<void> {
  try {
    await action(notice);
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    warn(`An action on alert "${notice.id}" failed: ${text}`);
  }
}

/** What changed of whether it fires. */
function noticeOf(
  rule: AlertRule,
  before: AlertState | undefined,
  after: AlertState | undefined,
): AlertNotice | undefined {
  if (!after || after.status === before?.status) return undefined;
  const { status } = after;
  if (status !== 'firing' && before?.status !== 'firing') return undefined;
  if (status === 'ok' || status === 'pending') return undefined;
  return {
    id: rule.id,
    metric: rule.metric,
    severity: rule.severity ?? 'warning',
    status,
    since: new Date(after.since).toISOString(),
    value: after.value ?? null,
    limit: after.limit ?? null,
    samples: after.samples,
    ...(after.because !== undefined && { because: after.because }),
  };
}

/** States that live as long as the process. */
function memoryKeeper(): AlertKeeper {
  let states: AlertStates = {};
  return {
    claim: async () => states,
    async save(_, next) {
      states = next;
      return true;
    },
  };
}
