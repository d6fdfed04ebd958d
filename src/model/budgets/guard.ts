/**
 * A model that asks its budget before each request: reserve, note that it is sent, send, book what it cost.
 *
 * G1 Nothing is sent that is not reserved at the price of the model that gets it, and noted as sent before. G2 Only what
 * surely cost nothing is released: a refusal by a status, a connection that was never made. What ends in any other way
 * stays counted with its upper bound. G3 The answer is there before the books are: where they cannot be written, the
 * upper bound stays, and the caller has the answer.
 */
import { UserError } from '../../protocol/errors.ts';
import type { Model, ModelCall, ModelRequest, ModelResponse, Origin, StreamEvent } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { isModelError } from '../../wire/index.ts';
import { signal } from '../../wire/signals.ts';
import type { Prices } from '../prices/index.ts';
import { mergeModelSettings } from '../settings.ts';
import { bare, wrapBare } from '../strings/index.ts';
import { attemptUsage } from '../usage-data.ts';
import { boundOf, type Bound, type CountTokens } from './bound.ts';
import { BudgetExceededError } from './errors.ts';
import { idText } from './memory.ts';
import { limited } from './thinking.ts';
import type { BudgetAmount, BudgetEntryId, BudgetLedger, BudgetLine, BudgetRefusal } from './types.ts';

/** Something that a budget did. Live: none of it is in a run's log. */
export type BudgetEvent =
  | { type: 'reserved'; id: string; amount: BudgetAmount; maxTokens: number }
  | { type: 'settled'; id: string; actual: BudgetAmount }
  | { type: 'released'; id: string }
  /** It stays counted with its upper bound until `reconcile` is called with its id. */
  | { type: 'unknown'; id: string; amount: BudgetAmount; because: string }
  | { type: 'refused'; effect: string; error: BudgetExceededError };

/** What all calls of one effect share. */
export type Spending = {
  readonly ledger: BudgetLedger;
  readonly prices: Prices;
  readonly countTokens: CountTokens | undefined;
  readonly maxOutputTokens: number;
  readonly tenant: string;
  readonly effect: string;
  readonly epoch: number;
  /** The accounts that a call of this model draws from. */
  readonly lines: (origin: Origin | undefined) => readonly BudgetLine[];
  readonly emit: (event: BudgetEvent) => void;
  /** Sets something aside for later before the call may have the rest. */
  readonly setAside?: (bound: Bound, lines: readonly BudgetLine[], wanted: number) => Promise<void>;
  /** What was set aside, for the call that it was meant for. */
  readonly replaces?: () => BudgetEntryId | undefined;
  /** What a model is told that owns its retries, where the run tells it nothing. */
  readonly call: ModelCall;
  /** Marks the errors of this budget as its own. */
  readonly owned: (error: BudgetExceededError) => BudgetExceededError;
};

/** Less is no answer. */
const LEAST_OUTPUT_TOKENS = 1024;
/** Each time another call was faster. Then the least is asked for, and its refusal stands. */
const MOST_TRIES = 8;

/** Where a guarded model has what puts the same guards around another one. */
const AROUND = /* @__PURE__ */ Symbol('the guards of a model');
type Guarded = Model & { readonly [AROUND]?: (other: Model) => Model };

/** Puts the guards that a model has around another one, which is asked in its place. */
export function guardedLike(model: Model, other: Model): Model {
  const within: Guarded = bare(model);
  return within[AROUND]?.(other) ?? other;
}

/**
 * Settings that the model's name brought stay outside of the guard: it sees them, and what it imposes is the last word.
 *
 * @param known who answers, where the model itself does not say it
 */
export function guarded(model: Model, spending: Spending, known?: Origin): Model {
  return wrapBare(model, (inner) => guardedBare(inner, spending, known));
}

