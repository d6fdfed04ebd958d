/**
 * What a room puts into a SQLite file: its tables, and the commands that work on them. Rooms that share a file share
 * its writer thread and its transactions, and do not know each other.
 */
import type { DatabaseSync } from 'node:sqlite';

/** A command of a component, as plain data: it crosses to the writer thread. */
export type Task = { readonly component: string; readonly command: object };

export type Component = {
  /** Also the name under which the version of its tables is kept. */
  readonly name: string;
  /** Step n brings its tables from version n to n + 1. A step that was released is never changed. */
  readonly steps: readonly string[];
  /** Looks at a command before its transaction begins: what takes time and needs no database is done here. */
  readonly plan: (command: object) => Plan;
  /** Its commands on a database whose tables are there. */
  readonly open: (db: DatabaseSync, path: string) => Execute;
};

export type Plan = {
  /** What `Execute` gets. */
  readonly prepared: unknown;
  readonly isWrite: boolean;
  /** How many rows it writes at most, as far as it says. */
  readonly rows: number;
  /** What it concerns. Commands with a key in common are done in the order in which they came. */
  readonly key: string;
};

/**
 * Does what was planned and gives plain data. It refuses by an `AgentsError` before its first write; whatever else it
 * throws rolls the transaction back.
 */
export type Execute = (prepared: unknown) => unknown;
