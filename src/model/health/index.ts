export type { BreakerOptions, Closed } from './breaker.ts';
export { Health } from './health.ts';
export type { HealthOptions } from './health.ts';
export type { LimitOptions } from './limits.ts';