function guardedBare(model: Model, spending: Spending, known: Origin | undefined): Model {
  const { supportsPromptModelSelection, keepsRequests, ownSettings } = model;
  const origin = (): Origin | undefined => model.origin ?? known;
  const guard: Guarded = {
    [AROUND]: (other) => guarded(guardedLike(model, other), spending),
    ...(supportsPromptModelSelection !== undefined && { supportsPromptModelSelection }),
    ...(model.origin && { origin: model.origin }),
    ...(keepsRequests && { keepsRequests }),
    ...(ownSettings && { ownSettings }),
    async getResponse(given) {
      const request = settled(model, given);
      const call = await admit(spending, request, origin());
      let response: ModelResponse;
      try {
        response = await model.getResponse(call.request);
      } catch (error) {
        await call.failed(error);
        throw error;
      }
      await call.answered(response);
      return response;
    },
    getStreamedResponse: (request) => streamed(model, () => admit(spending, settled(model, request), origin())),
    async getRetryAdvice(args) {
      // More is not there the next moment either.
      if (args.error instanceof BudgetExceededError) return { suggested: false, replaySafety: 'unsafe' };
      return model.getRetryAdvice?.(args);
    },
  };
  return guard;
}

/** With what the model lays under it: else a limit of its own would be raised, and what it adds not be seen. */
const settled = ({ ownSettings }: Model, request: ModelRequest): ModelRequest =>
  ownSettings ? { ...request, modelSettings: mergeModelSettings(ownSettings, request.modelSettings) } : request;

async function* streamed(model: Model, enter: () => Promise<Admitted>): AsyncGenerator<StreamEvent> {
  const call = await enter();
  let isOver = false;
  try {
    for await (const event of model.getStreamedResponse(call.request)) {
      if (event.type === 'response_done') {
        isOver = true;
        const { usage, output, providerData, rawUsage } = event.response;
        // Readers leave with the last event.
        await call.answered({
          usage: new Usage({ requests: 1, ...usage }),
          output,
          ...(providerData && { providerData }),
          ...(rawUsage && { rawUsage }),
        });
      }
      yield event;
    }
  } catch (error) {
    if (!isOver) await call.failed(error);
    isOver = true;
    throw error;
  } finally {
    if (!isOver) call.unknown('the stream ended before the answer was whole');
  }
}

/** Reserves, and notes that the request is sent. @throws BudgetExceededError */
async function admit(spending: Spending, request: ModelRequest, origin: Origin | undefined): Promise<Admitted> {
  const { tenant, effect, epoch, prices, countTokens } = spending;
  const lines = spending.lines(origin);
  const money = lines.some(({ limit }) => limit.nanoUsd !== undefined);
  if (money) await prices.load();
  const bound = boundOf(request, { origin, prices, countTokens, money });
  if (typeof bound === 'string') throw refused(spending, unboundedError(bound));
  const { maxTokens: asked } = request.modelSettings;
  const wanted = asked ?? spending.maxOutputTokens;
  if (spending.setAside) await spending.setAside(bound, lines, wanted);
  const { n, maxTokens } = await reserve(spending, { bound, lines, wanted });
  const id: BudgetEntryId = { tenant, effect, epoch, n };
  const amount = bound.amount(maxTokens);
  spending.emit({ type: 'reserved', id: idText(id), amount, maxTokens });
  await markSent(spending, id);
  const bounded = { ...request, modelSettings: limited(request.modelSettings, maxTokens, wanted) };
  const admitted = new Admitted(spending, { id, amount, origin, request: bounded, money });
  if (request.signal?.aborted) {
    await admitted.release();
    throw request.signal.reason;
  }
  return admitted;
}

async function markSent({ ledger }: Spending, id: BudgetEntryId): Promise<void> {
  try {
    await ledger.sent(id);
  } catch (error) {
    // Not sent, so not to be paid. Where that cannot be said either, it stays counted.
    await ledger.release(id).catch(() => false);
    throw error;
  }
}

type Wish = { bound: Bound; lines: readonly BudgetLine[]; wanted: number };

/** Reserves for as many output tokens as are wanted, or as many as fit, down to the least. */
async function reserve(spending: Spending, { bound, lines, wanted }: Wish): Promise<{ n: number; maxTokens: number }> {
  const { ledger, tenant, effect, epoch } = spending;
  const least = Math.min(LEAST_OUTPUT_TOKENS, wanted);
  let maxTokens = wanted;
  for (let tries = 1; ; tries++) {
    const replaces = spending.replaces?.();
    const amount = bound.amount(maxTokens);
    const granted = await ledger.reserve({ tenant, effect, epoch, lines, amount, ...(replaces && { replaces }) });
    if (granted.ok) return { n: granted.n, maxTokens };
    if (maxTokens <= least) throw refused(spending, exceededError(granted, amount));
    const left = granted.limit - granted.settled - granted.held;
    const fits = bound.fitting({ [granted.what]: left });
    maxTokens = tries >= MOST_TRIES ? least : Math.max(least, Math.min(maxTokens - 1, fits));
  }
}

