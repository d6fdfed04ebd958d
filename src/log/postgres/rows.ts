/** Rows as the port shows them. */
import type { Rows } from '../../store/postgres/connections.ts';
import type { InfoRow } from '../commands.ts';
import { infoFrom, maybe, number, text } from '../stored-row.ts';
import type { Lease } from '../types.ts';

export type Row = Rows[number];

export { maybe, number, text };
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

export const infoOf = (row: Row): InfoRow => infoFrom(row, leaseOf(row));
