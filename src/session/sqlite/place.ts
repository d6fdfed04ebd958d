/** The sessions of a tenant in a SQLite file, as a place that can forget them. */
import { UserError } from '../../protocol/errors.ts';
import { openFile } from '../../store/sqlite/files.ts';
import type { SqliteFile } from '../../store/sqlite/files.ts';
import { resolvedPath } from '../../store/sqlite/path.ts';
import type { Outcome } from '../../store/sqlite/writer.ts';
import type { Listed, SessionPlace } from '../place.ts';
import { sessionPlace } from '../place.ts';
import { sessionError } from './commands.ts';
import type { EraseCommand } from './erase.ts';

export type SqliteSessionsOptions = {
  /** The file. */
  dbPath: string;
  /** Whose sessions. @default 'default' */
  tenant?: string;
  /** How long a call waits for others that use the file, in milliseconds. @default 30000 */
  timeoutMs?: number;
  /** As its sessions have it. @default 'full' */
  synchronous?: 'full' | 'normal';
};

/** Rows a transaction: others that write wait for no more than that. */
const CHUNK = 500;

/**
 * All sessions of a tenant in a SQLite file, to erase or to prune: alone, or by a `RunStore` with the runs that wrote
 * to them. Nothing is opened before the first call. What was erased is in no page of the file, nor in its write-ahead
 * log.
 *
 * @throws UserError when an option is unfit
 *
 * @example
 * import { tmpdir } from 'node:os';
 * import { SQLiteSession, sqliteSessions } from '@baton/agents';
 *
 * const dbPath = `${tmpdir()}/erase-${process.pid}.db`;
 * await using session = new SQLiteSession('user_123', { dbPath });
 * await session.addItems([{ type: 'message', role: 'user', content: 'Hello' }]);
 * const sessions = sqliteSessions({ dbPath });
 * console.log(await sessions.erase({ sessions: ['user_123'], runs: [] })); // 1
 * await sessions.close();
 */
export function sqliteSessions(options: SqliteSessionsOptions): SessionPlace {
  const { dbPath, tenant = 'default', timeoutMs = 30_000, synchronous = 'full' } = options;
  if (typeof dbPath !== 'string' || dbPath === '' || dbPath === ':memory:') {
    throw new UserError('sqliteSessions needs a file as `dbPath`.');
  }
  if (tenant === '') throw new UserError('sqliteSessions option `tenant` must be a non-empty string.');
  let file: SqliteFile | undefined;
  const opened = (): SqliteFile => (file ??= openFile(resolvedPath(dbPath), { synchronous }));
  const ask = async (command: EraseCommand): Promise<unknown> =>
    answerOf(await opened().request([{ component: 'session', command }], timeoutMs));
  return sessionPlace({
    // The answers of `erase`, which the thread has for these commands.
    list: async (of) => (await ask({ do: 'list', tenant, most: CHUNK, ...of })) as Listed[],
    eraseChunk: async (session, runs) =>
      (await ask({ do: 'erase', tenant, session, runs, most: CHUNK })) as { more: boolean },
    scrub: async () => void answerOf(await opened().scrub(timeoutMs)),
    close: async () => file?.release(),
  });
}

function answerOf(outcome: Outcome): unknown {
  if ('failure' in outcome) throw sessionError(outcome.failure);
  return outcome.answers[0];
}
