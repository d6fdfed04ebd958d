/**
 * The seam between a run and its budgets: which ones its calls draw from, and how long it may work.
 *
 * S1 A run within a run draws from the budgets of the outer one, and from its own. S2 Without a budget nothing of them is
 * loaded, and a call costs one comparison.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Committed, Effect, RunEvent } from '../kernel/index.ts';
import { BudgetExceededError, type Prices, type RunBudget } from '../model/index.ts';
import type { Model, ModelRequest } from '../protocol/model.ts';
import { timerMs } from '../protocol/timers.ts';
import { signal } from '../wire/signals.ts';
import { costOfJournal } from './cost.ts';
import { defaultProvider } from './defaults.ts';
import { errorInfo } from './errors.ts';
import type { LiveRun } from './live-run.ts';
import { nameFor } from './model-names.ts';
import { pricesOf } from './nested-cost.ts';
import { usageOfJournal } from './usage.ts';

/** Runs that user code starts within a run find its budgets here. */
const within = /* @__PURE__ */ new AsyncLocalStorage<LiveRun>();

/** The run that this one runs within, where that has budgets. */
const outerOf = (run: LiveRun): LiveRun | undefined => run.surroundings.parent ?? run.outer;

/** The run whose effect the caller is a part of, where that run has budgets. */
export const surroundingRun = (): LiveRun | undefined => within.getStore();

export function hasBudget(run: LiveRun): boolean {
  if (run.settings.budget || run.settings.budgets) return true;
  const outer = outerOf(run);
  return outer !== undefined && hasBudget(outer);
}

/** Carries out an effect so that runs which it starts draw from the budgets of this one. */
export const withBudgets = (run: LiveRun, work: () => Promise<RunEvent>): Promise<RunEvent> => within.run(run, work);

/** The budgets of a run, the innermost last. */
export function budgetsOf(run: LiveRun): Promise<readonly RunBudget[]> {
  return (run.budgets ??= open(run));
}

/** What models cost, as the budgets know it. */
export async function budgetPrices(run: LiveRun): Promise<Prices | undefined> {
  if (!hasBudget(run)) return undefined;
  return (await budgetsOf(run)).find(({ money }) => money)?.prices;
}

async function open(run: LiveRun): Promise<readonly RunBudget[]> {
  const outer = outerOf(run);
  const found = outer && hasBudget(outer) ? [...(await budgetsOf(outer))] : [];
  const { budget, budgets, session } = run.settings;
  const { runId } = run.record.journal;
  const prices = pricesOf(run);
  // The outer run's own budgets came along with its configuration.
  if (budgets && !found.some(({ ledger, tenant }) => ledger === budgets.ledger && tenant === budgets.tenant)) {
    found.push(await budgets.open({ runId, sessionId: await session?.getSessionId(), prices }));
  }
  if (!budget) return found;
  const { checkRunBudget, createBudgets, memoryLedger } = await import('../model/budgets/late.ts');
  checkRunBudget(budget);
  const { usd, tokens, activeMs, ...policy } = budget;
  const limit = {
    ...(usd !== undefined && { usd }),
    ...(tokens !== undefined && { tokens }),
    ...(activeMs !== undefined && { activeMs }),
  };
  const isFresh = run.record.ledger === undefined;
  const ledger = (run.record.ledger ??= memoryLedger());
  const own = await createBudgets({ ...policy, ledger, limits: { run: limit } }).open({ runId, prices });
  if (isFresh) await seed(run, own);
  return [...found, own];
}

/** What earlier segments have spent, as the log tells it. */
async function seed(run: LiveRun, own: RunBudget): Promise<void> {
  const { journal, state } = run.record;
  const { nanoUsd = 0 } = costOfJournal(journal);
  const tokens = usageOfJournal(journal).totalTokens;
  if (nanoUsd + tokens > 0) await own.seed(state.agent, { nanoUsd, tokens });
}

export type BudgetedCall = {
  effect: Extract<Effect, { do: 'call_model' }>;
  agent: string;
  model: Model;
  request: ModelRequest;
};

/** Asks the model within all budgets. `by`: who was asked in the end. @throws BudgetExceededError */
export async function askWithin<T>(
  run: LiveRun,
  { effect, agent, model, request }: BudgetedCall,
  send: (model: Model, request: ModelRequest) => Promise<T>,
): Promise<T> {
  const caller = {
    effect: `${run.record.journal.runId}/${effect.id}`,
    epoch: effect.attempt ?? 1,
    agent,
    find: async (chosen: string) => {
      const provider = run.settings.modelProvider ?? defaultProvider();
      return provider.getModel(nameFor(provider, chosen).name);
    },
  };
  let ask = send;
  for (const budget of await budgetsOf(run)) {
    const inner = ask;
    ask = (to, asked) => budget.ask(caller, { model: to, request: asked }, inner);
  }
  return ask(model, request);
}

/** Stops the run when it has worked for as long as it may. Gives what ends that. */
export function limitActiveTime(run: LiveRun): () => void {
  const { budget, budgets } = run.settings;
  const limits = [budget?.activeMs, budgets?.activeMs].filter((limit) => limit !== undefined);
  // A run within a run works in the time of the outer one.
  if (limits.length === 0 || (outerOf(run) && !budget)) return nothing;
  const limit = Math.min(...limits);
  const before = activeMs(run.record.journal.events);
  const stop = (): void => {
    const error = new BudgetExceededError(
      `The run has worked for as long as its budget allows: ${limit} ms. Resume its state with a larger activeMs.`,
      { reason: 'active_time', unit: 'ms', limit, settled: limit },
    );
    signal('baton:budget-refusal', () => ({ because: error.details.reason }));
    run.stop({ cause: 'budget', error: errorInfo(error) });
  };
  if (before >= limit) {
    stop();
    return nothing;
  }
  const timer = setTimeout(stop, timerMs(limit - before));
  return () => clearTimeout(timer);
}

const nothing = (): void => undefined;
const none = (): readonly RunBudget[] => [];

/** How long earlier segments of a run worked, by the times of their commits. Waiting for people is no work. */
function activeMs(events: readonly Committed[]): number {
  let sum = 0;
  let since: number | undefined;
  let last = 0;
  for (const { type, at } of events) {
    if (type === 'run.started' || type === 'run.resumed' || type === 'run.recovered') {
      // What a crash cut off lasted until its last commit.
      if (since !== undefined) sum += last - since;
      since = at ?? last;
    }
    if (at !== undefined) last = at;
    if (since === undefined || !ENDS.has(type)) continue;
    sum += last - since;
    since = undefined;
  }
  return since === undefined ? sum : sum + last - since;
}

const ENDS = new Set<RunEvent['type']>(['run.paused', 'run.finished', 'run.failed', 'run.cancelled']);

/** Gives back what the run had set aside. Never rejects: that budgets could not be opened was told to the call. */
export async function closeBudgets(run: LiveRun): Promise<void> {
  const kept = (await outerOf(run)?.budgets?.catch(none)) ?? [];
  for (const budget of (await run.budgets?.catch(none)) ?? []) if (!kept.includes(budget)) await budget.close();
}
