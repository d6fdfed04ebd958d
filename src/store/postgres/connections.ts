/**
 * Connections to PostgreSQL: those that this package makes, one pool for all stores of a process with the same
 * settings, and those that a user hands in.
 */
import type { Pool } from 'pg';
import { UserError } from '../../protocol/errors.ts';
import { timerMs } from '../../protocol/timers.ts';
import type { Deadline } from '../deadline.ts';
import { NotConnected, Silence, within } from '../deadline.ts';
import type { PostgresConnectionOptions } from './options.ts';

/** What is needed of a `Client` of `pg`, or of anything that does a statement with `$1` parameters. */
export interface PostgresClient {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** A client of a pool. `release(true)` throws it away. */
export interface PostgresPoolClient extends PostgresClient {
  release(destroy?: boolean): void;
}

/** What is needed of a `Pool` of `pg`. */
export interface PostgresPool {
  connect(): Promise<PostgresPoolClient>;
}

export type Rows = readonly { readonly [column: string]: unknown }[];

/** Does one statement at a time on a connection of its own. */
export type Connections = {
  /** What pools have in common with themselves: the schema is looked at once for each. */
  readonly key: object;
  /** @throws NotConnected; Silence; what the database says */
  readonly query: (deadline: Deadline, text: string, values?: unknown[]) => Promise<Rows>;
  readonly release: () => Promise<void>;
};

export type OwnPool = {
  readonly connectionString: string;
  readonly maxConnections: number;
  readonly timeoutMs: number;
};

type Shared = { readonly pool: Promise<OwnedPool>; users: number };
type OwnedPool = PostgresPool & { end(): Promise<void> };

/** Connections by the options of a user, and what messages call the database. Never holds a password. */
export async function connectionsOf(
  options: PostgresConnectionOptions & { timeoutMs?: number },
  kind: string,
): Promise<{ readonly connections: Connections; readonly place: string }> {
  const { connectionString = '', pool, client, maxConnections = 10, timeoutMs = 30_000 } = options;
  if (client) return { connections: fromClient(client), place: 'The PostgreSQL database' };
  if (pool) return { connections: fromPool(pool), place: 'The PostgreSQL database' };
  const connections = await ownPool({ connectionString, maxConnections, timeoutMs }, kind);
  return { connections, place: `The PostgreSQL database at ${hostOf(connectionString)}` };
}

/** Host, port and database of a connection string, and nothing else of it. */
function hostOf(connectionString: string): string {
  const url = URL.canParse(connectionString) ? new URL(connectionString) : undefined;
  return url === undefined ? 'the given address' : `${url.host}${url.pathname}`;
}

/** Pools by their settings: two hundred sessions must not be two hundred pools. */
const pools = new Map<string, Shared>();

/**
 * @param kind who asks, for the message
 * @throws UserError when `pg` is not installed
 */
async function ownPool(options: OwnPool, kind: string): Promise<Connections> {
  const name = JSON.stringify(options);
  const shared = pools.get(name) ?? { pool: createPool(options, kind), users: 0 };
  pools.set(name, shared);
  shared.users += 1;
  const release = async (): Promise<void> => {
    shared.users -= 1;
    if (shared.users > 0) return;
    pools.delete(name);
    await (await shared.pool).end();
  };
  try {
    return { ...fromPool(await shared.pool), release };
  } catch (error) {
    shared.users -= 1;
    if (shared.users === 0) pools.delete(name);
    throw error;
  }
}

async function createPool({ connectionString, maxConnections, timeoutMs }: OwnPool, kind: string): Promise<OwnedPool> {
  const pg = await loadPg(kind);
  // The server gives up a little earlier than the caller, who then knows that nothing was changed.
  const serverMs = Math.max(1, Math.floor(timerMs(timeoutMs) * 0.9));
  const pool = new pg.Pool({
    connectionString,
    max: maxConnections,
    application_name: 'baton',
    connectionTimeoutMillis: Math.min(timeoutMs, 10_000),
    statement_timeout: serverMs,
    lock_timeout: serverMs,
    idle_in_transaction_session_timeout: serverMs,
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // An idle connection that ends has left the pool by itself; without a listener it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

async function loadPg(kind: string): Promise<{ readonly Pool: typeof Pool }> {
  try {
    const { default: pg } = await import('pg');
    return pg;
  } catch (cause) {
    const message = `${kind} needs the package pg. Run "npm install pg", or pass a \`pool\` or a \`client\` of your own.`;
    throw Object.assign(new UserError(message), { cause });
  }
}

function fromPool(pool: PostgresPool): Connections {
  return {
    key: pool,
    query: async (deadline, text, values) => {
      const client = await acquire(pool, deadline);
      return queryAndRelease({ client, deadline, text, values });
    },
    release: async () => undefined,
  };
}

/** Statements of one client are done one after the other: it takes no second one meanwhile. */
function fromClient(client: PostgresClient): Connections {
  let last: Promise<unknown> = Promise.resolve();
  return {
    key: client,
    query: async (deadline, text, values) => {
      const asked = last.then(() => client.query(text, values));
      last = asked.catch(() => undefined);
      return rowsOf(await within(deadline, asked));
    },
    release: async () => undefined,
  };
}

async function acquire(pool: PostgresPool, deadline: Deadline): Promise<PostgresPoolClient> {
  const connecting = pool.connect();
  try {
    return await within(deadline, connecting);
  } catch (error) {
    if (error instanceof Silence) {
      // It may still come, and must not be kept then.
      connecting.then(
        (client) => client.release(),
        () => undefined,
      );
    }
    throw new NotConnected(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function queryAndRelease(asked: {
  client: PostgresPoolClient;
  deadline: Deadline;
  text: string;
  values: unknown[] | undefined;
}): Promise<Rows> {
  const { client, deadline, text, values } = asked;
  const heard = (): void => undefined;
  // A connection that breaks while it works says so twice: to the query, and as an event that must have a listener.
  if (isEmitter(client)) client.on('error', heard);
  let isBroken = true;
  try {
    const result = await within(deadline, client.query(text, values));
    isBroken = false;
    return rowsOf(result);
  } catch (error) {
    isBroken = !isStatementError(error);
    throw error;
  } finally {
    // A broken one may still have something to say while it ends.
    if (isEmitter(client) && !isBroken) client.off('error', heard);
    client.release(isBroken);
  }
}

type Emitter = { on(event: string, listener: () => void): unknown; off(event: string, listener: () => void): unknown };
const isEmitter = (client: object): client is Emitter => 'on' in client && 'off' in client;

/** The rows are objects: that is what `query` of `pg` gives where no `rowMode` is asked for. */
const rowsOf = ({ rows }: { rows: unknown[] }): Rows => rows as Rows;

/** The SQLSTATE of an error that the server sent. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code) ? code : undefined;
}

/** The statement failed and was rolled back; the connection goes on. Classes 08 and 57P are about the connection. */
export function isStatementError(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && !state.startsWith('08') && !state.startsWith('57P') && state !== '25P03';
}
