/**
 * The attempts of a model call: who noticed them, what they used, what they cost.
 *
 * A plain run keeps them only where something failed. With prices, or with a model that owns its retries, each is kept.
 */
import type { AnyAgent } from '../../agent/index.ts';
import type { Attempt, Effect } from '../../kernel/index.ts';
import { BudgetExceededError, type ModelAttempt, type Prices, type RetryHooks } from '../../model/index.ts';
import type { Model, ModelCallAttempt, ModelRequest, ModelResponse } from '../../protocol/model.ts';
import { ModelRefusalError } from '../../protocol/errors.ts';
import { RequestUsage, Usage } from '../../protocol/usage.ts';
import { budgetPrices } from '../budget.ts';
import { errorInfo } from '../errors.ts';
import type { LiveRun } from '../live-run.ts';
import { pricesOf } from '../nested-cost.ts';
import { attemptUsage, usageData } from '../usage.ts';

type Call = {
  effect: Extract<Effect, { do: 'call_model' }>;
  agent: AnyAgent;
  model: Model;
  request: ModelRequest;
};

type Told = { attempts?: Attempt[] };

export type CallAttempts = {
  /** The request to send, which tells a model that owns its retries whose call it is. */
  readonly request: ModelRequest;
  readonly hooks: RetryHooks | undefined;
  /** The usage of all attempts, where `usage` is that of the one which answered. */
  total(usage: Usage): Usage;
  /** @param by who answered, where it is not the model that was to be asked */
  succeeded(response: ModelResponse, firstTokenMs: number | undefined, by?: Model): Told;
  failed(): Told;
};

/** Whether anybody wants to know of attempts. Most runs do not pay for it. */
export function isWatched(run: LiveRun, agent: AnyAgent, model: Model): boolean {
  if (model.ownsRetry || run.settings.modelSettings?.retry || agent.modelSettings.retry) return true;
  return pricesOf(run) !== undefined;
}

export async function watchAttempts(run: LiveRun, call: Call): Promise<CallAttempts> {
  const prices = pricesOf(run) ?? (await budgetPrices(run));
  // Before anything is sent: whoever wants prices must not learn afterwards that there are none.
  if (prices) await prices.load();
  if (call.model.ownsRetry)
    return reported(run, call, { prices, sessionId: await run.settings.session?.getSessionId() });
  return noticed(call, prices);
}

/** Attempts of a model that one of our own loops calls. */
function noticed({ model, request }: Call, prices: Prices | undefined): CallAttempts {
  const seen: ModelAttempt[] = [];
  const hooks: RetryHooks = { onAttempt: (attempt) => void (wasMade(attempt) && seen.push(attempt)) };
  const begun = prices ? performance.now() : 0;
  const { origin } = model;
  const failures = (): ModelCallAttempt['usage'][] =>
    seen.flatMap(({ error }) => (error === undefined ? [] : [undefined]));
  const told = (attempt: ModelAttempt, at: number): Attempt => {
    const { startedAt, error, delayMs } = attempt;
    const next = seen[at + 1];
    const end = next ? next.startedAt - (delayMs ?? 0) : performance.now() - begun;
    return {
      at: Math.round(startedAt),
      ...(error !== undefined && { error: errorInfo(error) }),
      ...(delayMs !== undefined && { delayMs }),
      ...(prices && { ms: Math.max(0, Math.round(end - startedAt)), ...(origin && { origin }) }),
      ...(prices && error !== undefined && refusedByServer(error) && { nanoUsd: 0 }),
    };
  };
  return {
    request,
    hooks,
    total: (usage) => withFailures(usage, failures()),
    succeeded(response, firstTokenMs, by) {
      const failed = seen.filter(({ error }) => error !== undefined);
      if (!prices) return failed.length > 0 ? { attempts: seen.map(told) } : {};
      const usage = attemptUsage(response.usage);
      const answeredBy = by ? by.origin : origin;
      const cost = prices.costOf({ origin: answeredBy, usage, response });
      // Whoever reads a stream leaves with its last event, before the loop could say that it was well.
      const before = failed.at(-1);
      const startedAt = before ? before.startedAt + (before.delayMs ?? 0) : 0;
      const last = told(seen.find(({ error }) => error === undefined) ?? { startedAt }, seen.length);
      return {
        attempts: [
          ...failed.map(told),
          {
            ...last,
            ...(by && answeredBy && { origin: answeredBy }),
            ...(firstTokenMs !== undefined && { firstTokenMs }),
            usage,
            ...cost,
          },
        ],
      };
    },
    failed: () => (seen.length > (prices ? 0 : 1) ? { attempts: seen.map(told) } : {}),
  };
}

