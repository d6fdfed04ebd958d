/** Rows of a database as the port shows them, whichever database they come from. */
import type { InfoRow } from './commands.ts';
import type { Lease, LogStatus } from './types.ts';

export type StoredRow = { readonly [column: string]: unknown };

export const text = (row: StoredRow, column: string): string => String(row[column]);
/** `pg` gives bigint as text, unless its user taught it otherwise. */
export const number = (row: StoredRow, column: string): number => Number(row[column]);
export const maybe = (row: StoredRow, column: string): string | undefined => {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
};

/** What a row of `baton_runs` says of its run. @param lease how the database tells it */
export function infoFrom(row: StoredRow, lease: Lease): InfoRow {
  const [parent, session, waiting] = [maybe(row, 'parent'), maybe(row, 'session'), maybe(row, 'waiting')];
  const forkOf = maybe(row, 'fork_of');
  return {
    runId: text(row, 'run'),
    agent: text(row, 'agent'),
    ...(parent !== undefined && { parent }),
    ...(session !== undefined && { session }),
    ...(forkOf !== undefined && { forkOf }),
    // The word of `append`, which wrote it.
    status: text(row, 'status') as LogStatus,
    ...(waiting !== undefined && { waitingText: waiting }),
    head: number(row, 'head'),
    posted: number(row, 'posted'),
    consumed: number(row, 'consumed'),
    bytes: number(row, 'bytes'),
    createdAt: number(row, 'created_at'),
    updatedAt: number(row, 'updated_at'),
    lease,
  };
}
