export { RouteUnavailableError } from './errors.ts';
export { createRouter } from './create.ts';
export type { Router } from './create.ts';
export { knownCapabilities } from './known-models.ts';
export { balance } from './targets.ts';
export { ROUTER_EVENT_SOURCE } from './types.ts';
export type {
  BalanceStrategy,
  HedgeOptions,
  ModelCapabilities,
  Pool,
  Route,
  RouteOptions,
  RouterErrorKind,
  RouterEvent,
  RouterOptions,
  RouterRetryOptions,
  RouterTimeouts,
  RouteTarget,
  SkipReason,
  StreamReset,
  TargetOptions,
} from './types.ts';
