/** The public names of history as a request, prices, model strings, routing, caches of answers and budgets. */
export { projectHistory } from './projection/index.ts';
export type {
  HistoryCapabilities,
  HistoryTarget,
  HistoryWarning,
  HistoryWarningCode,
  HistoryWire,
  ProjectedHistory,
} from './projection/index.ts';
export { createPrices } from './prices/index.ts';
export type {
  CallCost,
  FoundPrice,
  ModelPrice,
  PriceCatalog,
  PricedCall,
  PricedModel,
  Prices,
  PricesOptions,
  PriceTier,
  TokenPrices,
} from './prices/index.ts';
export { createModelRegistry } from './strings/index.ts';
export type { ModelRegistry, ModelRegistryOptions, ProviderMap } from './strings/index.ts';
export { memoryHealthBoard, redisHealthBoard } from './health/index.ts';
export type {
  BreakerOptions,
  HealthBoard,
  HealthReport,
  HealthView,
  LimitOptions,
  RedisHealthBoardOptions,
} from './health/index.ts';
export {
  balance,
  createRouter,
  knownCapabilities,
  ROUTER_EVENT_SOURCE,
  RouteUnavailableError,
} from './router/index.ts';
export type {
  BalanceStrategy,
  HedgeOptions,
  ModelCapabilities,
  Pool,
  Route,
  RouteOptions,
  Router,
  RouterErrorKind,
  RouterEvent,
  RouterOptions,
  RouterRetryOptions,
  RouterTimeouts,
  RouteTarget,
  SkipReason,
  StreamReset,
  TargetOptions,
} from './router/index.ts';
export { createResponseCache, memoryResponseStore } from './response-cache/index.ts';
export type {
  MemoryResponseStoreOptions,
  ResponseCache,
  ResponseCacheKey,
  ResponseCacheOptions,
  ResponseCacheStore,
} from './response-cache/index.ts';
export { BudgetExceededError } from './budgets/errors.ts';
export type { BudgetExceededDetails, BudgetExceededReason } from './budgets/errors.ts';
export {
  BudgetLedgerError,
  createBudgets,
  memoryLedger,
  postgresLedger,
  redisLedger,
  sqliteLedger,
} from './budgets/index.ts';
export type {
  AccountBalance,
  BudgetAmount,
  BudgetEntryId,
  BudgetEvent,
  BudgetGrant,
  BudgetLedger,
  BudgetLimit,
  BudgetLimits,
  BudgetLine,
  BudgetPolicy,
  BudgetRefusal,
  BudgetReservation,
  Budgets,
  BudgetScope,
  BudgetsOptions,
  CountTokens,
  OnExceed,
  OnExceedChoice,
  OpenEntry,
  RunLimit,
  PostgresLedgerOptions,
  RedisLedgerOptions,
  SqliteLedgerOptions,
} from './budgets/index.ts';
