export { AlreadyDecided, DurableError } from './errors.ts';
export type { DurableErrorCode } from './errors.ts';
export type { RunStreamPart } from './feed.ts';
export type { LookOptions } from './look-on.ts';
export type { ReplayOptions } from './replay.ts';
export { RunStore } from './run-store.ts';
export type {
  DrainOptions,
  Erased,
  EraseOptions,
  EraseTarget,
  ForkOptions,
  OnPlanChange,
  PlanDecision,
  Pruned,
  Recovered,
  RecoverOptions,
  ResumeOptions,
  RunRetention,
  RunStoreOptions,
} from './types.ts';
export { runWorker } from './worker.ts';
export type { Recoverable, WorkerEvent, WorkerOptions } from './worker.ts';
