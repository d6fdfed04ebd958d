/** What our own processors return where nothing is left to wait for. */
export const DONE: Promise<void> = Promise.resolve();
