/** A log where a test says: in a file, or in a PostgreSQL database. */
import { postgresLog } from './postgres/postgres-log.ts';
import { sqliteLog } from './sqlite/sqlite-log.ts';
import type { EventLog } from './types.ts';

export function openLog(
  place: string,
  { tenant = 'default', timeoutMs = 30_000 }: { tenant?: string | undefined; timeoutMs?: number } = {},
): EventLog {
  return place.startsWith('postgres:')
    ? postgresLog({ connectionString: place, tenant, timeoutMs, maxConnections: 4 })
    : sqliteLog({ path: place, tenant, timeoutMs });
}
