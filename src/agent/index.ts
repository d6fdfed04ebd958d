export * from './agent.ts';
export * from './as-tool.ts';
export * from './guardrail.ts';
export * from './handoff.ts';
export * from './hooks.ts';
export * from './items.ts';
export { identifier } from './names.ts';
export * from './stream-events.ts';
