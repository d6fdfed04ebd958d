export { AlreadyDecided, DurableError } from './errors.ts';
export type { DurableErrorCode } from './errors.ts';
export type { ReplayOptions } from './replay.ts';
export { RunStore } from './run-store.ts';
export type {
  Erased,
  EraseOptions,
  EraseTarget,
  ForkOptions,
  OnPlanChange,
  PlanDecision,
  Pruned,
  Recovered,
  ResumeOptions,
  RunRetention,
  RunStoreOptions,
} from './types.ts';
