export { AlreadyDecided, DurableError } from './errors.ts';
export type { DurableErrorCode } from './errors.ts';
export type { ReplayOptions } from './replay.ts';
export { RunStore } from './run-store.ts';
export type { ForkOptions, OnPlanChange, PlanDecision, Recovered, ResumeOptions, RunStoreOptions } from './types.ts';
