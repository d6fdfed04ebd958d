/**
 * The budgets of one run and the runs within it: guards its calls, and says what comes after one that did not fit.
 *
 * R1 A call that is asked again after a crash first gives back what its former attempt had reserved and not sent.
 * R2 What is set aside for a last call is a reservation like others; it is replaced by a larger one before each call,
 * never given up first. R3 There is one of it: calls that are made at once replace it one after the other, and none does
 * after the last call or the end.
 */
import { UserError } from '../../protocol/errors.ts';
import type { Model, ModelCall, ModelRequest } from '../../protocol/model.ts';
import type { Prices } from '../prices/index.ts';
import { linesOf, type BudgetLimits, type Spender } from './accounts.ts';
import type { Bound } from './bound.ts';
import type { BudgetPolicy, OnExceedChoice } from './create.ts';
import { BudgetExceededError } from './errors.ts';
import { exceededError, guarded, guardedLike, type BudgetEvent, type Spending } from './guard.ts';
import { idText } from './memory.ts';
import type { BudgetEntryId, BudgetLedger, BudgetLine } from './types.ts';

type Options = BudgetPolicy & {
  limits: BudgetLimits;
  ledger: BudgetLedger;
  tenant: string;
  prices: Prices;
  spender: Spender;
  now: () => number;
  emit: (event: BudgetEvent) => void;
};

/** Who calls a model, and for what. */
export type Caller = {
  /** `<run>/<effect>` */
  effect: string;
  epoch: number;
  agent: string;
  find: (name: string) => Promise<Model>;
};
/** `outer`: the guards of budgets further out, where they are not in the request. */
type Asked = { model: Model; request: ModelRequest; outer?: (target: Model) => Model };
export type Send<T> = (model: Model, request: ModelRequest) => Promise<T>;

/** For the reply to the last call, and for what tools may say between two calls. */
const LAST_OUTPUT_TOKENS = 1024;
const SLACK_TOKENS = 8192;

const LAST_WORDS =
  'The budget of this task is used up: this is your last answer. Call no tools. Answer now with what you have, and say ' +
  'what is missing.';

export class RunBudget {
  readonly ledger: BudgetLedger;
  readonly tenant: string;
  readonly activeMs: number | undefined;
  readonly prices: Prices;
  /** Whether any limit is one of money: then prices are needed. */
  readonly money: boolean;
  readonly #options: Options;
  readonly #own = new WeakSet<Error>();
  #aside: BudgetEntryId | undefined;
  #asideIsClean = false;
  /** Who replaces it now, and before. Never rejects. */
  #asideTurn: Promise<void> = Promise.resolve();
  #closed = false;
  #saidLastWords = false;

  constructor(options: Options) {
    this.#options = options;
    this.ledger = options.ledger;
    this.tenant = options.tenant;
    this.activeMs = options.limits.run?.activeMs;
    this.prices = options.prices;
    const { run, session, tenant, agents = {}, models = {} } = options.limits;
    const all = [run, session, tenant, ...Object.values(agents), ...Object.values(models)];
    this.money = all.some((limit) => limit?.usd !== undefined);
  }

  /** Asks a model within the budget, or whoever takes its place. @throws BudgetExceededError */
  async ask<T>(caller: Caller, asked: Asked, send: Send<T>): Promise<T> {
    const { effect, epoch } = caller;
    const { ledger, tenant } = this;
    if (epoch > 1) await ledger.recover({ tenant, effect, before: epoch });
    const spending = this.#spending(caller);
    try {
      return await sendGuarded(asked, spending, send);
    } catch (error) {
      if (!this.owns(error)) throw error;
      return this.#instead(error, { caller, asked, send, spending });
    }
  }

  owns(error: unknown): error is BudgetExceededError {
    return error instanceof BudgetExceededError && this.#own.has(error);
  }

  /** Books what was spent before there was a ledger. */
  async seed(agent: string, spent: { nanoUsd: number; tokens: number }): Promise<void> {
    const { ledger, tenant } = this;
    const { limits, spender, now } = this.#options;
    const all = linesOf(
      { ...(limits.run && { run: limits.run }) },
      { ...spender, agent, origin: undefined, now: now() },
    );
    const lines = all.map(({ budget }) => ({ budget, limit: {} }));
    const id = { tenant, effect: `${spender.runId}/before`, epoch: 1 };
    const granted = await ledger.reserve({ ...id, lines, amount: spent });
    if (granted.ok) await ledger.settle({ ...id, n: granted.n }, spent);
  }

