export { createBudgets } from './create.ts';
export type { Budgets, BudgetPolicy, BudgetScope, BudgetsOptions, OnExceed, OnExceedChoice } from './create.ts';
export type { BudgetLimit, BudgetLimits, RunLimit } from './accounts.ts';
export type { CountTokens } from './bound.ts';
export type { BudgetEvent } from './guard.ts';
export { memoryLedger } from './memory.ts';
export { sqliteLedger } from './sqlite/sqlite-ledger.ts';
export type { SqliteLedgerOptions } from './sqlite/sqlite-ledger.ts';
export { postgresLedger } from './postgres/postgres-ledger.ts';
export type { PostgresLedgerOptions } from './postgres/postgres-ledger.ts';
export { redisLedger } from './redis/redis-ledger.ts';
export type { RedisLedgerOptions } from './redis/redis-ledger.ts';
export { BudgetExceededError, BudgetLedgerError } from './errors.ts';
export type { RunBudget } from './run-budget.ts';
export type {
  AccountBalance,
  BudgetAmount,
  BudgetEntryId,
  BudgetGrant,
  BudgetLedger,
  BudgetLine,
  BudgetRefusal,
  BudgetReservation,
  OpenEntry,
} from './types.ts';
