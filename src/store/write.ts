/**
 * What lets rooms that do not know each other commit together: a room describes what it would do in its database as
 * data, and whoever commits there takes it along.
 */

/** What a component refused or could not do, as data: errors lose their class on the way from a thread. */
export type Failure = {
  readonly code: string;
  readonly message: string;
  /** Positions of unreadable rows. */
  readonly positions?: readonly number[];
  /** The process that holds the store. */
  readonly blockedBy?: number;
  /** What the database said. */
  readonly cause?: string;
};

/**
 * A change that has not been made yet. The store that is named makes it in the transaction of somebody else, whole or
 * not at all.
 */
export type StoreWrite = {
  /** The database, such as `sqlite:/data/runs.db`. Only who commits there can take the write along. */
  readonly store: string;
  /** Whose tables: `session`, `log`. */
  readonly component: string;
  /** Plain data that only the component understands. */
  readonly command: object;
  /** The component's own error for what it refused. */
  readonly errorOf: (failure: Failure) => Error;
  /** Makes the component's tables, where whoever commits does not know how. */
  readonly ready?: () => Promise<void>;
};