  /** Gives back what calls had reserved and not sent, up to these attempts. */
  async giveBack(calls: readonly Pick<Caller, 'effect' | 'epoch'>[]): Promise<void> {
    const { ledger, tenant } = this;
    for (const { effect, epoch } of calls) {
      const id = { tenant, effect, epoch, n: 0 };
      await this.#try(id, () => ledger.recover({ tenant, effect, before: epoch + 1 }));
    }
  }

  /** Gives back what was set aside, by an earlier process too. */
  async close(): Promise<void> {
    this.#closed = true;
    // A hedge that lost may still be about to replace it.
    await this.#asideTurn;
    const aside = this.#aside;
    this.#aside = undefined;
    if (aside) return this.#try(aside, () => this.ledger.release(aside));
    if (this.#options.onExceed !== 'tell-the-model' || this.#asideIsClean) return;
    await this.#try({ ...this.#lastCall, n: 0 }, () => this.#clearAside());
  }

  /** What cannot be given back counts until the run goes on: that is no reason to lose what the run has done. */
  async #try(id: BudgetEntryId, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      this.#options.emit({ type: 'unknown', id: idText(id), amount: { nanoUsd: 0, tokens: 0 }, because });
    }
  }

  /** Under which a last call is set aside for. */
  get #lastCall(): Omit<BudgetEntryId, 'n'> {
    return { tenant: this.tenant, effect: `${this.#options.spender.runId}/last-words`, epoch: 1 };
  }

  /** Of what a process before this one had set aside. */
  async #clearAside(): Promise<void> {
    const { tenant, effect } = this.#lastCall;
    if (!this.#asideIsClean) await this.ledger.recover({ tenant, effect, before: Infinity });
    this.#asideIsClean = true;
  }

  #spending({ effect, epoch, agent }: Caller): Spending {
    const { limits, spender, now, prices, countTokens, maxOutputTokens = 16_384, emit } = this.#options;
    const tells = this.#options.onExceed === 'tell-the-model' && !this.#saidLastWords;
    return {
      ledger: this.ledger,
      tenant: this.tenant,
      prices,
      countTokens,
      maxOutputTokens,
      effect,
      epoch,
      emit,
      call: {
        id: effect,
        runId: spender.runId,
        agent,
        ...(spender.sessionId !== undefined && { sessionId: spender.sessionId }),
        tenant: this.tenant,
        recoveries: epoch - 1,
        onAttempt: () => undefined,
      },
      lines: (origin) => linesOf(limits, { ...spender, agent, origin, now: now() }),
      owned: (error) => {
        this.#own.add(error);
        return error;
      },
      ...(tells && { setAside: (bound, lines, wanted) => this.#setAside(bound, lines, wanted) }),
    };
  }

  /** Reserves for the last call, as long as the history may be after this one. */
  #setAside(bound: Bound, lines: readonly BudgetLine[], wanted: number): Promise<void> {
    const turn = this.#asideTurn.then(() => this.#replaceAside(bound, lines, wanted));
    // Whoever asked for it is told.
    this.#asideTurn = turn.catch(() => undefined);
    return turn;
  }

  async #replaceAside(bound: Bound, lines: readonly BudgetLine[], wanted: number): Promise<void> {
    if (this.#closed || this.#saidLastWords) return;
    await this.#clearAside();
    const amount = bound.amount(LAST_OUTPUT_TOKENS, bound.inputTokens + wanted + SLACK_TOKENS);
    const replaces = this.#aside;
    const granted = await this.ledger.reserve({ ...this.#lastCall, lines, amount, ...(replaces && { replaces }) });
    if (granted.ok) this.#aside = { ...this.#lastCall, n: granted.n };
    else throw this.#owned(exceededError(granted, amount));
  }

  #owned(error: BudgetExceededError): BudgetExceededError {
    this.#own.add(error);
    return error;
  }

  async #instead<T>(error: BudgetExceededError, failed: Failed<T>): Promise<T> {
    const { onExceed = 'stop', spender } = this.#options;
    const { runId } = spender;
    const choice =
      typeof onExceed === 'function' ? await onExceed({ error, runId, agent: failed.caller.agent }) : onExceed;
    if (isModel(choice)) return this.#downgrade(error, failed, [choice]);
    return this.#choose(choice, error, failed);
  }

  async #choose<T>(choice: OnExceedChoice, error: BudgetExceededError, failed: Failed<T>): Promise<T> {
    if (!CHOICES.includes(choice)) {
      throw new UserError(
        `The function onExceed of a budget gave ${JSON.stringify(choice) ?? String(choice)}. Let it give ` +
          "'stop', 'downgrade', 'tell-the-model' or a Model.",
      );
    }
    switch (choice) {
      case 'stop':
        throw error;
      case 'downgrade':
        return this.#downgrade(error, failed, this.#options.downgradeTo ?? []);
      case 'tell-the-model':
        return this.#lastWords(error, failed);
    }
  }

  async #downgrade<T>(
    error: BudgetExceededError,
    { caller, asked, send, spending }: Failed<T>,
    models: readonly (string | Model)[],
  ): Promise<T> {
    let last = error;
    for (const each of models) {
      const model = typeof each === 'string' ? await caller.find(each) : each;
      try {
        return await sendGuarded(inPlaceOf(asked, model), spending, send);
      } catch (thrown) {
        if (!this.owns(thrown)) throw thrown;
        last = thrown;
      }
    }
    throw last;
  }

  async #lastWords<T>(error: BudgetExceededError, { asked, send, spending }: Failed<T>): Promise<T> {
    if (this.#saidLastWords || error.details.reason !== 'exceeded') throw error;
    this.#saidLastWords = true;
    await this.#asideTurn;
    const { modelSettings, systemInstructions, tools, handoffs } = asked.request;
    const { toolChoice: _, ...settings } = modelSettings;
    const hasTools = tools.length + handoffs.length > 0;
    const request: ModelRequest = {
      ...asked.request,
      systemInstructions: systemInstructions === undefined ? LAST_WORDS : `${systemInstructions}\n\n${LAST_WORDS}`,
      modelSettings: {
        ...settings,
        maxTokens: Math.min(LAST_OUTPUT_TOKENS, modelSettings.maxTokens ?? LAST_OUTPUT_TOKENS),
        // Some vendors refuse a history with calls where the tools are gone.
        ...(hasTools && { toolChoice: 'none' as const }),
      },
    };
    const { setAside: __, ...rest } = spending;
    const last: Spending = { ...rest, replaces: () => this.#aside };
    try {
      return await sendGuarded({ ...asked, request }, last, send);
    } finally {
      await this.close();
    }
  }
}

