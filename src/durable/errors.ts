/** What can go wrong with runs that are kept in a store. What the store itself says is a `LogError`. */
import { AgentsError } from '../protocol/errors.ts';

/**
 * - `durable/unknown-run`: the store has no run of this id for this tenant.
 * - `durable/owned`: a living worker has the run.
 * - `durable/lease-lost`: this process could not show that it lives for too long; another may have the run by now.
 * - `durable/moved`: the log has gone on since the state was read.
 * - `durable/no-agent`: the agent that the run was started with is not among those of the store.
 * - `durable/other-session`: the run keeps its conversation in a session that was not given.
 * - `durable/not-waiting`: nothing waits for the decision.
 * - `durable/ambiguous-call`: calls of several runs wait under this id: say `run` too.
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
  | 'other-session'
  | 'not-waiting'
  | 'ambiguous-call'
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
  readonly decision: {
    readonly approved: boolean;
    readonly message?: string;
    /** What the call gave, where somebody found out that it did happen. */
    readonly result?: string;
    readonly at: number;
  };

  constructor(runId: string, callId: string, decision: AlreadyDecided['decision']) {
    const { approved, result, at } = decision;
    const how = approved ? 'approved' : result === undefined ? 'rejected' : 'confirmed';
    super(
      'durable/already-decided',
      runId,
      `Call ${callId} of run ${runId} was ${how} already, at ${new Date(at).toISOString()}. The first decision counts.`,
    );
    this.decision = decision;
  }
}
