/**
 * A session in a SQLite file: survives the process, and many processes may share the file.
 *
 * S1 What a call acknowledged is on the disk; what failed has left nothing behind.
 * S2 Order is the position, given by the database inside the transaction; no clock is asked.
 * S3 An unreadable item is reported and kept. No call deletes it but `clearSession`.
 */
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { warn } from '../../protocol/warn.ts';
import { resolvedPath, storeName } from '../../store/sqlite/path.ts';
import type { StoreWrite } from '../../store/write.ts';
import { SessionError } from '../errors.ts';
import { checkOperationId, checkTransaction } from '../transaction.ts';
import { NOBODY, type TurnCommand } from '../turns/line.ts';
import { currentFence } from '../turns/scope.ts';
import { holderOf, inTurn, takeTurn, type TurnStore } from '../turns/take.ts';
import type {
  HeldSessionTurn,
  SessionTurnHolder,
  SessionTurnRequest,
  StoreSharingSession,
  TurnAwareSession,
} from '../turns/types.ts';
import type {
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
} from '../types.ts';
import { decodeItem, encodeItem, encodeItems } from './codec.ts';
import { sessionError } from './commands.ts';
import type { Answer, Command, SessionPosition } from './commands.ts';
import type { Store } from './stores.ts';

export type SQLiteSessionOptions = {
  /** The file; created when it is not there, its folder is not. On a local disk. @default in memory, ends with it */
  dbPath?: string;
  /** Whose session it is. Sessions of one id under two tenants have nothing in common. @default 'default' */
  tenant?: string;
  /** Refuse to work without a tenant of one's own. @default false */
  requireTenant?: boolean;
  /** How long a call waits for other processes that write to the file, in milliseconds. @default 30000 */
  timeoutMs?: number;
  /**
   * What a call does that meets an unreadable item: throw `SessionError` `session/corrupt-item`, or leave the item out
   * and say so on the console. The item is kept in either case. @default 'throw'
   */
  onCorrupt?: 'throw' | 'warn';
  /**
   * 'full': what was acknowledged survives a loss of power, as far as the disk keeps its word. 'normal': it survives
   * the end of the process, the newest commits may be lost with the power; faster. @default 'full'
   */
  synchronous?: 'full' | 'normal';
};

export type SessionAppendOptions = {
  /** With the same id, the same items are appended once; other items are refused. Not blank. */
  operationId?: string;
  /** Refuse when the session was cleared since this generation. */
  generation?: number;
  /** Refuse when the session does not end at this position. */
  expectedHead?: number;
};

type CommandOf = Command extends infer One ? (One extends Command ? Omit<One, 'tenant' | 'session'> : never) : never;

/**
 * A conversation in a SQLite database.
 *
 * @example
 * import { SQLiteSession } from '@baton/agents';
 *
 * const session = new SQLiteSession('user_123'); // { dbPath: './sessions.db' } to keep it
 * await session.addItems([{ type: 'message', role: 'user', content: 'Hello' }]);
 * console.log(await session.getItems(10));
 * await session.close();
 */
