/**
 * The event log port: where the logs of durable runs are kept, by whom a run may be continued, and how others reach it.
 *
 * L1 A commit is one atomic step: the events, the status, the snapshot, the end of the lease and the writes of other
 *    components are there together or not at all. It names the position at which it expects the log to end, and the
 *    fence of its lease; where one of them has moved on, nothing is changed.
 * L2 What was acknowledged is on the disk. A commit repeated with the same content changes nothing and is acknowledged
 *    again, so that a writer which heard no answer may ask again.
 * L3 Clocks decide liveness (whose lease has run out) and what people are shown. No order and no permission to write
 *    depends on one.
 * L4 A log belongs to one tenant. It reads, lists and changes nothing of another.
 * L5 What cannot be read is reported and kept, never left out.
 */
import type { Status } from '../kernel/index.ts';
import type { Json } from '../protocol/json.ts';
import type { StoreWrite } from '../store/write.ts';

export type LogStatus = Exclude<Status, 'new'>;

/** Any event that is JSON. The log looks at none of its members. */
export type LogEvent = { readonly type: string };

/** The logs of one tenant in one database. */
export type EventLog = {
  /**
   * Names the database, such as `sqlite:/data/runs.db`; a `StoreWrite` of the same name can be committed along.
   * Undefined: it can take none.
   */
  readonly store: string | undefined;
  readonly leases: Leases;
  /**
   * Creates a run, or appends to its log.
   *
   * @throws LogError `log/conflict` the log ends elsewhere; `log/fenced` the lease has gone to another or was given
   *   back; `log/exists` the run to create is there; `log/unknown-run`; `log/too-large`; what the store fails with
   */
  append(commit: Commit): Promise<Committed>;
  /**
   * A run and its events, one consistent view. Undefined: there is no such run.
   *
   * @throws LogError `log/corrupt` with the positions of what is unreadable or missing
   */
  read(runId: string, options?: ReadOptions): Promise<RunLog | undefined>;
  /** Runs, newest first. */
  list(query?: RunQuery): Promise<RunPage>;
  /**
   * Puts an event into the inbox of a run, from any process. The first post of a key wins; a later one changes
   * nothing and gets what was first.
   *
   * @throws LogError `log/unknown-run`; `log/ended` the run is finished or cancelled and will read nothing more
   */
  post(runId: string, posting: NewPosting): Promise<Posted>;
  /**
   * Waits until a run has more events or postings than the caller knows of. Returns at once where it has.
   * Undefined: there is no such run (any more). Rejects with the signal's reason.
   */
  watch(runId: string, known: Known, signal?: AbortSignal): Promise<RunInfo | undefined>;
  /**
   * Deletes runs with all that belongs to them, those of sub-agents included. Returns how many.
   *
   * @throws LogError `log/not-ended` a run that was named is not over, and `evenOpen` is not set
   */
  remove(query: RemoveQuery): Promise<number>;
  /** Waits for calls under way, then lets go of the database. Later calls fail with `log/closed`. */
  close(): Promise<void>;
};

/**
 * Which worker may append to a run. A lease is given by comparing and setting; each one has a higher fence, and an
 * append with an older fence is refused.
 */
export type Leases = {
  /**
   * Gives the lease of a run to a worker, provided that it is still as the caller saw it (`RunInfo.lease`). When a
   * lease that somebody holds may be taken is the caller's to judge; see `LeaseWatch`. An answer, not an error, when
   * it was not given: somebody else was faster, or its owner is alive.
   *
   * @throws LogError `log/unknown-run`
   */
  claim(runId: string, claim: { readonly worker: string; readonly seen: Lease }): Promise<Claimed>;
  /**
   * Shows that a worker is alive: one row a worker, however many runs it has. Returns the new beat.
   * With `leave` it says that it has gone, so that what it left may be taken at once. With `leaseMs` a store that has
   * a clock of its own says of later looks whether so much time has gone by (`Lease.isExpired`).
   */
  beat(worker: string, options?: { readonly leave?: boolean; readonly leaseMs?: number }): Promise<number>;
};

/** A lease as somebody saw it. */
export type Lease = {
  /** The worker that has it. Undefined: free. */
  readonly owner?: string;
  /** Grows with each lease of the run. 0: there was none yet. */
  readonly fence: number;
  /** The owner's newest beat. Undefined: it shows no sign of life (free, left, or never beaten). */
  readonly beat?: number;
  /** Judged by the clock of the server, where the store has one. Undefined: judge by watching. */
  readonly isExpired?: boolean;
};

export type Claimed =
  | { readonly isGranted: true; readonly fence: number }
  | { readonly isGranted: false; readonly lease: Lease };

export type Commit = {
  readonly runId: string;
  /** How many events the log has: the position of the first of `events`. */
  readonly position: number;
  /** The fence of the lease; 0 with `create`. */
  readonly fence: number;
  /** May be empty, such as to give back the lease alone. */
  readonly events: readonly LogEvent[];
  /** Makes the run in the same step. `position` is 0 then. */
  readonly create?: NewRun;
  /** @default unchanged; a new run is `running` */
  readonly status?: LogStatus;
  /** What the run waits for, for those who list it. `null`: nothing any more. @default unchanged */
  readonly waiting?: Json;
  /** A state that follows from the first `at` events. Replaces the one before. */
  readonly snapshot?: { readonly at: number; readonly state: Json };
  /** Postings up to this position are answered for by these events, and are not read again. */
  readonly consumed?: number;
  /** Gives the lease back in the same step. */
  readonly release?: boolean;
  /**
   * Events before `position` in another form, such as without what was withheld. What stood there is overwritten in the
   * same step; a snapshot that follows from it is dropped, unless this commit brings a newer one.
   */
  readonly replaced?: readonly { readonly position: number; readonly event: LogEvent }[];
  /** Writes of other components of the same database. A refusal of one of them refuses the commit, with its error. */
  readonly also?: readonly StoreWrite[];
};

