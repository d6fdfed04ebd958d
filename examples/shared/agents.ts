/**
 * What `@baton/agents` means inside of examples/: the sources, so that an example runs on a fresh clone without a build.
 * examples/package.json has the package's name and leads here. In your own project it is the installed package.
 */
export * from '../../src/index.ts';
