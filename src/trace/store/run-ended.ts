/** Who hears of a run's end within the transaction that stores it. */
import type { Statements } from '../../store/sqlite/statements.ts';

/** A run ended for the first time with this segment: what is told again is not heard again. */
export type EndedRun = {
  readonly tenant: string;
  /** Keys in `baton_trace_runs` and `baton_traces`. */
  readonly run: number;
  readonly trace: number;
  readonly runId: string;
  readonly segmentId: string;
  /** Undefined for a root run. */
  readonly parent: number | undefined;
  readonly status: 'finished' | 'failed' | 'cancelled';
  readonly endedAt: number;
};

export type RunEndedHook = (db: Statements, ended: EndedRun) => void;

/** Called in this order, after the rows of the whole batch are in. One that throws rolls the batch back. */
export const RUN_ENDED: readonly RunEndedHook[] = [];
