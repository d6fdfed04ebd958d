/** Values of rows as they come. */
import type { Columns } from '../../store/sqlite/statements.ts';
import { maybe, number, text } from '../stored-row.ts';
import type { Lease } from '../types.ts';

export { maybe, number, text };

export function leaseOf(row: Columns): Lease {
  const owner = maybe(row, 'owner');
  const beat = typeof row['beat'] === 'number' ? row['beat'] : undefined;
  return {
    fence: number(row, 'fence'),
    ...(owner !== undefined && { owner }),
    ...(owner !== undefined && beat !== undefined && { beat }),
  };
}