export type NewRun = {
  /** The agent it was started with. */
  readonly agent: string;
  /** The worker that gets the lease. */
  readonly worker: string;
  /** The run that this one belongs to, and the fence of its lease: who has lost the parent makes no child. */
  readonly parent?: { readonly runId: string; readonly fence: number };
  /** The session that it writes to: it can be listed and removed by it. */
  readonly session?: string;
  /** The run that this one is a copy of: it can be listed by it. */
  readonly forkOf?: string;
};

export type Committed = {
  /** How many events the log has now. */
  readonly head: number;
  readonly fence: number;
  /** Position of the newest posting: where it is beyond what was consumed, there is something to read. */
  readonly posted: number;
  /** The store's time of the commit, in milliseconds since 1970. */
  readonly at: number;
  /** The commit had been made before. */
  readonly isRepeated: boolean;
};

export type ReadOptions = {
  /** Position of the first event to return. @default 0, or after the snapshot */
  readonly from?: number;
  /** How many events at most. @default all */
  readonly limit?: number;
  /** Return the snapshot, and without `from` only the events after it. @default false */
  readonly snapshot?: boolean;
};

export type RunLog = {
  readonly info: RunInfo;
  readonly snapshot?: { readonly at: number; readonly state: Json };
  readonly events: readonly StoredEvent[];
  /** What was posted and not consumed yet, oldest first. */
  readonly inbox: readonly Posting[];
};

export type StoredEvent = {
  readonly position: number;
  /** The store's time of the commit, in milliseconds since 1970. */
  readonly at: number;
  readonly event: LogEvent;
};

export type RunInfo = {
  readonly runId: string;
  readonly agent: string;
  readonly parent?: string;
  readonly session?: string;
  readonly forkOf?: string;
  readonly status: LogStatus;
  readonly waiting?: Json;
  /** How many events the log has. */
  readonly head: number;
  /** Position of the newest posting, and of the newest that was consumed; 0 where there is none. */
  readonly posted: number;
  readonly consumed: number;
  /** Of its events, as JSON. */
  readonly bytes: number;
  /** The store's time, in milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lease: Lease;
};

export type RunQuery = {
  readonly status?: LogStatus | readonly LogStatus[];
  readonly agent?: string;
  readonly session?: string;
  /** Copies of this run. */
  readonly forkOf?: string;
  /** Children of this run; `null`: runs that have no parent. @default both */
  readonly parent?: string | null;
  /** Whether somebody has the lease. @default both */
  readonly isOwned?: boolean;
  /** Whether there are postings that nobody consumed. @default both */
  readonly hasInbox?: boolean;
  /** Created at or after, and before, in milliseconds since 1970. */
  readonly createdFrom?: number;
  readonly createdBefore?: number;
  /** How many at most. @default 50 */
  readonly limit?: number;
  /** Where the page before ended. */
  readonly cursor?: string;
};
export type RunPage = {
  readonly runs: readonly RunInfo[];
  /** Undefined: that were all. */
  readonly cursor?: string;
};

export type NewPosting = { readonly key: string; readonly event: LogEvent };
export type Posting = NewPosting & {
  /** 1 for the first of a run. */
  readonly position: number;
  readonly at: number;
};
export type Posted = {
  /** Whether this post was the first of its key. */
  readonly isFirst: boolean;
  /** What is in the inbox under the key. */
  readonly posting: Posting;
  /** Of the run, at that moment. */
  readonly status: LogStatus;
};

/** What a watcher knows of. What it does not name is no news to it; who names nothing is told at once. */
export type Known = { readonly head?: number; readonly posted?: number };

export type RemoveQuery = {
  readonly runIds?: readonly string[];
  readonly session?: string;
  /** Runs that were last written before this time, in milliseconds since 1970. */
  readonly updatedBefore?: number;
  /** Also runs that are not over. Whoever continues one finds `log/unknown-run`. @default false */
  readonly evenOpen?: boolean;
  /**
   * Also see to it that nothing of them is left in files: SQLite empties its write-ahead log, once nobody reads. The
   * pages of the file are overwritten in any case. @default false
   */
  readonly scrub?: boolean;
  /** How many runs without a parent at most, so that one call does not hold the store for long. @default 100 */
  readonly limit?: number;
};

/** What a log refuses to keep, and where it keeps large payloads. */
export type LogLimits = {
  /** Largest event, snapshot or posting, in bytes of JSON. @default 16 MiB */
  readonly maxEventBytes?: number;
  /** Largest run: the sum of its events. @default 256 MiB */
  readonly maxRunBytes?: number;
  /** Events larger than this keep their long strings apart, each once in a tenant, by hash. @default 256 KiB */
  readonly inlineBytes?: number;
};
