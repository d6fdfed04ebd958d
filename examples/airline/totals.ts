/** The running sum of a replay: a fold over its results. */
import type { ConversationResult } from './replay.ts';

export type Totals = {
  readonly conversations: number;
  readonly verdictsEqual: number;
  readonly toolOutputs: number;
  readonly toolOutputsEqual: number;
  /** Conversations in which everything was equal. */
  readonly allEqual: number;
};

export const NOTHING: Totals = {
  conversations: 0,
  verdictsEqual: 0,
  toolOutputs: 0,
  toolOutputsEqual: 0,
  allEqual: 0,
};

/** True where the verdict and every output are as recorded and the replay came to its end. */
export const isEqual = (result: ConversationResult): boolean =>
  result.verdictEqual && result.mismatches.length === 0 && result.failure === undefined;

/** The totals with one more conversation. */
export const addResult = (totals: Totals, result: ConversationResult): Totals => ({
  conversations: totals.conversations + 1,
  verdictsEqual: totals.verdictsEqual + (result.verdictEqual ? 1 : 0),
  toolOutputs: totals.toolOutputs + result.toolOutputs,
  toolOutputsEqual: totals.toolOutputsEqual + result.toolOutputs - result.mismatches.length,
  allEqual: totals.allEqual + (isEqual(result) ? 1 : 0),
});