export class SQLiteSession
  implements
    SessionHistoryRewriteAwareSession,
    SessionHistoryTransactionAwareSession,
    StoreSharingSession,
    TurnAwareSession
{
  readonly #sessionId: string;
  readonly #tenant: string;
  readonly #path: string | undefined;
  readonly #options: Required<Pick<SQLiteSessionOptions, 'timeoutMs' | 'onCorrupt' | 'synchronous'>>;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #turns: TurnStore;
  #store: Promise<Store> | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Opens nothing yet: that is done by the first call that needs the database.
   *
   * @throws UserError when an id or an option is unfit
   */
  constructor(sessionId: string, options: SQLiteSessionOptions = {}) {
    const { dbPath, requireTenant = false, timeoutMs = 30_000, onCorrupt = 'throw', synchronous = 'full' } = options;
    const tenant = options.tenant ?? 'default';
    checkName('sessionId', sessionId);
    checkName('tenant', tenant);
    if (requireTenant && tenant === 'default') {
      throw new UserError("SQLiteSession needs option `tenant`, because `requireTenant` is set. 'default' is none.");
    }
    if (dbPath !== undefined) checkName('dbPath', dbPath);
    if (!(timeoutMs >= 0))
      throw new UserError(`SQLiteSession option \`timeoutMs\` must be 0 or more. Got ${timeoutMs}.`);
    checkChoice('onCorrupt', onCorrupt, ['throw', 'warn']);
    checkChoice('synchronous', synchronous, ['full', 'normal']);
    this.#sessionId = sessionId;
    this.#tenant = tenant;
    this.#path = dbPath === undefined || dbPath === ':memory:' ? undefined : resolvedPath(dbPath);
    this.#options = { timeoutMs, onCorrupt, synchronous };
    this.#turns = this.#newTurns();
  }

  async getSessionId(): Promise<string> {
    return this.#sessionId;
  }

  /** @throws SessionError */
  async getItems(limit?: number): Promise<AgentInputItem[]> {
    const isAll = limit === undefined || Number.isNaN(limit) || limit > Number.MAX_SAFE_INTEGER;
    const count = isAll ? -1 : Math.max(0, Math.ceil(limit));
    const tolerant = this.#options.onCorrupt === 'warn';
    const { texts = [], unreadable = [] } = await this.#ask({ do: 'read', limit: count, tolerant });
    if (unreadable.length > 0) this.#warn(unreadable);
    const items: AgentInputItem[] = [];
    for (const text of texts) {
      const item = decodeItem(text);
      if (!item) throw await this.#corrupt(count);
      items.push(item);
    }
    return items;
  }

  /** @throws UserError when an item is no JSON; SessionError */
  async addItems(items: AgentInputItem[]): Promise<void> {
    await this.append(items);
  }

  /**
   * As `addItems`, safe to repeat and with conditions. All items or none.
   *
   * @returns where the items are; for an operation that was done before, where they went then
   * @throws UserError when an item is no JSON, or the operation id was used for other items;
   *   SessionError `session/cleared`, `session/conflict` and others
   */
  async append(items: AgentInputItem[], options: SessionAppendOptions = {}): Promise<SessionPosition> {
    const { operationId, generation, expectedHead } = options;
    if (operationId !== undefined) checkOperationId(operationId);
    const rows = encodeItems(items, '.append()');
    if (rows.length === 0 && operationId === undefined) return this.position();
    return positionOf(await this.#change({ do: 'append', rows, operationId, generation, expectedHead }));
  }

  /**
   * An append that is not made yet: a log in the same file makes it together with its own commit, so that neither is
   * there without the other. Undefined for a session in memory.
   *
   * @throws UserError when an item is no JSON, or the operation id is blank
   */
  appendWrite(
    items: AgentInputItem[],
    options: SessionAppendOptions & { operationId: string },
  ): StoreWrite | undefined {
    const { operationId, generation, expectedHead } = options;
    checkOperationId(operationId);
    if (this.#path === undefined) return undefined;
    const rows = encodeItems(items, '.appendWrite()');
    return this.#write({ do: 'append', rows, operationId, generation, expectedHead, turn: this.#fence() });
  }

  #write(command: CommandOf): StoreWrite | undefined {
    if (this.#path === undefined) return undefined;
    const scope = { tenant: this.#tenant, session: this.#sessionId };
    const whole = { ...command, ...scope };
    return { store: storeName(this.#path), component: 'session', command: whole, errorOf: sessionError };
  }

  /** The generation, and in `last` the highest position that was ever given. */
  async position(): Promise<SessionPosition> {
    return positionOf(await this.#ask({ do: 'position' }));
  }

  /**
   * In its turn: it waits while a run has the session.
   *
   * @throws SessionError `session/corrupt-item` when the newest item is unreadable; it stays. SessionBusy after 30 s
   */
  async popItem(): Promise<AgentInputItem | undefined> {
    const tolerant = this.#options.onCorrupt === 'warn';
    const { texts = [], unreadable = [] } = await inTurn(this.#turns, () => this.#change({ do: 'pop', tolerant }));
    if (unreadable.length > 0) {
      if (!tolerant) throw this.#corruptAt(unreadable);
      this.#warn(unreadable);
    }
    return texts[0] === undefined ? undefined : decodeItem(texts[0]);
  }

  /** Removes all items and starts a new generation. Retries of earlier operations are refused from then on. In its turn. */
  async clearSession(): Promise<void> {
    await inTurn(this.#turns, () => this.#change({ do: 'clear' }));
  }

  async applyHistoryMutations({ mutations }: SessionHistoryRewriteArgs): Promise<void> {
    const changes = mutations.map(({ callId, replacement }) => ({
      callId,
      row: encodeItem(replacement, `.applyHistoryMutations(), replacement of call ${callId},`),
    }));
    if (changes.length > 0) await this.#change({ do: 'rewrite', changes });
  }

  /** @throws UserError for a blank id, an id used for another transaction, a suffix that is not there, unfit data */
  async applyHistoryTransaction({ operationId, transaction }: SessionHistoryTransactionArgs): Promise<void> {
    checkTransaction({ operationId, transaction });
    const where = '.applyHistoryTransaction()';
    if (transaction.type === 'append_items') {
      await this.#change({ do: 'append', rows: encodeItems(transaction.items, where), operationId });
      return;
    }
    const expected = encodeItems(transaction.expectedSuffix, where).map(({ text }) => text);
    await this.#change({ do: 'replace', expected, rows: encodeItems(transaction.replacement, where), operationId });
  }

  takeTurn(request: SessionTurnRequest): Promise<HeldSessionTurn> {
    return takeTurn(this.#turns, request);
  }

  turnHolder(): Promise<SessionTurnHolder | undefined> {
    return holderOf(this.#turns);
  }

  async endTurn(runId: string): Promise<void> {
    await this.#turns.turn({ ask: 'break', runId });
  }

  #newTurns(): TurnStore {
    const path = this.#path;
    return {
      // What is in memory is this object's alone.
      session: path === undefined ? this : JSON.stringify([path, this.#tenant, this.#sessionId]),
      sessionId: this.#sessionId,
      isLocal: path === undefined,
      turn: async (command: TurnCommand) => (await this.#ask({ do: 'turn', command })).turn ?? {},
      look: async () => ({ line: (await this.#ask({ do: 'line' })).line ?? NOBODY, now: Date.now() }),
      change: async (signal) => (await this.#opened()).change(signal),
      write: (command) => this.#write({ do: 'turn', command }),
    };
  }

  #fence(): { key: string; fence: number } | undefined {
    return currentFence(this.#turns.session);
  }

  /** A change, in the turn that the caller works in, if it does. */
  #change(command: CommandOf): Promise<Answer> {
    return this.#ask({ ...command, turn: this.#fence() });
  }

  /** Waits for calls under way, then lets go of the file. A second call changes nothing. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#pending);
    const store = await this.#store?.catch(() => undefined);
    await store?.release();
  }

  async #ask(command: CommandOf): Promise<Answer> {
    if (this.#closed) {
      throw new SessionError('session/closed', `Session "${this.#sessionId}" was closed. Make another SQLiteSession.`);
    }
    const answer = this.#request({ ...command, tenant: this.#tenant, session: this.#sessionId });
    this.#pending.add(answer);
    try {
      return await answer;
    } finally {
      this.#pending.delete(answer);
    }
  }

  async #request(command: Command): Promise<Answer> {
    return (await this.#opened()).request(command, this.#options.timeoutMs);
  }

  #opened(): Promise<Store> {
    this.#store ??= this.#open().catch((error: unknown) => {
      this.#store = undefined;
      throw error;
    });
    return this.#store;
  }

  async #open(): Promise<Store> {
    // Loaded late, because it loads SQLite.
    const { openFileStore, openMemoryStore } = await import('./stores.ts');
    return this.#path === undefined ? openMemoryStore() : openFileStore(this.#path, this.#options.synchronous);
  }

  /** Asks which of the items that a read returned are unreadable. */
  async #corrupt(limit: number): Promise<SessionError> {
    const { unreadable = [] } = await this.#ask({ do: 'read', limit, tolerant: true });
    return this.#corruptAt(unreadable);
  }

  #corruptAt(positions: readonly number[]): SessionError {
    const message = `${this.#describe(positions)}. They were kept. Repair the rows of table baton_session_items, or set
      onCorrupt: 'warn' to leave them out.`.replace(/\s+/g, ' ');
    return new SessionError('session/corrupt-item', message, { positions });
  }

  #warn(positions: readonly number[]): void {
    warn(`${this.#describe(positions)}. They were left out and kept.`);
  }

  #describe(positions: readonly number[]): string {
    const where = `${this.#path ?? 'A database in memory'}: session "${this.#sessionId}" of tenant "${this.#tenant}"`;
    return `${where} has unreadable items at position ${positions.join(', ')}`;
  }
}

function positionOf({ position }: Answer): SessionPosition {
  if (position) return position;
  throw new SessionError('session/store', 'The store answered without a position. This is a defect; please report it.');
}

/** SQLite compares text by its bytes, and some strings have none of their own. */
function checkName(option: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && !/[\0\p{Surrogate}]/u.test(value)) return;
  const got = typeof value === 'string' ? JSON.stringify(value) : typeof value;
  throw new UserError(
    `SQLiteSession \`${option}\` must be a non-empty string of whole characters, without NUL. Got ${got}.`,
  );
}

function checkChoice(option: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new UserError(`SQLiteSession option \`${option}\` must be '${choices.join("' or '")}'. Got ${String(value)}.`);
}
