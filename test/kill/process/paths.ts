/** What the processes of a kill test share: a folder with the log, the sessions, the budgets and the ledger. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type Budgets,
  createBudgets,
  type EventLog,
  PostgresSession,
  postgresLog,
  type Session,
  sqliteLedger,
  sqliteLog,
  SQLiteSession,
} from '../../../src/index.ts';
import { kindOf } from '../build.ts';
import { hash } from '../random.ts';
import type { ToolKind } from '../reach.ts';
import type { Subject } from './points.ts';
import type { AgentSpec, SystemSpec } from '../systems.ts';

export type Store = 'sqlite' | 'postgres';
export type Place = { readonly folder: string; readonly store: Store };

/** A killed process needs no more; a loss of power does. */
const synchronous = process.env['BATON_KILL_SYNCHRONOUS'] === 'full' ? 'full' : 'normal';
/** The same for logs and sessions, so that they share their connections. */
const maxConnections = 3;
const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const dbPath = ({ folder }: Place): string => join(folder, 'runs.db');
/** In PostgreSQL each folder has a tenant of its own. */
const tenant = ({ folder }: Place): string => basename(folder);

export const openLog = (place: Place): EventLog =>
  place.store === 'postgres'
    ? postgresLog({ connectionString, maxConnections, tenant: tenant(place) })
    : sqliteLog({ path: dbPath(place), synchronous });

export type OpenSession = (SQLiteSession | PostgresSession) & Session;

/** `apart`: in another database than the runs. */
export function openSession(place: Place, id: string, apart: boolean): OpenSession {
  if (apart) return new SQLiteSession(id, { dbPath: join(place.folder, 'sessions.db'), synchronous });
  return place.store === 'postgres'
    ? new PostgresSession(id, { connectionString, maxConnections, tenant: tenant(place) })
    : new SQLiteSession(id, { dbPath: dbPath(place), synchronous });
}

/** Enough for every run: what counts is that nothing stays reserved. */
export const openBudgets = (place: Place): Budgets =>
  createBudgets({ ledger: sqliteLedger({ path: dbPath(place), synchronous }), limits: { run: { tokens: 1e12 } } });

/** Some systems draw from a budget. */
export const hasBudget = ({ seed }: SystemSpec): boolean => hash(`budget ${seed}`) % 4 === 0;
/** In some the person answers from outside, by the store; else the process that runs the system decides. */
export const isDecidedOutside = ({ seed, addsInput }: SystemSpec): boolean =>
  !addsInput && hash(`outside ${seed}`) % 2 === 0;

/** What user code did, a line each: written at once, by whoever does it, so that it outlives the process. */
export class Ledger {
  readonly #file: string;
  constructor({ folder }: Place, runId: string) {
    this.#file = join(folder, `${runId}.ledger`);
  }

  add(line: string): void {
    // Opened with O_APPEND, one write: whoever is killed has written the line or not.
    appendFileSync(this.#file, `${line}\n`);
  }

  get lines(): string[] {
    return existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n').slice(0, -1) : [];
  }
}

export const pointsFile = ({ folder }: Place, runId: string): string => join(folder, `${runId}.points`);

/** What the tools of a system are, by name. */
export function subjectsOf({ agents }: SystemSpec): Map<string, Subject> {
  const subjects = new Map<string, Subject>();
  const add = ({ tools, subs }: AgentSpec): void => {
    for (const { name, does } of tools) subjects.set(name, kindOf(name, does) satisfies ToolKind);
    for (const { name, agent } of subs) {
      subjects.set(name, 'sub-agent');
      add(agent);
    }
  };
  agents.forEach(add);
  return subjects;
}
