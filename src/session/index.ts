export { applySessionHistoryMutations } from './items.ts';
export { SessionBusy, SessionError } from './errors.ts';
export type { SessionErrorCode, SessionErrorDetails } from './errors.ts';
export * from './branches/index.ts';
export { CompactedView, coverable } from './compaction/view.ts';
export type { Snapshot } from './compaction/view.ts';
export { estimateTokens, limitHistory, readHistory, resolveSessionSettings } from './limits.ts';
export { MemorySession } from './memory-session.ts';
export type { MemorySessionOptions } from './memory-session.ts';
export { SQLiteSession } from './sqlite/sqlite-session.ts';
export type { SessionAppendOptions, SQLiteSessionOptions } from './sqlite/sqlite-session.ts';
export type { SessionPosition } from './sqlite/commands.ts';
export { PostgresSession } from './postgres/postgres-session.ts';
export type { PostgresSessionOptions } from './postgres/postgres-session.ts';
export type { PostgresClient, PostgresPool, PostgresPoolClient } from '../store/postgres/connections.ts';
export { RedisSession } from './redis/redis-session.ts';
export type { RedisSessionOptions } from './redis/redis-session.ts';
export type { RedisClient } from '../store/redis/connections.ts';
export type { StoredSessionOptions } from './stored/session-calls.ts';
export {
  isOpenAIResponsesCompactionAwareSession,
  isRunContextAwareSession,
  isSessionHistoryRewriteAwareSession,
  isSessionHistoryTransactionAwareSession,
} from './types.ts';
export type {
  OpenAIResponsesCompactionArgs,
  OpenAIResponsesCompactionAwareSession,
  OpenAIResponsesCompactionResult,
  RunContextAwareSession,
  Session,
  SessionHistoryAppendItemsTransaction,
  SessionHistoryMutation,
  SessionHistoryReplaceFunctionCallMutation,
  SessionHistoryReplaceSuffixTransaction,
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransaction,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
  SessionInputCallback,
  SessionRunContext,
  SessionSettings,
  TokenCounter,
} from './types.ts';
export type { SessionPlace } from './place.ts';
export { sqliteSessions } from './sqlite/place.ts';
export type { SqliteSessionsOptions } from './sqlite/place.ts';
export { postgresSessions } from './postgres/place.ts';
export type { PostgresSessionsOptions } from './postgres/place.ts';
export { redisSessions } from './redis/place.ts';
export type { RedisSessionsOptions } from './redis/place.ts';
export type { ErasablePlace, Erasure } from '../store/erase.ts';
export * from './sealed/index.ts';
export * from './turns/index.ts';
export { innerTurns, type Turns } from './wrapped.ts';
