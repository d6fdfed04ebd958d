/** What is to be forgotten, and places that can forget it: so that who erases runs reaches rooms that it does not know. */

export type Erasure = {
  /** Ids of sessions. What their branches hold goes with them. */
  readonly sessions: readonly string[];
  /** Ids of runs; those of their copies and sub-agents are named too. */
  readonly runs: readonly string[];
  /** All that the place keeps of its tenant. @default false */
  readonly all?: boolean;
};

/** A place that keeps what was said in the runs and sessions of a tenant. */
export type ErasablePlace = {
  /** What it keeps, such as `sessions`: for counts. */
  readonly name: string;
  /**
   * Deletes what is named, in chunks. What is not there is no error: it can be repeated.
   *
   * @returns how many things of its kind were deleted
   */
  erase(what: Erasure): Promise<number>;
  /** Deletes what was last written before a time, milliseconds since 1970, where it can tell. @returns how many */
  prune?(options: { readonly before: number }): Promise<number>;
  /** Lets go of what it opened. */
  close(): Promise<void>;
};
