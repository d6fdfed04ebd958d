/** What can go wrong with runs that are kept in a store. What the store itself says is a `LogError`. */
import { AgentsError } from '../protocol/errors.ts';

/**
 * - `durable/unknown-run`: the store has no run of this id for this tenant.
 * - `durable/owned`: a living worker has the run.
 * - `durable/lease-lost`: this process could not show that it lives for too long; another may have the run by now.
 * - `durable/moved`: the log has gone on since the state was read.
 * - `durable/no-agent`: the agent that the run was started with is not among those of the store.
 * - `durable/not-waiting`: nothing waits for the decision.
 * - `durable/already-decided`: somebody decided before: an `AlreadyDecided`.
 * - `durable/ended`: the run is over.
 * - `durable/closed`: the store was closed or drained.
 * - `durable/plan-changed`: the agents changed while the run rested, and the store refuses that; the message says what.
 * - `durable/replay-mismatch`: a replay decided something else than the log says.
 * - `durable/no-fork-point`: there is no such point where nothing was under way.
 * - `durable/newer-event`: a newer version of this package wrote an event that this one does not know.
 */
export type DurableErrorCode = `durable/${
  | 'unknown-run'
  | 'owned'
  | 'lease-lost'
  | 'moved'
  | 'no-agent'
  | 'not-waiting'
  | 'already-decided'
  | 'ended'
  | 'closed'
  | 'plan-changed'
  | 'replay-mismatch'
  | 'no-fork-point'
  | 'newer-event'}`;

export class DurableError extends AgentsError {
  override readonly code: DurableErrorCode;
  /** The run that it is about. */
  readonly runId: string;

  constructor(code: DurableErrorCode, runId: string, message: string) {
    super(message);
    this.code = code;
    this.runId = runId;
  }
}

/** Somebody else decided first; `decision` is what counts. */
export class AlreadyDecided extends DurableError {
  readonly decision: { readonly approved: boolean; readonly message?: string; readonly at: number };

  constructor(runId: string, callId: string, decision: AlreadyDecided['decision']) {
    super(
      'durable/already-decided',
      runId,
      `Call ${callId} of run ${runId} was ${decision.approved ? 'approved' : 'rejected'} already, at ` +
        `${new Date(decision.at).toISOString()}. The first decision counts.`,
    );
    this.decision = decision;
  }
}
