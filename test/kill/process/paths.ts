/** What the processes of a kill test share: a folder with the log, the sessions and the ledger. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type EventLog,
  PostgresSession,
  postgresLog,
  type Session,
  sqliteLog,
  SQLiteSession,
} from '../../../src/index.ts';

const dbPathOf = (folder: string): string => join(folder, 'runs.db');
const synchronous = 'normal' as const;
/** `postgres`: runs and sessions are in the database of BATON_POSTGRES_URL, each folder's under a tenant. */
const isOnPostgres = process.env['BATON_KILL_ON'] === 'postgres';
const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';

export const openLog = (folder: string): EventLog =>
  isOnPostgres
    ? postgresLog({ connectionString, tenant: basename(folder) })
    : sqliteLog({ path: dbPathOf(folder), synchronous });

export const openSession = (folder: string, id: string): Session & { close(): Promise<void> } =>
  isOnPostgres
    ? new PostgresSession(id, { connectionString, tenant: basename(folder) })
    : new SQLiteSession(id, { dbPath: dbPathOf(folder), synchronous });

/** What user code began, by key: written at once, so that it outlives whoever wrote it. */
export class Ledger {
  readonly #file: string;
  constructor(folder: string) {
    this.#file = join(folder, 'ledger.txt');
  }

  add(key: string): void {
    appendFileSync(this.#file, `${key}\n`);
  }

  get keys(): string[] {
    return existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n').slice(0, -1) : [];
  }
}

export const runIdOf = (seed: number): string => `run-${seed}`;
