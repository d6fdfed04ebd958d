/** What our own processors return where nothing is left to wait for. */
export const DONE: Promise<void> = /* @__PURE__ */ Promise.resolve();
