/**
 * What a session of a server does, whichever server it is: checks what it is given, turns items into texts and back,
 * reports unreadable items, and keeps the order of its calls.
 *
 * C1 Calls of one session object are done one after the other, in the order in which they were made.
 * C2 `timeoutMs` counts from the call and covers its waiting, its connection and its repetitions.
 * C3 An unreadable item is reported and kept. No call deletes it but `clearSession`.
 */
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { warn } from '../../protocol/warn.ts';
import { SessionError } from '../errors.ts';
import { checkItem, isStorable } from '../items.ts';
import { decodeItem, encodeItem } from '../sqlite/codec.ts';
import type { Answer, AppendCommand, Command, InTurn, Row, Scope, SessionPosition } from '../sqlite/commands.ts';
import type { SessionAppendOptions } from '../sqlite/sqlite-session.ts';
import { checkOperationId, checkTransaction } from '../transaction.ts';
import type { StoreWrite } from '../../store/write.ts';
import { NOBODY, type TurnCommand } from '../turns/line.ts';
import { currentFence } from '../turns/scope.ts';
import { changeOf, tell } from '../turns/stored.ts';
import { holderOf, inTurn, takeTurn, type TurnStore } from '../turns/take.ts';
import type { HeldSessionTurn, SessionTurnHolder, SessionTurnRequest } from '../turns/types.ts';
import type { SessionHistoryRewriteArgs, SessionHistoryTransactionArgs } from '../types.ts';
import type { Deadline } from '../../store/deadline.ts';

/** The options that every session of a server has. */
export type StoredSessionOptions = {
  /** Whose session it is. Sessions of one id under two tenants have nothing in common. @default 'default' */
  tenant?: string;
  /** Refuse to work without a tenant of one's own. @default false */
  requireTenant?: boolean;
  /**
   * How long a call may take, in milliseconds: waiting for others, connecting again after a failure, and the work.
   * @default 30000
   */
  timeoutMs?: number;
  /**
   * What a call does that meets an unreadable item: throw `SessionError` `session/corrupt-item`, or leave the item out
   * and say so on the console. The item is kept in either case. @default 'throw'
   */
  onCorrupt?: 'throw' | 'warn';
};

/** Does commands. A driver writes one. */
export type SessionStore = {
  /** For messages: where the items are. Never holds a password. */
  readonly place: string;
  /** Where a person finds an unreadable item. */
  readonly repairAt: string;
  /** @throws UserError, SessionError and nothing else */
  readonly request: (command: Command, deadline: Deadline) => Promise<Answer>;
  readonly release: () => Promise<void>;
};

type CommandOf = Command extends infer One ? (One extends Command ? Omit<One, 'tenant' | 'session'> : never) : never;

export type SessionCallsOptions = StoredSessionOptions & {
  /** Name of the class, for messages. */
  readonly kind: string;
  /** Names the server and what of it is used: equal for all sessions of one store. Never shown, it may hold a password. */
  readonly store: string;
  /** A change of a turn as a write that a log in the same database commits along. @default none */
  readonly turnWrite?: (command: TurnCommand, scope: Scope) => StoreWrite | undefined;
  /** Called once, by the first call that needs the store. */
  readonly open: () => Promise<SessionStore>;
};

export class SessionCalls {
  readonly sessionId: string;
  readonly #kind: string;
  readonly #tenant: string;
  readonly #timeoutMs: number;
  readonly #tolerant: boolean;
  readonly #open: () => Promise<SessionStore>;
  readonly #turns: TurnStore;
  #store: Promise<SessionStore> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** @throws UserError when an id or an option is unfit */
  constructor(sessionId: string, options: SessionCallsOptions) {
    const { kind, open, requireTenant = false, timeoutMs = 30_000, onCorrupt = 'throw' } = options;
    const tenant = options.tenant ?? 'default';
    checkName(`${kind} \`sessionId\``, sessionId);
    checkName(`${kind} \`tenant\``, tenant);
    if (requireTenant && tenant === 'default') {
      throw new UserError(`${kind} needs option \`tenant\`, because \`requireTenant\` is set. 'default' is none.`);
    }
    if (!(timeoutMs > 0)) throw new UserError(`${kind} option \`timeoutMs\` must be above 0. Got ${timeoutMs}.`);
    if (!['throw', 'warn'].includes(onCorrupt)) {
      throw new UserError(`${kind} option \`onCorrupt\` must be 'throw' or 'warn'. Got ${String(onCorrupt)}.`);
    }
    this.sessionId = sessionId;
    this.#kind = kind;
    this.#tenant = tenant;
    this.#timeoutMs = timeoutMs;
    this.#tolerant = onCorrupt === 'warn';
    this.#open = open;
    const { turnWrite } = options;
    const turns = this.#newTurns(JSON.stringify([options.store, tenant, sessionId]));
    const scope = { tenant, session: sessionId };
    this.#turns = turnWrite ? { ...turns, write: (command) => turnWrite(command, scope) } : turns;
  }

