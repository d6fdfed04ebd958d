/** Options of a `RunStore`, and what it tells. */
import type { AnyAgent } from '../agent/index.ts';
import type { EventLog, RunInfo } from '../log/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import type { NonStreamRunOptions, RunState } from '../run/index.ts';
import type { ErasablePlace } from '../store/erase.ts';

/** How runs that this store takes up by itself go on: what the log does not hold. */
export type ResumeOptions = Omit<NonStreamRunOptions, 'durable'>;

/** What to do where agents changed while a run rested; `changes` says what, a line each. */
export type OnPlanChange =
  | 'continue'
  | 'refuse'
  | ((change: { run: RunInfo; changes: readonly string[] }) => PlanDecision | Promise<PlanDecision>);
/** `input` is told to the model before it goes on. */
export type PlanDecision = 'continue' | 'refuse' | { input: string | AgentInputItem[] };

export type RunStoreOptions = {
  /** Where the events are kept, such as `sqliteLog({ path: './runs.db' })`. */
  log: EventLog;
  /** The agents that runs are started with. `resume` and `recover` find them by name. @default none */
  agents?: readonly AnyAgent[];
  /**
   * What a run needs again when it is taken up: its context, session, limits. Called with what the log says of it.
   * @default nothing
   */
  resumeOptions?: (run: RunInfo) => ResumeOptions | Promise<ResumeOptions>;
  /**
   * What happens to a run whose agents (names, tools, schemas, static instructions) changed while it rested. What was
   * decided is in its log.
   * @default 'continue'
   */
  onPlanChange?: OnPlanChange;
  /**
   * Names this process among the workers of the store. Give a name of your own where one process at a time has it
   * (such as a pod of a stateful set): started again, it takes back at once what it had.
   * @default the host's name, the process id and a random part
   */
  worker?: string;
  /**
   * How long a worker may show no sign of life before others may take its runs, in milliseconds. The same for all
   * workers of a store. @default 15000
   */
  leaseMs?: number;
  /**
   * Where else runs of this store leave what was said, for `erase` and `prune`: `sqliteSessions`, `postgresSessions`,
   * `redisSessions`, `storedTraces`, `storedCassettes`, or a place of yours. Of the tenant of the log. They stay yours
   * to close. @default none
   */
  places?: readonly ErasablePlace[];
  /** What `prune` deletes. @default nothing */
  retention?: RunRetention;
};

export type RecoverOptions = {
  limit?: number;
  skip?: (run: RunInfo) => boolean;
  onTaken?: (run: RunInfo) => void;
  onLooked?: () => void;
  onRest?: (recovered: Recovered) => void;
};

export type DrainOptions = { until?: 'rest' | 'commit'; timeoutMs?: number };
/** How long, and how much, runs that are over are kept. What is not over stays, whatever its age. */
export type RunRetention = {
  /** Runs that were last written longer ago than this go, in milliseconds. @default never */
  maxAgeMs?: number;
  /** The newest that stay, at most; runs of sub-agents are counted with the run that they belong to. @default no limit */
  maxRuns?: number;
  /** Of the events of all runs together, as JSON, at most: the oldest go. @default no limit */
  maxBytes?: number;
  /** Sessions of the `places` whose newest item is older than this go, in milliseconds. @default never */
  sessionIdleMs?: number;
  /** Also prune by itself, so often, in milliseconds; the first time after that. Until the store is drained. @default never */
  everyMs?: number;
};

/** What `prune` deleted. */
export type Pruned = { runs: number; sessions: number };

/** What to erase: all that a session left, one run, or all of the tenant. */
export type EraseTarget = { sessionId: string } | { runId: string } | { all: true };
export type EraseOptions = {
  /** Stop runs that are under way, rather than refuse. @default false */
  cancel?: boolean;
  /** How long to wait for them, in milliseconds. @default 30000 */
  timeoutMs?: number;
};
/** What was erased: runs, those of copies and sub-agents included, and in each place by its name. */
export type Erased = { runs: number; places: { readonly [name: string]: number } };

/** What `recover` did. */
export type Recovered = {
  runId: string;
  /** What came of it: the run's status, or what kept it from being taken up. */
  outcome: { status: string } | { error: unknown };
};

export type ForkOptions = ResumeOptions & {
  agent?: AnyAgent;
  at?: number;
  runId?: string;
  edit?: (state: RunState<unknown, AnyAgent>) => void;
  once?: 'ask' | 'stub' | 'run';
};
