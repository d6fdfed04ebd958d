/** Everything that agents need; test helpers are in `@baton/agents/testing`. */
export * from './agent/index.ts';
export * from './model/index.ts';
export * from './protocol/errors.ts';
export * from './protocol/items.ts';
export type * from './protocol/json.ts';
export type * from './protocol/model.ts';
export * from './protocol/usage.ts';
export * from './providers/ai-sdk/index.ts';
export * from './providers/anthropic/index.ts';
export * from './providers/openai/index.ts';
export * from './run/index.ts';
export * from './session/index.ts';
export * from './tools/index.ts';
