/** Observations of runs that never were. */
import type { RunObservation } from './observation.ts';

let made = 0;

export const observation = (more: Partial<RunObservation> = {}): RunObservation => ({
  runId: `r${(made += 1)}`,
  seq: 9,
  agent: 'A',
  status: 'finished',
  session: `s${made}`,
  endedAt: 0,
  activeMs: 1_000,
  wallMs: 1_000,
  turns: 3,
  nearMaxTurns: false,
  handoffs: 0,
  handoffsGood: 0,
  tripped: 0,
  errored: 0,
  rejected: 0,
  modelCalls: 3,
  modelErrors: 0,
  retries: 0,
  toolCalls: 2,
  toolErrors: 0,
  approvals: 0,
  approvalWaitMs: 0,
  inputTokens: 100,
  outputTokens: 10,
  cachedTokens: 0,
  nanoUsd: 1_000_000,
  unpriced: 0,
  firstTokenMs: [],
  modelMs: [300],
  ...more,
});

/** Numbers from 0 to 1 that are the same each time. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
