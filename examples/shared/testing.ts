/** What `@baton/agents/testing` means inside of examples/. See agents.ts. */
export * from '../../src/testing/index.ts';
