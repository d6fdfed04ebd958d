/** Values of rows as they come. */
import type { Columns } from '../../store/sqlite/statements.ts';
import type { Lease } from '../types.ts';

export const text = (row: Columns, column: string): string => String(row[column]);
export const number = (row: Columns, column: string): number => Number(row[column]);
export const maybe = (row: Columns, column: string): string | undefined => {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
};

export function leaseOf(row: Columns): Lease {
  const owner = maybe(row, 'owner');
  const beat = typeof row['beat'] === 'number' ? row['beat'] : undefined;
  return {
    fence: number(row, 'fence'),
    ...(owner !== undefined && { owner }),
    ...(owner !== undefined && beat !== undefined && { beat }),
  };
}
