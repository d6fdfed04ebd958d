/** Says something to the developer that is no error: once is enough, and nobody's data is in it. */
export function warn(message: string): void {
  // oxlint-disable-next-line eslint/no-console -- the one place that speaks to the console
  console.warn(`[baton] ${message}`);
}
