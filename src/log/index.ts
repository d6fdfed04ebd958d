export { LogError, StoreBlocked } from './errors.ts';
export type { LogErrorCode, LogErrorDetails } from './errors.ts';
export { LeaseWatch } from './lease-watch.ts';
export type { LeaseWatchOptions } from './lease-watch.ts';
export { memoryLog } from './memory-log.ts';
export type { MemoryLogOptions } from './memory-log.ts';
export { postgresLog } from './postgres/postgres-log.ts';
export type { PostgresLogOptions } from './postgres/postgres-log.ts';
export { sqliteLog } from './sqlite/sqlite-log.ts';
export type { SqliteLogOptions } from './sqlite/sqlite-log.ts';
export type {
  Claimed,
  Commit,
  Committed,
  EventLog,
  Known,
  Lease,
  Leases,
  LogEvent,
  LogLimits,
  NewPosting,
  NewRun,
  Posted,
  Posting,
  ReadOptions,
  RemoveQuery,
  RunInfo,
  RunLog,
  RunPage,
  RunQuery,
  LogStatus,
  StoredEvent,
} from './types.ts';
