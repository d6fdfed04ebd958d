/** Which accounts a call draws from: limits by scope, and the windows in which they hold. */
import { UserError } from '../../protocol/errors.ts';
import type { Origin } from '../../protocol/model.ts';
import { catalogProvider } from '../prices/index.ts';
import type { BudgetAmount, BudgetLine } from './types.ts';

/** How much may be spent. Both limits hold where both are given. */
export type BudgetLimit = {
  /** US dollars. */
  usd?: number;
  /** Input and output together. */
  tokens?: number;
  /**
   * How long what was spent counts: until the end of the hour, day or month (UTC), or of the period of so many
   * milliseconds, counted from 1970. @default for ever
   */
  window?: 'hour' | 'day' | 'month' | number;
};

/** A run and the runs within it. */
export type RunLimit = Omit<BudgetLimit, 'window'> & {
  /** Milliseconds of work. While a run waits for people, or for its resume, no time counts. */
  activeMs?: number;
};

export type BudgetLimits = {
  /** Each run, with the runs within it. */
  run?: RunLimit;
  /** Each session. Runs without one are not limited by it. */
  session?: BudgetLimit;
  /** All that the tenant's runs spend. */
  tenant?: BudgetLimit;
  /** By agent's name, all runs of the tenant together. */
  agents?: { readonly [agent: string]: BudgetLimit };
  /** By `provider/model`, all runs of the tenant together. */
  models?: { readonly [model: string]: BudgetLimit };
};

export type Spender = { readonly runId: string; readonly sessionId?: string | undefined };

/** The accounts of a call. */
export function linesOf(
  limits: BudgetLimits,
  { runId, sessionId, agent, origin, now }: Spender & { agent: string; origin: Origin | undefined; now: number },
): BudgetLine[] {
  const { run, session, tenant, agents = {}, models = {} } = limits;
  const ofAgent = Object.hasOwn(agents, agent) ? agents[agent] : undefined;
  return [
    ...lineOf(run, `run:${runId}`, now),
    ...(sessionId === undefined ? [] : lineOf(session, `session:${sessionId}`, now)),
    ...lineOf(tenant, 'tenant', now),
    ...lineOf(ofAgent, `agent:${agent}`, now),
    ...namesOf(origin).flatMap((model) =>
      lineOf(Object.hasOwn(models, model) ? models[model] : undefined, `model:${model}`, now),
    ),
  ];
}

/** The AI SDK calls `google` by its full name, `google.generative-ai`: a limit holds by either. */
function namesOf(origin: Origin | undefined): readonly string[] {
  if (!origin) return [];
  const { provider, model } = origin;
  return [...new Set([provider, catalogProvider(provider)])].map((name) => `${name}/${model}`);
}

function lineOf(limit: BudgetLimit | undefined, name: string, now: number): BudgetLine[] {
  if (!limit) return [];
  const { usd, tokens, window } = limit;
  const most: { -readonly [unit in keyof BudgetAmount]?: number } = {};
  if (usd !== undefined) most.nanoUsd = Math.floor(Number((usd * 1e9).toPrecision(15)));
  if (tokens !== undefined) most.tokens = tokens;
  if (usd === undefined && tokens === undefined) return [];
  return [{ budget: accountName(name, window, now), limit: most }];
}

/** The account of a window: another one when the next begins. */
export function accountName(name: string, window: BudgetLimit['window'], now: number): string {
  if (window === undefined) return name;
  if (typeof window === 'number') return `${name}@${window}ms/${Math.floor(now / window)}`;
  const length = { month: 7, day: 10, hour: 13 }[window];
  return `${name}@${new Date(now).toISOString().slice(0, length)}`;
}

/** @throws UserError for a limit that cannot be meant */
export function checkLimits(limits: BudgetLimits): void {
  const { run, session, tenant, agents = {}, models = {}, ...rest } = limits;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) {
    throw new UserError(`Budget limits have no "${unknown}". Known: run, session, tenant, agents, models.`);
  }
  const all: [string, object | undefined][] = [
    ['run', run],
    ['session', session],
    ['tenant', tenant],
    ...Object.entries(agents).map(([name, limit]): [string, object] => [`agents.${name}`, limit]),
    ...Object.entries(models).map(([name, limit]): [string, object] => [`models.${name}`, limit]),
  ];
  for (const [scope, limit] of all) if (limit !== undefined) checkLimit(scope, limit);
  for (const name of Object.keys(models)) {
    if (!name.includes('/'))
      throw new UserError(`The budget of the model "${name}" needs its provider: openai/${name}.`);
  }
}

const KEYS = ['usd', 'tokens', 'window', 'activeMs'];

function checkLimit(scope: string, limit: object): void {
  if (typeof limit !== 'object' || limit === null) {
    throw new UserError(`The budget ${scope} is ${JSON.stringify(limit)}. Give an object, such as { usd: 1 }.`);
  }
  for (const [key, value] of Object.entries(limit)) {
    const isKnown =
      KEYS.includes(key) && (key !== 'activeMs' || scope === 'run') && (key !== 'window' || scope !== 'run');
    if (!isKnown) {
      throw new UserError(
        `The budget ${scope} got an unknown option "${key}". Give usd, tokens or ${scope === 'run' ? 'activeMs' : 'window'}.`,
      );
    }
    if (value === undefined || (key === 'window' && ['hour', 'day', 'month'].includes(String(value)))) continue;
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0 && (key !== 'window' || value > 0)) continue;
    const shown = typeof value === 'number' ? String(value) : JSON.stringify(value);
    const allowed = key === 'window' ? "'hour', 'day', 'month', or milliseconds" : 'a number, 0 or more';
    throw new UserError(`The budget ${scope} has ${key}: ${shown}. Give ${allowed}.`);
  }
}
