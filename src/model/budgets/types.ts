/** The port of a ledger: what is reserved, what was sent, what it came to. */

/** Money in integers of 10^-9 US dollars, tokens of input and output together. */
export type BudgetAmount = { readonly nanoUsd: number; readonly tokens: number };

/** An account that a reservation draws from, and how far. Absent: any amount. */
export type BudgetLine = { readonly budget: string; readonly limit: Partial<BudgetAmount> };

/** One attempt at one effect. `n` is given by the ledger and never twice. */
export type BudgetEntryId = {
  readonly tenant: string;
  /** `<run>/<effect>`: a repeat after a crash has the same one. */
  readonly effect: string;
  /** Counts the repeats of the effect after crashes, from 1. */
  readonly epoch: number;
  readonly n: number;
};

export type BudgetReservation = Omit<BudgetEntryId, 'n'> & {
  /** All of them, or none. No account twice. */
  readonly lines: readonly BudgetLine[];
  /** The most that the attempt can come to. */
  readonly amount: BudgetAmount;
  /** An entry of the same tenant that ends in the same step, where this one is granted. */
  readonly replaces?: BudgetEntryId;
};

/** Why a reservation was refused: `settled + held + asked > limit` held at that moment for this account. */
export type BudgetRefusal = {
  readonly budget: string;
  readonly what: keyof BudgetAmount;
  readonly limit: number;
  readonly settled: number;
  /** Reserved, or sent and not settled. What the reservation would replace is left out. */
  readonly held: number;
};
export type BudgetGrant = { readonly ok: true; readonly n: number } | ({ readonly ok: false } & BudgetRefusal);

/** An entry that still counts with its upper bound. `sent`: what it cost is not known. */
export type OpenEntry = BudgetEntryId & { readonly state: 'reserved' | 'sent'; readonly amount: BudgetAmount };

export type AccountBalance = {
  readonly settled: BudgetAmount;
  readonly held: BudgetAmount;
  /** Oldest first, 100 at most. */
  readonly open: readonly OpenEntry[];
};

/**
 * Where budgets are kept. Each method is one atomic step, also between the processes that share the ledger, and what a
 * method has acknowledged is kept as long as the ledger itself.
 *
 * L1 No account's `settled + held` is brought above a limit by `reserve`. L2 What was sent counts with its whole amount
 * until it is settled or released. L3 An entry ends once: after that, `settle` and `release` change nothing.
 */
export interface BudgetLedger {
  /** Reserves in all accounts, or says which one has not enough. */
  reserve(reservation: BudgetReservation): Promise<BudgetGrant>;
  /** Notes that the request is about to be sent. @throws BudgetLedgerError where the entry is not reserved any more */
  sent(id: BudgetEntryId): Promise<void>;
  /** Books what it came to, in place of the upper bound. Gives whether the entry was open. */
  settle(id: BudgetEntryId, actual: BudgetAmount): Promise<boolean>;
  /** Ends an entry that came to nothing. Gives whether it was open. */
  release(id: BudgetEntryId): Promise<boolean>;
  /** After a crash: releases what earlier epochs of an effect have reserved and not sent. Gives how many. */
  recover(of: { tenant: string; effect: string; before: number }): Promise<number>;
  balance(account: { tenant: string; budget: string }): Promise<AccountBalance>;
  close(): Promise<void>;
}
