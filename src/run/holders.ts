/** The runs that have a turn in this process: for other runs that are to join or to interrupt them. */
import type { RunTurn } from './turn.ts';

const holders = new Map<string, RunTurn>();

/** Copies of one run may have turns on different sessions. */
type Turn = { readonly runId: string; readonly fence: number };
const keyOf = ({ runId, fence }: Turn): string => `${fence} ${runId}`;

export const noteHolder = (turn: Turn, holder: RunTurn): void => void holders.set(keyOf(turn), holder);

export function forgetHolder(turn: Turn, holder: RunTurn): void {
  if (holders.get(keyOf(turn)) === holder) holders.delete(keyOf(turn));
}

export const holderOf = (turn: Turn): RunTurn | undefined => holders.get(keyOf(turn));
