/** What is asked of a trace store. Plain data: it crosses to the writer thread. */
import type { RedactionOptions } from '../../wire/redaction.ts';
import type { Batch } from './batch.ts';

export type Command = WriteCommand | PruneCommand | EraseCommand | ReadCommand;

/** A batch is a few texts: they cross to another thread cheaper than objects. */
export type WriteCommand = {
  readonly do: 'write';
  readonly tenant: string;
  readonly batch: Batch;
  readonly redact: RedactionOptions | false;
};

/** Deletes one chunk of what is too old or too much. */
export type PruneCommand = {
  readonly do: 'prune';
  /** Contents of traces that were last written before, and runs and usage likewise. Milliseconds since the epoch. */
  readonly contentBefore: number;
  readonly runsBefore: number;
  readonly usageBefore: number;
  readonly contentBytes: number;
};

/** Deletes one chunk of the traces that have one of these runs, or are of one of these groups; or of all. */
export type EraseCommand = {
  readonly do: 'erase';
  readonly tenant: string;
  readonly runs: readonly string[];
  readonly groups: readonly string[];
  readonly all: boolean;
};

export type ReadCommand =
  | {
      readonly do: 'runs';
      readonly tenant: string;
      readonly status?: string;
      readonly agent?: string;
      readonly groupId?: string;
      readonly since?: number;
      readonly until?: number;
      /** Runs that were inserted before this one. */
      readonly before?: number;
      readonly limit: number;
    }
  | { readonly do: 'trace'; readonly tenant: string; readonly id: string }
  | { readonly do: 'usage'; readonly tenant: string; readonly since: number; readonly until: number };