type Call = {
  id: BudgetEntryId;
  amount: BudgetAmount;
  origin: Origin | undefined;
  request: ModelRequest;
  money: boolean;
};

/** A request that is paid for. */
class Admitted {
  readonly request: ModelRequest;
  readonly #spending: Spending;
  readonly #call: Call;

  constructor(spending: Spending, call: Call) {
    this.#spending = spending;
    this.#call = call;
    this.request = call.request;
  }

  async answered(response: ModelResponse): Promise<void> {
    const { origin, amount, id, money } = this.#call;
    const usage = attemptUsage(response.usage);
    const cost = this.#spending.prices.costOf({ origin, usage, response });
    if (money && !cost) return this.unknown('the answer does not say what it used');
    const tokens = usage.totalTokens > 0 ? usage.totalTokens : amount.tokens;
    const actual: BudgetAmount = { nanoUsd: cost?.nanoUsd ?? 0, tokens };
    try {
      await this.#spending.ledger.settle(id, actual);
      this.#spending.emit({ type: 'settled', id: idText(id), actual });
    } catch (error) {
      this.unknown(`the ledger did not take it: ${messageOf(error)}`);
    }
  }

  async failed(error: unknown): Promise<void> {
    if (!costsNothing(error)) return this.unknown(messageOf(error));
    await this.release();
  }

  async release(): Promise<void> {
    const { id } = this.#call;
    try {
      await this.#spending.ledger.release(id);
      this.#spending.emit({ type: 'released', id: idText(id) });
    } catch (error) {
      this.unknown(`the ledger did not take it: ${messageOf(error)}`);
    }
  }

  unknown(because: string): void {
    const { id, amount } = this.#call;
    this.#spending.emit({ type: 'unknown', id: idText(id), amount, because });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Nobody heard of the request. */
const UNMADE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_INVALID_URL',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether the vendor surely bills nothing: it refused by a status and said nothing else, or never got the request. */
export function costsNothing(error: unknown): boolean {
  if (error instanceof BudgetExceededError) return true;
  if (typeof error !== 'object' || error === null) return false;
  if ('responseStarted' in error && error.responseStarted === true) return false;
  // It cannot have reached the server: a URL that is none, a header that cannot be sent, no key.
  if (isModelError(error) && error.replaySafe === true && error.status === undefined) return true;
  // A mistake in the request, seen before it is sent, such as a missing key.
  if (error instanceof UserError) return true;
  if ('status' in error && typeof error.status === 'number' && error.status >= 400) return true;
  return wasUnmade(error, 0);
}

function wasUnmade(error: object, depth: number): boolean {
  if ('code' in error && typeof error.code === 'string' && UNMADE.has(error.code)) return true;
  const { cause }: { cause?: unknown } = error;
  return depth < 5 && typeof cause === 'object' && cause !== null && wasUnmade(cause, depth + 1);
}

function refused(spending: Spending, error: BudgetExceededError): BudgetExceededError {
  const { effect } = spending;
  spending.emit({ type: 'refused', effect, error });
  signal('baton:budget-refusal', () => ({ because: error.details.reason, effect }));
  return spending.owned(error);
}

function unboundedError(because: string): BudgetExceededError {
  return new BudgetExceededError(
    `The model was not called: under a budget each call needs an upper bound, and ${because}.`,
    { reason: 'unbounded_request' },
  );
}

export function exceededError(refusal: BudgetRefusal, amount: BudgetAmount): BudgetExceededError {
  const { budget, what, limit, settled, held } = refusal;
  const unit = what === 'nanoUsd' ? 'usd' : 'tokens';
  const scale = what === 'nanoUsd' ? 1e9 : 1;
  const say = (value: number): string => (unit === 'usd' ? `$${value / scale}` : `${value} tokens`);
  return new BudgetExceededError(
    `The model was not called: the budget "${budget}" has ${say(limit)}, of which ${say(settled)} are spent and ` +
      `${say(held)} reserved, and this call may come to ${say(amount[what])}. ` +
      'Resume the run with more, or wait for what is under way.',
    {
      reason: 'exceeded',
      budget,
      unit,
      limit: limit / scale,
      settled: settled / scale,
      held: held / scale,
      asked: amount[what] / scale,
    },
  );
}
