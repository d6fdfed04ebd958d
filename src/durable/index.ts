export { AlreadyDecided, DurableError } from './errors.ts';
export type { DurableErrorCode } from './errors.ts';
export { RunStore } from './run-store.ts';
export type { Recovered, ResumeOptions, RunStoreOptions } from './run-store.ts';
