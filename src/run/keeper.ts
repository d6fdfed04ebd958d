/**
 * The seam between a run and what keeps it: a run that is durable asks its keeper for a place in a log before it goes
 * on. Who keeps runs stands upstairs (durable/); a run only knows this.
 */
import type { AnyAgent, RunStreamEvent } from '../agent/index.ts';
import type { Committed, State } from '../kernel/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import type { Session } from '../session/index.ts';
import type { StoreWrite } from '../store/write.ts';
import type { Durability, LiveRun } from './live-run.ts';
import type { RunRecord } from './record.ts';

/**
 * Where a run's events are made durable, together with writes of the same database. Throwing ends the process's part of
 * the run: nothing is shown or started.
 */
// oxlint-disable-next-line eslint/max-params -- a commit, and what goes along with it
export type Committer = (
  runId: string,
  events: readonly Committed[],
  state: State,
  also?: readonly StoreWrite[],
) => void | Promise<void>;

/** Something that keeps runs, such as a `RunStore`. */
export interface RunKeeper {
  /** @internal Called by a run before it goes on. @throws where the run is somebody else's, or cannot be kept */
  keep(run: RunToKeep): Promise<Kept>;
  /** @internal How a run reaches others of the store, whichever process has them. */
  readonly others?: OtherRuns;
}

/** @internal */
export interface OtherRuns {
  /** Ends a run; where no process has it, by going on with it. @throws where the store does not have it */
  interrupt(runId: string, options: InterruptOptions): Promise<void>;
  /**
   * Adds input to a run and waits for its rest.
   *
   * @returns the run; undefined where it ended and had not seen the input
   * @throws SessionBusy where nobody takes the input into the run within the time
   */
  join(runId: string, items: AgentInputItem[], options: JoinOptions): Promise<RunRecord | undefined>;
}
export type InterruptOptions = { reason: string; session: Session | undefined; agent: AnyAgent };
export type JoinOptions = Omit<InterruptOptions, 'reason'> & {
  signal: AbortSignal | undefined;
  timeoutMs: number | undefined;
};

export type RunToKeep = { record: RunRecord; session: Session | undefined };

/** A place in a log, for one segment of a run and the runs of its sub-agents. */
export type Kept = {
  committer: Committer;
  durable: Durability;
  /** Lets the keeper hand over what others say to the run. Gives what ends that. */
  attach(live: LiveRun): () => void;
  /** Shown what the stream of a streamed run shows, as it happens. */
  tap?(event: RunStreamEvent): void;
  /** Leaves the run to whoever takes it up next, before anything was committed in this segment. */
  giveBack?(): Promise<void>;
};

/** The option of a run that is to survive its process. */
export type DurableOption = {
  /** Where the run is kept. */
  store: RunKeeper;
  /** The id of the new run: unique in the store, letters, digits and `_.:-`. @default a random one */
  runId?: string;
};
