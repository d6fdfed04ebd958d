export { createResponseCache } from './create.ts';
export type { Outcome, Place, ResponseCache, ResponseCacheOptions } from './create.ts';
export { memoryResponseStore } from './memory.ts';
export type { MemoryResponseStoreOptions } from './memory.ts';
export { freshEvents, freshResponse, textOf } from './answer.ts';
export type { KeptAnswer } from './answer.ts';
export { isRepeatable, keyOf } from './key.ts';
export type { ResponseCacheKey, ResponseCacheStore } from './types.ts';
