/** What `@baton/agents/log` means inside of examples/. See agents.ts. */
export * from '../../src/log/index.ts';
