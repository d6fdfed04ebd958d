/**
 * A session in PostgreSQL: shared by many processes on many hosts.
 *
 * P1 Each change is one statement: all of it happens or nothing, and a process that is stopped holds no lock.
 * P2 Order is the position, given under the lock of the session's row; no clock is asked.
 * P3 An unreadable item is reported and kept. No call deletes it but `clearSession`.
 */
import type { AgentInputItem } from '../../protocol/items.ts';
import type { SessionPosition } from '../sqlite/commands.ts';
import type { SessionAppendOptions } from '../sqlite/sqlite-session.ts';
import { nameOf, SessionCalls } from '../stored/session-calls.ts';
import type { SessionStore, StoredSessionOptions } from '../stored/session-calls.ts';
import type { HeldSessionTurn, SessionTurnHolder, SessionTurnRequest, TurnAwareSession } from '../turns/types.ts';
import type {
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
} from '../types.ts';
import type { StoreSharingSession } from '../turns/types.ts';
import type { StoreWrite } from '../../store/write.ts';
import { checkConnection } from '../../store/postgres/options.ts';
import type { PostgresConnectionOptions } from '../../store/postgres/options.ts';
import { storeNameOf } from '../../store/postgres/store-name.ts';
import { type Along, appendAlong, turnAlong } from './along.ts';

/** Exactly one of `connectionString`, `pool` and `client`. */
export type PostgresSessionOptions = StoredSessionOptions & PostgresConnectionOptions;

/**
 * A conversation in a PostgreSQL database. Needs the package `pg`, or a pool or client of yours.
 *
 * @example no-run
 * import { PostgresSession } from '@baton/agents';
 *
 * const connectionString = process.env['DATABASE_URL'] ?? '';
 * const session = new PostgresSession('user_123', { connectionString, tenant: 'acme' });
 * await session.addItems([{ type: 'message', role: 'user', content: 'Hello' }]);
 * console.log(await session.getItems(10));
 * await session.close();
 */
export class PostgresSession
  implements
    SessionHistoryRewriteAwareSession,
    SessionHistoryTransactionAwareSession,
    StoreSharingSession,
    TurnAwareSession
{
  readonly #calls: SessionCalls;
  readonly #storeName: string;
  #isReady: Promise<unknown> | undefined;

  /**
   * Connects to nothing yet: that is done by the first call that needs the database.
   *
   * @throws UserError when an id or an option is unfit
   */
  constructor(sessionId: string, options: PostgresSessionOptions) {
    checkConnection(options, 'PostgresSession');
    this.#storeName = storeNameOf(options);
    const { connectionString, pool, client } = options;
    const store = connectionString ?? nameOf(pool ?? client ?? options);
    this.#calls = new SessionCalls(sessionId, {
      ...options,
      kind: 'PostgresSession',
      store,
      open: () => open(options),
      turnWrite: (command, scope) => turnAlong(command, scope, this.#along()),
    });
  }

  async getSessionId(): Promise<string> {
    return this.#calls.sessionId;
  }

  /** @throws SessionError */
  getItems(limit?: number): Promise<AgentInputItem[]> {
    return this.#calls.getItems(limit);
  }

  /**
   * All items or none.
   *
   * @throws UserError when an item is no JSON; SessionError
   */
  async addItems(items: AgentInputItem[]): Promise<void> {
    await this.#calls.append(items);
  }

  /**
   * As `addItems`, safe to repeat and with conditions.
   *
   * @returns where the items are; for an operation that was done before, where they went then
   * @throws UserError when an item is no JSON, or the operation id was used for other items;
   *   SessionError `session/cleared`, `session/conflict` and others
   */
  append(items: AgentInputItem[], options?: SessionAppendOptions): Promise<SessionPosition> {
    return this.#calls.append(items, options);
  }

  /**
   * An append that is not made yet: a `postgresLog` with the same connection string, pool or client makes it together
   * with its own commit, so that neither is there without the other.
   *
   * @throws UserError when an item is no JSON, or the operation id is blank
   */
  appendWrite(items: AgentInputItem[], options: SessionAppendOptions & { operationId: string }): StoreWrite {
    return appendAlong(this.#calls.appendCommand(items, options), this.#along());
  }

  #along(): Along {
    const ready = async (): Promise<void> => {
      // The first call makes the tables.
      const asked = (this.#isReady ??= this.#calls.position());
      await asked.catch((error: unknown) => {
        this.#isReady = undefined;
        throw error;
      });
    };
    return { store: this.#storeName, ready };
  }

  /** The generation, and in `last` the highest position that was ever given. */
  position(): Promise<SessionPosition> {
    return this.#calls.position();
  }

  /**
   * In its turn: it waits while a run has the session.
   *
   * @throws SessionError `session/corrupt-item` when the newest item is unreadable; it stays. SessionBusy after 30 s
   */
  popItem(): Promise<AgentInputItem | undefined> {
    return this.#calls.popItem();
  }

  /** Removes all items and starts a new generation. Retries of earlier operations are refused from then on. In its turn. */
  clearSession(): Promise<void> {
    return this.#calls.clear();
  }

  applyHistoryMutations(args: SessionHistoryRewriteArgs): Promise<void> {
    return this.#calls.applyMutations(args);
  }

  /** @throws UserError for a blank id, an id used for another transaction, a suffix that is not there, unfit data */
  applyHistoryTransaction(args: SessionHistoryTransactionArgs): Promise<void> {
    return this.#calls.applyTransaction(args);
  }

  takeTurn(request: SessionTurnRequest): Promise<HeldSessionTurn> {
    return this.#calls.takeTurn(request);
  }

  turnHolder(): Promise<SessionTurnHolder | undefined> {
    return this.#calls.turnHolder();
  }

  endTurn(runId: string): Promise<void> {
    return this.#calls.endTurn(runId);
  }

  /** Waits for calls under way, then lets go of the connections. A second call changes nothing. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function open(options: PostgresSessionOptions): Promise<SessionStore> {
  // Loaded late: most programs need none of it.
  const [{ connectionsOf }, { postgresStore }] = await Promise.all([
    import('../../store/postgres/connections.ts'),
    import('./store.ts'),
  ]);
  const { connections, place } = await connectionsOf(options, 'PostgresSession');
  return postgresStore(connections, place);
}