  async getItems(limit?: number): Promise<AgentInputItem[]> {
    const isAll = limit === undefined || Number.isNaN(limit) || limit > Number.MAX_SAFE_INTEGER;
    const count = isAll ? -1 : Math.max(0, Math.ceil(limit));
    if (count === 0) return [];
    const { texts = [], unreadable = [] } = await this.#ask({ do: 'read', limit: count, tolerant: this.#tolerant });
    if (unreadable.length > 0) {
      if (!this.#tolerant) throw await this.#corruptAt(unreadable);
      await this.#warn(unreadable);
    }
    const items: AgentInputItem[] = [];
    for (const text of texts) {
      const item = decodeItem(text);
      if (!item) throw await this.#corrupt(count);
      items.push(item);
    }
    return items;
  }

  /** An append that is not made yet. */
  appendCommand(
    items: AgentInputItem[],
    { operationId, generation, expectedHead }: SessionAppendOptions & { operationId: string },
  ): AppendCommand & Scope & InTurn & { readonly operationId: string } {
    checkOperationId(operationId);
    const rows = this.#encode(items, '.appendWrite()');
    const scope = { tenant: this.#tenant, session: this.sessionId, turn: currentFence(this.#turns.session) };
    return {
      ...scope,
      do: 'append',
      rows,
      operationId,
      ...(generation !== undefined && { generation }),
      ...(expectedHead !== undefined && { expectedHead }),
    };
  }

  async append(items: AgentInputItem[], options: SessionAppendOptions = {}): Promise<SessionPosition> {
    const { operationId, generation, expectedHead } = options;
    if (operationId !== undefined) checkOperationId(operationId);
    const rows = this.#encode(items, '.append()');
    if (rows.length === 0 && operationId === undefined) return this.position();
    return positionOf(await this.#change({ do: 'append', rows, operationId, generation, expectedHead }));
  }

  async position(): Promise<SessionPosition> {
    return positionOf(await this.#ask({ do: 'position' }));
  }

  async popItem(): Promise<AgentInputItem | undefined> {
    const pop = (): Promise<Answer> => this.#change({ do: 'pop', tolerant: this.#tolerant });
    const { texts = [], unreadable = [] } = await inTurn(this.#turns, pop);
    if (unreadable.length > 0) {
      if (!this.#tolerant) throw await this.#corruptAt(unreadable);
      await this.#warn(unreadable);
    }
    return texts[0] === undefined ? undefined : decodeItem(texts[0]);
  }

  async clear(): Promise<void> {
    await inTurn(this.#turns, () => this.#change({ do: 'clear' }));
  }

  async applyMutations({ mutations }: SessionHistoryRewriteArgs): Promise<void> {
    const changes = mutations.map(({ callId, replacement }) => ({
      callId,
      row: this.#encodeItem(replacement, `.applyHistoryMutations(), replacement of call ${callId},`),
    }));
    if (changes.length > 0) await this.#change({ do: 'rewrite', changes });
  }

  async applyTransaction({ operationId, transaction }: SessionHistoryTransactionArgs): Promise<void> {
    checkTransaction({ operationId, transaction });
    const where = '.applyHistoryTransaction()';
    if (transaction.type === 'append_items') {
      await this.#change({ do: 'append', rows: this.#encode(transaction.items, where), operationId });
      return;
    }
    const expected = this.#encode(transaction.expectedSuffix, where).map(({ text }) => text);
    await this.#change({ do: 'replace', expected, rows: this.#encode(transaction.replacement, where), operationId });
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

  /** Waits for calls under way. A second call changes nothing. */
  close(): Promise<void> {
    this.#closed ??= this.#last.then(async () => (await this.#store?.catch(() => undefined))?.release());
    return this.#closed;
  }

  #newTurns(session: string): TurnStore {
    return {
      session,
      sessionId: this.sessionId,
      turn: async (command) => {
        const { turn = {} } = await this.#ask({ do: 'turn', command });
        tell(session);
        return turn;
      },
      look: async () => {
        const { line = NOBODY, now = Date.now() } = await this.#ask({ do: 'line' });
        return { line, now };
      },
      change: (signal, place) => changeOf(session, { signal, place }),
    };
  }

  /** A change, in the turn that the caller works in, if it does. */
  #change(command: CommandOf): Promise<Answer> {
    return this.#ask({ ...command, turn: currentFence(this.#turns.session) });
  }

  #ask(command: CommandOf): Promise<Answer> {
    if (this.#closed) {
      const message = `Session "${this.sessionId}" was closed. Make another ${this.#kind}.`;
      return Promise.reject(new SessionError('session/closed', message));
    }
    const deadline: Deadline = { at: performance.now() + this.#timeoutMs, ms: this.#timeoutMs };
    const answer = this.#last.then(async () =>
      (await this.#opened()).request({ ...command, tenant: this.#tenant, session: this.sessionId }, deadline),
    );
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  #opened(): Promise<SessionStore> {
    this.#store ??= this.#open().catch((error: unknown) => {
      this.#store = undefined;
      throw error;
    });
    return this.#store;
  }

  #encode(items: unknown, where: string): Row[] {
    if (!Array.isArray(items)) {
      throw new UserError(`${this.#kind} ${where} needs an array of items. Got ${typeof items}.`);
    }
    return items.map((item: unknown, index) => this.#encodeItem(item, `${where}, item ${index},`));
  }

  #encodeItem(item: unknown, where: string): Row {
    checkItem(item, `${this.#kind} ${where}`);
    if (!isStorable(item)) {
      throw new UserError(
        `${this.#kind} ${where} holds data that cannot be stored: functions, dates, maps, other classes, BigInt, NaN, ` +
          'cycles or more than 100 levels. Use JSON and bytes.',
      );
    }
    return encodeItem(item, where);
  }

  /** Asks which of the items that a read returned are unreadable. */
  async #corrupt(limit: number): Promise<SessionError> {
    const { unreadable = [] } = await this.#ask({ do: 'read', limit, tolerant: true });
    return this.#corruptAt(unreadable);
  }

  async #corruptAt(positions: readonly number[]): Promise<SessionError> {
    const { repairAt } = await this.#opened();
    const message = `${await this.#describe(positions)}. They were kept. Repair them in ${repairAt}, or set onCorrupt: 'warn' to leave them out.`;
    return new SessionError('session/corrupt-item', message, { positions });
  }

  async #warn(positions: readonly number[]): Promise<void> {
    warn(`${await this.#describe(positions)}. They were left out and kept.`);
  }

  async #describe(positions: readonly number[]): Promise<string> {
    const { place } = await this.#opened();
    const whose = `session "${this.sessionId}" of tenant "${this.#tenant}"`;
    return `${place}: ${whose} has unreadable items at position ${positions.join(', ')}`;
  }
}

/** Clients and pools by a name each: two sessions on one client are in one store. */
const names = new WeakMap<object, string>();

export function nameOf(client: object): string {
  const name = names.get(client) ?? crypto.randomUUID();
  names.set(client, name);
  return name;
}

function positionOf({ position }: Answer): SessionPosition {
  if (position) return position;
  throw new SessionError('session/store', 'The store answered without a position. This is a defect; please report it.');
}

/** Stores compare text by its bytes, and some strings have none of their own. */
function checkName(what: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && !/[\0\p{Surrogate}]/u.test(value)) return;
  const got = typeof value === 'string' ? JSON.stringify(value) : typeof value;
  throw new UserError(`${what} must be a non-empty string of whole characters, without NUL. Got ${got}.`);
}