type Failed<T> = { caller: Caller; asked: Asked; send: Send<T>; spending: Spending };

const CHOICES: readonly OnExceedChoice[] = ['stop', 'downgrade', 'tell-the-model'];

const isModel = (choice: unknown): choice is Model =>
  typeof choice === 'object' && choice !== null && ('getResponse' in choice || 'getStreamedResponse' in choice);

/** The request to another model, which budgets further out are asked about too. */
function inPlaceOf({ model: first, request }: Asked, other: Model): Asked {
  const { call, ...rest } = request;
  if (!other.ownsRetry) {
    return { model: call?.guard ? call.guard(other, other.origin) : guardedLike(first, other), request: rest };
  }
  if (call) return { model: other, request };
  return { model: other, request, outer: (target) => guardedLike(first, target) };
}

/** A model that owns its retries asks for each of its targets; any other is asked about itself. */
function sendGuarded<T>({ model, request, outer }: Asked, spending: Spending, send: Send<T>): Promise<T> {
  if (!model.ownsRetry) return send(guarded(model, spending), request);
  const call: ModelCall = request.call ?? { ...spending.call, ...(outer && { guard: outer }) };
  const guard: NonNullable<typeof call.guard> = (target, origin) =>
    guarded(call.guard ? call.guard(target, origin) : target, spending, origin);
  return send(model, { ...request, call: { ...call, guard } });
}
