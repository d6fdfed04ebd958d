/**
 * Node's larger modules, loaded when they are first used: `import 'node:crypto'` and its like at the top of a file took
 * a fifth of the time of `import '@baton/agents'` (decisions/090). What is itself loaded late may import them as usual,
 * and small ones (`node:path`, `node:async_hooks`, `node:timers/promises`) may be imported anywhere.
 *
 * Each is kept, because `process.getBuiltinModule` goes through all exports of a module each time.
 */
function once<Module>(load: () => Module): () => Module {
  let module: Module | undefined;
  return () => (module ??= load());
}

const crypto = /* @__PURE__ */ once(() => process.getBuiltinModule('node:crypto'));
const fs = /* @__PURE__ */ once(() => process.getBuiltinModule('node:fs'));
const stream = /* @__PURE__ */ once(() => process.getBuiltinModule('node:stream'));
const util = /* @__PURE__ */ once(() => process.getBuiltinModule('node:util'));
const workers = /* @__PURE__ */ once(() => process.getBuiltinModule('node:worker_threads'));
const zlib = /* @__PURE__ */ once(() => process.getBuiltinModule('node:zlib'));

export const node = {
  get crypto() {
    return crypto();
  },
  get fs() {
    return fs();
  },
  get stream() {
    return stream();
  },
  get util() {
    return util();
  },
  get workers() {
    return workers();
  },
  get zlib() {
    return zlib();
  },
};
