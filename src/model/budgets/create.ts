/** Budgets: limits on a ledger, for as many runs as share them. */
import { UserError } from '../../protocol/errors.ts';
import type { Model } from '../../protocol/model.ts';
import { createPrices, type Prices } from '../prices/index.ts';
import { checkKeys } from '../strings/index.ts';
import { accountName, checkLimits, type BudgetLimit, type BudgetLimits, type Spender } from './accounts.ts';
import type { CountTokens } from './bound.ts';
import type { BudgetExceededError } from './errors.ts';
import type { BudgetEvent } from './guard.ts';
import { memoryLedger } from './memory.ts';
import type { RunBudget } from './run-budget.ts';
import type { AccountBalance, BudgetLedger } from './types.ts';

/**
 * What happens when a call does not fit. `stop`: the run ends with a `BudgetExceededError`. `downgrade`: the models of
 * `downgradeTo` are asked instead, in their order. `tell-the-model`: the model gets one last call, for which money was set
 * aside, without tools, and is told to answer with what it has.
 */
export type OnExceedChoice = 'stop' | 'downgrade' | 'tell-the-model';
/** Decides call by call; a model is asked instead. */
export type OnExceed =
  | OnExceedChoice
  | ((exceeded: {
      error: BudgetExceededError;
      runId: string;
      agent: string;
    }) => OnExceedChoice | Model | Promise<OnExceedChoice | Model>);

export type BudgetPolicy = {
  /** @default 'stop' */
  onExceed?: OnExceed;
  /** Cheaper models for `downgrade`: names, or models, routes of a router among them. @default [] */
  downgradeTo?: readonly (string | Model)[];
  /**
   * The most output tokens of a request that names no `maxTokens`: without a limit a call has no upper bound. Where less is
   * left, less is allowed, down to 1,024. @default 16_384
   */
  maxOutputTokens?: number;
  /** Counts input tokens. @default one a byte, which is never too low; images, files and sounds are refused */
  countTokens?: CountTokens;
  /** Is told what happens, as it happens. What it throws is dropped. */
  onEvent?: (event: BudgetEvent) => void;
};

export type BudgetsOptions = BudgetPolicy & {
  limits: BudgetLimits;
  /** Whose money it is. @default 'default' */
  tenant?: string;
  /** Where it is kept. Whoever shares it shares the budgets. @default memoryLedger() */
  ledger?: BudgetLedger;
  /** What models cost. @default those of the run, else the catalog (createPrices()) */
  prices?: Prices;
  /** Milliseconds since 1970: for tests. @default Date.now */
  now?: () => number;
};

/** The account of a scope. `agent` and `model` by name. */
export type BudgetScope =
  | { run: string }
  | { session: string }
  | { agent: string }
  | { model: string }
  | { tenant: true };

/** Made by `createBudgets`. Hand it to a run or a `Runner` as `budgets`. */
export interface Budgets {
  readonly tenant: string;
  /** Of the limits for a run. */
  readonly activeMs: number | undefined;
  readonly ledger: BudgetLedger;
  /** The same limits for another tenant, with accounts of its own. */
  for(tenant: string): Budgets;
  /** How an account stands in its present window. */
  balance(scope: BudgetScope): Promise<AccountBalance>;
  /**
   * Books what an attempt really cost, such as after a look at the vendor's bill. `id` is that of an `unknown` event or of
   * an entry of `balance().open`. Gives whether it was open.
   */
  reconcile(id: string, cost: { usd: number; tokens?: number }): Promise<boolean>;
  /** Closes the ledger. */
  close(): Promise<void>;
  /** @internal */
  open(spender: Spender & { prices?: Prices | undefined }): Promise<RunBudget>;
}

const OPTIONS = [
  'limits',
  'tenant',
  'ledger',
  'prices',
  'now',
  'onExceed',
  'downgradeTo',
  'maxOutputTokens',
  'countTokens',
  'onEvent',
];

/**
 * Makes budgets: nothing is sent to a model that its accounts could not pay at its upper bound.
 *
 * @example
 * ```ts no-run
 * import { Agent, createBudgets, createPrices, run } from '@baton/agents';
 *
 * const prices = createPrices({ models: { 'acme/large-1': { input: 2, output: 8 } } });
 * const budgets = createBudgets({ prices, limits: { run: { usd: 0.5 }, tenant: { usd: 100, window: 'month' } } });
 * await run(new Agent({ name: 'Guide' }), 'Hello', { budgets: budgets.for('acme') });
 * ```
 * @throws UserError for an option that cannot be meant
 */
