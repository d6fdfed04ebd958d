/** What `@baton/agents/extensions` means inside of examples/. See agents.ts. */
export * from '../../src/extensions/index.ts';
