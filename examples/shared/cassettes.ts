/** What `@baton/agents/cassettes` means inside of examples/. See agents.ts. */
export * from '../../src/cassettes/index.ts';
