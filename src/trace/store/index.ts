/** The local trace store: runs, spans and usage in a SQLite file. */
export { TraceStoreError } from './errors.ts';
export type { TraceStoreErrorCode } from './errors.ts';
export { openTraceStore } from './open.ts';
export type { OpenTraceStoreOptions, RunsFilter, TraceStore } from './open.ts';
export { storedTraces } from './stored-traces.ts';
export type { StoredTracesOptions } from './stored-traces.ts';
export { TraceStoreProcessor } from './processor.ts';
export type { TraceRetention, TraceStoreOptions } from './processor.ts';
export type { StoredRun, StoredSpan, StoredTrace, UsageRow } from './rows.ts';
