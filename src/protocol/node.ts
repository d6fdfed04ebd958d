/**
 * Node's larger modules, loaded when they are first used: `import 'node:crypto'` and its like at the top of a file took
 * a fifth of the time of `import '@baton/agents'` (decisions/090). What is loaded with a dynamic `import()` may import them as usual; small
 * ones (`node:path`, `node:async_hooks`, `node:timers/promises`) may be imported anywhere.
 *
 * Each is kept, because `process.getBuiltinModule` goes through all exports of a module each time.
 */
type Modules = {
  readonly crypto: typeof import('node:crypto');
  readonly fs: typeof import('node:fs');
  readonly stream: typeof import('node:stream');
  readonly util: typeof import('node:util');
  readonly workers: typeof import('node:worker_threads');
  readonly zlib: typeof import('node:zlib');
};

const loaded: { -readonly [Name in keyof Modules]?: Modules[Name] } = {};

export const node: Modules = {
  get crypto() {
    return (loaded.crypto ??= process.getBuiltinModule('node:crypto'));
  },
  get fs() {
    return (loaded.fs ??= process.getBuiltinModule('node:fs'));
  },
  get stream() {
    return (loaded.stream ??= process.getBuiltinModule('node:stream'));
  },
  get util() {
    return (loaded.util ??= process.getBuiltinModule('node:util'));
  },
  get workers() {
    return (loaded.workers ??= process.getBuiltinModule('node:worker_threads'));
  },
  get zlib() {
    return (loaded.zlib ??= process.getBuiltinModule('node:zlib'));
  },
};
