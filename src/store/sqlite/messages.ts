/** What goes between a process and its writer thread. Lists travel together: a message costs more than what is in it. */
import type { Outcome, Submission } from './writer.ts';

export type Request =
  | Submission
  /** What changes when another process has committed. */
  | { readonly id: number; readonly ask: 'version' }
  /** That what was deleted is nowhere in the file and its write-ahead log any more. */
  | { readonly id: number; readonly ask: 'scrub'; readonly timeoutMs: number }
  | { readonly id: number; readonly ask: 'close' };

export type Reply = {
  readonly id: number;
  readonly outcome: Outcome;
  /** Whether the file was changed. */
  readonly isWrite?: boolean;
};
