/** The logs that the tests of durable runs are done on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type EventLog, memoryLog, postgresLog, sqliteLog } from '../index.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const isOnServers = process.env['BATON_SUITE'] === 'services';

export type Kind = 'memory' | 'sqlite' | 'postgres';
/** On servers only where they are asked for: see durable.services.test.ts. */
export const kinds: readonly Kind[] = isOnServers ? (connectionString ? ['postgres'] : []) : ['memory', 'sqlite'];

/** Opens the log of a folder as another process would. A log in memory is new each time. */
export function openLog(kind: Kind, dir: string): EventLog {
  switch (kind) {
    case 'memory':
      return memoryLog();
    case 'sqlite':
      return sqliteLog({ path: join(dir, 'runs.db'), synchronous: 'normal' });
    case 'postgres':
      return postgresLog({ connectionString, tenant: dir });
  }
}

/** For each test a folder of its own. Gives what opens its log as another process would. */
export function logOf(kind: Kind): () => EventLog {
  let dir = '';
  let logs: EventLog[] = [];
  let shared: EventLog | undefined;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'baton-durable-'));
    logs = [];
    shared = undefined;
  });
  afterEach(async () => {
    for (const log of logs) await log.close().catch(() => undefined);
    rmSync(dir, { recursive: true, force: true });
  });
  return () => {
    if (kind === 'memory') return (shared ??= openLog(kind, dir));
    const log = openLog(kind, dir);
    logs.push(log);
    return log;
  };
}