type Known = { prices: Prices | undefined; sessionId: string | undefined };

/** Attempts that the model itself reports. */
function reported(run: LiveRun, { effect, agent, request }: Call, { prices, sessionId }: Known): CallAttempts {
  const seen: ModelCallAttempt[] = [];
  const { runId } = run.record.journal;
  const told = ({ error, ...attempt }: ModelCallAttempt): Attempt => ({
    ...attempt,
    at: Math.round(attempt.at),
    ms: Math.round(attempt.ms),
    ...(error !== undefined && { error: errorInfo(error) }),
    // A router without prices of its own.
    ...(prices &&
      attempt.nanoUsd === undefined &&
      attempt.usage &&
      prices.costOf({ origin: attempt.origin, usage: attempt.usage })),
  });
  const attempts = (): Told => (seen.length > 0 ? { attempts: seen.map(told) } : {});
  const begun = performance.now();
  const { budgets } = run.settings;
  return {
    request: {
      ...request,
      call: {
        id: `${runId}/${effect.id}`,
        runId,
        agent: agent.name,
        ...(sessionId !== undefined && { sessionId }),
        ...(budgets && { tenant: budgets.tenant }),
        recoveries: (effect.attempt ?? 1) - 1,
        onAttempt: (attempt) => void seen.push(attempt),
      },
    },
    hooks: undefined,
    total(usage) {
      const failed = seen.filter(({ error }) => error !== undefined);
      // A refusal that stands, because nobody else gave an answer, is both the answer and an attempt that failed.
      const answer = failed.length === seen.length ? failed.findLast(isRefusal) : undefined;
      return withFailures(
        usage,
        failed.filter((attempt) => attempt !== answer).map(({ usage: used }) => used),
      );
    },
    succeeded(response, _firstTokenMs, by) {
      if (!by) return attempts();
      // Somebody else than the router was asked in the end, who reports nothing.
      const { origin } = by;
      const usage = attemptUsage(response.usage);
      const ms = performance.now() - begun;
      const target = origin ? `${origin.provider}/${origin.model}` : 'unknown';
      const cost = prices?.costOf({ origin, usage, response });
      return { attempts: [...seen, { at: 0, ms, target, ...(origin && { origin }), usage, ...cost }].map(told) };
    },
    failed: attempts,
  };
}

const isRefusal = ({ error }: ModelCallAttempt): boolean => error instanceof ModelRefusalError;

/** Where a budget did not allow it, nothing was sent. */
const wasMade = ({ error }: ModelAttempt): boolean => !(error instanceof BudgetExceededError);

/** The server answered with an error status, and nothing else: vendors do not charge for that. */
function refusedByServer(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('status' in error)) return false;
  return typeof error.status === 'number' && !('responseStarted' in error && error.responseStarted === true);
}

/** Each attempt was a request, also one that used nothing. */
function withFailures(usage: Usage, failures: readonly ModelCallAttempt['usage'][]): Usage {
  if (failures.length === 0) return usage;
  const own = new Usage();
  own.add(usage);
  const entries = own.requestUsageEntries ?? [new RequestUsage()];
  const total = new Usage({ ...usageData(usage), requests: usage.requests });
  total.requestUsageEntries = [];
  for (const used of failures) {
    total.add(new Usage({ inputTokens: 0, outputTokens: 0, totalTokens: 0, ...used, requests: 1 }));
    if (!used) total.requestUsageEntries.push(new RequestUsage());
  }
  total.requestUsageEntries.push(...entries);
  return total;
}
