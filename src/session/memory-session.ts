/**
 * A session in the memory of the process: for tests, demos and conversations that need not outlive it.
 *
 * M1 What is stored is a copy and what is given out is a copy: no caller can change the store by accident.
 * M2 Appending costs what is appended; it does not look at what is stored.
 * M3 Stored items are never changed, only replaced. So an applied transaction is remembered by pointers.
 */
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import { applySessionHistoryMutations, checkItem, copyItem, isSame } from './items.ts';
import { estimateTokens, limitHistory } from './limits.ts';
import { checkTransaction, operationReused, suffixChanged } from './transaction.ts';
import { MemoryTurns } from './turns/memory.ts';
import { currentFence } from './turns/scope.ts';
import { holderOf, inTurn, takeTurn } from './turns/take.ts';
import type { HeldSessionTurn, SessionTurnHolder, SessionTurnRequest, TurnAwareSession } from './turns/types.ts';
import type {
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransaction,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
  SessionSettings,
  TokenCounter,
} from './types.ts';

export type MemorySessionOptions = {
  /** @default a random UUID */
  sessionId?: string;
  /** Items to start with; copied. @default none */
  initialItems?: AgentInputItem[];
  /** Limits of the history that a run gets. @default none */
  sessionSettings?: SessionSettings;
  /** Hears what is done and how many items it concerns, never their content. */
  logger?: { debug(message: string, ...args: unknown[]): void };
};

export class MemorySession
  implements SessionHistoryRewriteAwareSession, SessionHistoryTransactionAwareSession, TurnAwareSession
{
  readonly #sessionId: string;
  readonly #turns: MemoryTurns;
  readonly #logger: MemorySessionOptions['logger'];
  readonly sessionSettings: SessionSettings | undefined;
  /** What a counter said of stored items: each is counted once. */
  readonly #tokens = new WeakMap<TokenCounter, WeakMap<AgentInputItem, number>>();
  #items: AgentInputItem[];
  #applied = new Map<string, SessionHistoryTransaction>();

  /** @throws UserError when `sessionId` is no string or `initialItems` no list of items */
  constructor({ sessionId, initialItems, sessionSettings, logger }: MemorySessionOptions = {}) {
    if (sessionId !== undefined && typeof sessionId !== 'string') {
      throw new UserError(`MemorySession option \`sessionId\` must be a string. Got ${typeof sessionId}.`);
    }
    this.#sessionId = sessionId ?? crypto.randomUUID();
    this.#turns = new MemoryTurns(this.#sessionId);
    this.#items = copyList(initialItems ?? [], 'option `initialItems`');
    this.sessionSettings = sessionSettings;
    this.#logger = logger;
  }

  async getSessionId(): Promise<string> {
    return this.#sessionId;
  }

  async getItems(limit?: number): Promise<AgentInputItem[]> {
    if (limit === undefined || Number.isNaN(limit)) return this.#items.map(copyItem);
    return this.#items.slice(Math.max(0, Math.floor(this.#items.length - limit))).map(copyItem);
  }

  /** The newest items within limits, cut at a safe place. Costs what is given out. */
  async getHistory(settings: SessionSettings): Promise<AgentInputItem[]> {
    const { countTokens = estimateTokens } = settings;
    let known = this.#tokens.get(countTokens);
    if (!known) this.#tokens.set(countTokens, (known = new WeakMap()));
    const counts = known;
    const counted = (item: AgentInputItem): number => {
      const count = counts.get(item) ?? countTokens(item);
      counts.set(item, count);
      return count;
    };
    return limitHistory(this.#items, { ...settings, countTokens: counted }).map(copyItem);
  }

  /** @throws UserError when `items` is no list, or an item is no object or cannot be copied */
  async addItems(items: AgentInputItem[]): Promise<void> {
    const copies = copyList(items, '.addItems()');
    this.#check();
    this.#logger?.debug(`Adding ${copies.length} items to session ${this.#sessionId}`);
    this.#append(copies);
  }

  /** @throws SessionBusy where a run has the turn for longer than half a minute */
  popItem(): Promise<AgentInputItem | undefined> {
    return inTurn(this.#turns, async () => {
      this.#check(true);
      // Given out for good, but a remembered transaction may still point to it.
      const item = this.#items.pop();
      return item && copyItem(item);
    });
  }

  /** @throws SessionBusy as `popItem` */
  clearSession(): Promise<void> {
    return inTurn(this.#turns, async () => {
      this.#check(true);
      this.#logger?.debug(`Clearing session ${this.#sessionId}`);
      this.#items = [];
      this.#applied = new Map();
    });
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

  async applyHistoryMutations({ mutations }: SessionHistoryRewriteArgs): Promise<void> {
    const where = 'MemorySession .applyHistoryMutations(), replacement of call';
    for (const { callId, replacement } of mutations) checkItem(replacement, `${where} ${callId},`);
    this.#check();
    if (mutations.length > 0) this.#items = applySessionHistoryMutations(this.#items, mutations);
  }

  /** @throws UserError for a blank id, an id used for another transaction, a suffix that is not there, unfit data */
  async applyHistoryTransaction({ operationId, transaction }: SessionHistoryTransactionArgs): Promise<void> {
    checkTransaction({ operationId, transaction });
    this.#check();
    const applied = this.#applied.get(operationId);
    if (applied) {
      if (isSame(applied, transaction)) return;
      throw operationReused(operationId);
    }
    const copy = copyItem(transaction);
    if (copy.type === 'replace_suffix') {
      const start = this.#items.length - copy.expectedSuffix.length;
      if (start < 0 || !isSame(this.#items.slice(start), copy.expectedSuffix)) {
        throw suffixChanged();
      }
      this.#items.length = start;
    }
    this.#append(copy.type === 'append_items' ? copy.items : copy.replacement);
    this.#applied.set(operationId, copy);
  }

  #check(needsTurn = false): void {
    this.#turns.check(currentFence(this.#turns), needsTurn);
  }

  #append(copies: readonly AgentInputItem[]): void {
    for (const copy of copies) this.#items.push(copy);
  }
}

function copyList(items: unknown, where: string): AgentInputItem[] {
  if (!Array.isArray(items))
    throw new UserError(`MemorySession ${where} needs an array of items. Got ${typeof items}.`);
  return items.map((item: AgentInputItem, index) => {
    const what = `MemorySession ${where}, item ${index},`;
    checkItem(item, what);
    try {
      return copyItem(item);
    } catch (cause) {
      const error = new UserError(`${what} holds data that cannot be copied, such as a function. Use JSON and bytes.`);
      error.cause = cause;
      throw error;
    }
  });
}
