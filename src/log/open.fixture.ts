/** A log where a test says: in a file, or in a PostgreSQL database. */
import type { Synchronous } from '../store/sqlite/database.ts';
import { postgresLog } from './postgres/postgres-log.ts';
import { sqliteLog } from './sqlite/sqlite-log.ts';
import type { EventLog } from './types.ts';

type OpenOptions = {
  readonly tenant?: string | undefined;
  readonly timeoutMs?: number;
  readonly synchronous?: Synchronous | undefined;
};

export function openLog(
  place: string,
  { tenant = 'default', timeoutMs = 30_000, synchronous = 'full' }: OpenOptions = {},
): EventLog {
  return place.startsWith('postgres:')
    ? postgresLog({ connectionString: place, tenant, timeoutMs, maxConnections: 4 })
    : sqliteLog({ path: place, tenant, timeoutMs, synchronous });
}
