/**
 * The state of an alert: what follows from a verdict. Pure; the clock is an argument.
 *
 * S1: it fires where every verdict since `since` was a breach, and that is at least `forMs` ago.
 * S2: what nobody looked at is not known: after a gap, a pending alert begins anew. Nothing is replayed.
 * S3: a firing alert ends by a verdict that is back by the margin, or by there being no verdict any more.
 */
import type { Verdict } from './rules.ts';

export type AlertStatus = 'ok' | 'pending' | 'firing' | 'resolved' | 'no data';

/** Plain JSON, to be kept over restarts. Times in milliseconds since the epoch. */
export type AlertState = {
  readonly status: AlertStatus;
  /** When it came to this status. */
  readonly since: number;
  /** When it was looked at last. */
  readonly evaluatedAt: number;
  /** Undefined where there is no data. */
  readonly value?: number;
  readonly limit?: number;
  /** What breaches the rule, where it is not the value. */
  readonly because?: string;
  readonly samples: number;
};

export type Looking = {
  readonly now: number;
  readonly forMs: number;
  /** A longer time between two looks is a gap. */
  readonly gapMs: number;
};

/** For how long it is said that an alert resolved. */
export const RESOLVED_MS = 15 * 60_000;

export function advance(state: AlertState | undefined, verdict: Verdict, looking: Looking): AlertState {
  const { now } = looking;
  const status = nextStatus(state, verdict, looking);
  // A breach begins to count anew where nobody looked.
  const goesOn = state?.status === status && !(status === 'pending' && isGap(state, looking));
  const value = verdict.kind === 'value' ? { value: verdict.value, limit: verdict.limit } : {};
  const because = verdict.kind === 'value' && verdict.because !== undefined ? { because: verdict.because } : {};
  const since = goesOn ? state.since : now;
  return { status, since, evaluatedAt: now, samples: verdict.samples, ...value, ...because };
}

const isGap = ({ evaluatedAt }: AlertState, { now, gapMs }: Looking): boolean =>
  now - evaluatedAt > gapMs || now < evaluatedAt;

function nextStatus(state: AlertState | undefined, verdict: Verdict, looking: Looking): AlertStatus {
  const { now, forMs } = looking;
  if (verdict.kind === 'no data') return 'no data';
  switch (state?.status) {
    case 'firing':
      return verdict.isClear ? 'resolved' : 'firing';
    case 'pending':
      if (!verdict.isBreach) return 'ok';
      return !isGap(state, looking) && now - state.since >= forMs ? 'firing' : 'pending';
    case 'resolved':
      if (verdict.isBreach) return forMs === 0 ? 'firing' : 'pending';
      return now - state.since >= RESOLVED_MS ? 'ok' : 'resolved';
    case 'ok':
    case 'no data':
    case undefined:
      if (!verdict.isBreach) return 'ok';
      return forMs === 0 ? 'firing' : 'pending';
  }
}
