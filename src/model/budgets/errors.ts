/** Errors of budgets. */
import { AgentsError } from '../../protocol/errors.ts';

/**
 * `exceeded`: not enough is left for the call. `unbounded_request`: nobody can say what the call costs at most.
 * `active_time`: the run has worked for as long as it may.
 */
export type BudgetExceededReason = 'exceeded' | 'unbounded_request' | 'active_time';

/** Amounts in US dollars, tokens or milliseconds, as `unit` says. */
export type BudgetExceededDetails = {
  readonly reason: BudgetExceededReason;
  /** The account, such as `run:run_x`, `tenant@2026-11` or `model:openai/gpt-5.4`. */
  readonly budget?: string;
  readonly unit?: 'usd' | 'tokens' | 'ms';
  readonly limit?: number;
  readonly settled?: number;
  /** Reserved by calls that are under way, or sent with an unknown end. */
  readonly held?: number;
  /** The least that this call could have come to at most. */
  readonly asked?: number;
};

/**
 * A call was not made, because a budget does not allow it. Resume `error.state` with a larger budget.
 *
 * `code` is `budget/exceeded` or `budget/unbounded-request`.
 */
export class BudgetExceededError extends AgentsError {
  override readonly code: 'budget/exceeded' | 'budget/unbounded-request';
  readonly details: BudgetExceededDetails;

  constructor(message: string, details: BudgetExceededDetails) {
    super(message);
    this.code = details.reason === 'unbounded_request' ? 'budget/unbounded-request' : 'budget/exceeded';
    this.details = details;
  }
}

/** A ledger cannot do what it was asked for. Nothing was sent. */
export class BudgetLedgerError extends AgentsError {
  override readonly code: string = 'budget/ledger';

  constructor(message: string, { code, cause }: { code?: string; cause?: unknown } = {}) {
    super(message);
    if (code !== undefined) this.code = code;
    if (cause !== undefined) this.cause = cause;
  }
}

export const notReserved = (id: string): BudgetLedgerError =>
  new BudgetLedgerError(
    `The reservation ${id} is not there any more: another process has taken its run over. The call is not made.`,
    { code: 'budget/not-reserved' },
  );
