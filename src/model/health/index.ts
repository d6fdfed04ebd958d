export { memoryHealthBoard } from './board.ts';
export type { HealthBoard, HealthReport, HealthView } from './board.ts';
export type { BreakerOptions, Closed } from './breaker.ts';
export { Health } from './health.ts';
export type { HealthOptions } from './health.ts';
export type { LimitOptions } from './limits.ts';
export { redisHealthBoard } from './redis-board.ts';
export type { RedisHealthBoardOptions } from './redis-board.ts';
export { Sharing } from './sharing.ts';
