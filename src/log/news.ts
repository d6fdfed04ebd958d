import type { Known, RunInfo } from './types.ts';

/** Whether a run has more than a watcher knows of. Who names nothing is told at once. */
export function isNews(info: Pick<RunInfo, 'head' | 'posted'>, { head, posted }: Known): boolean {
  if (head === undefined && posted === undefined) return true;
  return info.head > (head ?? Infinity) || info.posted > (posted ?? Infinity);
}