export function createBudgets(options: BudgetsOptions): Budgets {
  check(options);
  const { limits, ledger = memoryLedger(), tenant: own = 'default', now = Date.now, onEvent } = options;
  let catalog: Prices | undefined;
  const emit = onEvent ? quietly(onEvent) : (): void => undefined;
  const known = new Map<string, Budgets>();
  const make = (tenant: string): Budgets => {
    const found = known.get(tenant);
    if (found) return found;
    if (tenant === '') throw new UserError('A budget got an empty tenant. Give the name of one.');
    const budgets: Budgets = {
      tenant,
      activeMs: limits.run?.activeMs,
      ledger,
      for: make,
      balance: (scope) => ledger.balance({ tenant, budget: accountOf(limits, scope, now()) }),
      reconcile: async (id, { usd, tokens = 0 }) => {
        const [, effect, epoch, n] = /^(.+)#(\d+)\.(\d+)$/.exec(id) ?? [];
        if (effect === undefined) {
          throw new UserError(`reconcile got the id ${JSON.stringify(id)}. Give that of an "unknown" event.`);
        }
        if (!(usd >= 0 && tokens >= 0)) {
          throw new UserError(`reconcile got usd ${usd} and tokens ${tokens}. Give numbers, 0 or more.`);
        }
        const actual = { nanoUsd: Math.ceil(Number((usd * 1e9).toPrecision(15))), tokens };
        return ledger.settle({ tenant, effect, epoch: Number(epoch), n: Number(n) }, actual);
      },
      close: () => ledger.close(),
      open: async ({ prices: runs, ...spender }) => {
        const prices = options.prices ?? runs ?? (catalog ??= createPrices());
        const { RunBudget: Opened } = await import('./run-budget.ts');
        return new Opened({ ...options, ledger, tenant, emit, now, spender, prices });
      },
    };
    // Names come from outside: they must not fill the memory. Runs tell budgets apart by their ledger.
    if (known.size < 10_000) known.set(tenant, budgets);
    return budgets;
  };
  return make(own);
}

function accountOf(limits: BudgetLimits, scope: BudgetScope, now: number): string {
  const of = (name: string, limit: BudgetLimit | undefined): string => accountName(name, limit?.window, now);
  if ('run' in scope) return of(`run:${scope.run}`, undefined);
  if ('session' in scope) return of(`session:${scope.session}`, limits.session);
  if ('agent' in scope) return of(`agent:${scope.agent}`, limits.agents?.[scope.agent]);
  if ('model' in scope) return of(`model:${scope.model}`, limits.models?.[scope.model]);
  return of('tenant', limits.tenant);
}

function check(options: BudgetsOptions): void {
  const { limits, maxOutputTokens, onExceed, downgradeTo } = options;
  checkKeys('createBudgets', options, OPTIONS);
  if (!isObject(limits)) {
    throw new UserError(
      `createBudgets got limits: ${JSON.stringify(limits)}. Give an object, such as { run: { usd: 1 } }.`,
    );
  }
  checkLimits(limits);
  if (maxOutputTokens !== undefined && !(Number.isInteger(maxOutputTokens) && maxOutputTokens >= 1)) {
    throw new UserError(`createBudgets got maxOutputTokens: ${maxOutputTokens}. Give a number of tokens, 1 or more.`);
  }
  if (onExceed === 'downgrade' && !downgradeTo?.length) {
    throw new UserError("createBudgets got onExceed: 'downgrade' and no downgradeTo. Name the cheaper models.");
  }
  if (downgradeTo && (onExceed === undefined || onExceed === 'stop' || onExceed === 'tell-the-model')) {
    throw new UserError(
      `A budget got downgradeTo, which nothing leads to with onExceed: '${onExceed ?? 'stop'}'. Give onExceed: 'downgrade', or a function.`,
    );
  }
  if (onExceed === undefined || typeof onExceed === 'function') return;
  if (!['stop', 'downgrade', 'tell-the-model'].includes(onExceed)) {
    throw new UserError(
      `createBudgets got onExceed: ${JSON.stringify(onExceed)}. Use 'stop', 'downgrade', 'tell-the-model' or a function.`,
    );
  }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** What the run option `budget` may have. @throws UserError for anything else */
export function checkRunBudget(budget: object): void {
  const known = ['usd', 'tokens', 'activeMs', 'onExceed', 'downgradeTo', 'maxOutputTokens', 'countTokens', 'onEvent'];
  checkKeys('The budget of a run', budget, known);
}

/** Who only watches cannot fail a call. */
function quietly(onEvent: (event: BudgetEvent) => void): (event: BudgetEvent) => void {
  return (event) => {
    try {
      onEvent(event);
    } catch {
      // A watcher that throws is its own business; the call goes on.
    }
  };
}
