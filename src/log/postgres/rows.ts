/** Rows as the port shows them. `pg` gives bigint as text, unless its user taught it otherwise. */
import type { Rows } from '../../store/postgres/connections.ts';
import type { InfoRow } from '../sqlite/commands.ts';
import type { Lease, LogStatus } from '../types.ts';

export type Row = Rows[number];

export const text = (row: Row, column: string): string => String(row[column]);
export const number = (row: Row, column: string): number => Number(row[column]);
export const maybe = (row: Row, column: string): string | undefined => {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
};
export const isThere = (row: Row, column: string): boolean => row[column] !== null && row[column] !== undefined;

/** A list that the server made JSON of; nothing is an empty one. */
export const listOf = <T>(row: Row, column: string): readonly T[] => {
  const json = maybe(row, column);
  return json === undefined ? [] : JSON.parse(json);
};

export function leaseOf(row: Row): Lease {
  const owner = maybe(row, 'owner');
  const expired = row['is_expired'];
  return {
    fence: number(row, 'fence'),
    ...(owner !== undefined && { owner }),
    ...(owner !== undefined && isThere(row, 'beat') && { beat: number(row, 'beat') }),
    ...(owner !== undefined && typeof expired === 'boolean' && { isExpired: expired }),
  };
}

export function infoOf(row: Row): InfoRow {
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
    lease: leaseOf(row),
  };
}
