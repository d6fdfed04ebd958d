/**
 * A session that lets OpenAI shorten its history: `POST /responses/compact`, documented at
 * https://developers.openai.com/api/reference/resources/responses/methods/compact.
 */
import { getDefaultModel } from '../../../model/index.ts';
import { wholeAnswer } from '../../../model/vendor-client.ts';
import { UserError } from '../../../protocol/errors.ts';
import type { AgentInputItem } from '../../../protocol/items.ts';
import { RequestUsage } from '../../../protocol/usage.ts';
import {
  CompactedView,
  coverable,
  isSessionHistoryTransactionAwareSession,
  limitHistory,
  MemorySession,
  type OpenAIResponsesCompactionArgs,
  type OpenAIResponsesCompactionAwareSession,
  type OpenAIResponsesCompactionResult,
  type Session,
  type SessionHistoryTransactionArgs,
  type SessionSettings,
  type Snapshot,
  innerTurns,
  type Turns,
} from '../../../session/index.ts';
import { createOpenAIClient, type OpenAIClient } from '../client.ts';
import { isObject, type Json } from '../json.ts';
import { toInput } from '../responses/input.ts';
import { OPENAI_SESSION_API, toHistory } from './history.ts';

/**
 * How the service gets the history: as the chain that ends with the last response, or as items. `auto`: the chain
 * where the service kept it and nobody else added items, else items.
 */
export type OpenAIResponsesCompactionMode = 'previous_response_id' | 'input' | 'auto';

/** What a decision can look at. Nothing of it may be changed. */
export type OpenAIResponsesCompactionDecisionContext = {
  responseId: string | undefined;
  /** As it was resolved, never `auto`. */
  compactionMode: OpenAIResponsesCompactionMode;
  /** The visible items that are neither user messages nor compaction items. */
  compactionCandidateItems: AgentInputItem[];
  /** All visible items. */
  sessionItems: AgentInputItem[];
};

export type OpenAIResponsesCompactionSessionOptions = {
  /** Ours (`createOpenAIClient`) or the official one. @default a client of ours with OPENAI_API_KEY */
  client?: Pick<OpenAIClient, 'responses'>;
  /** Where the items are kept. Read it through this session: after a compaction it holds marks. @default in memory */
  underlyingSession?: Session & { [OPENAI_SESSION_API]?: 'responses' };
  /** Which model compacts. @default OPENAI_DEFAULT_MODEL, else gpt-5.4-mini */
  model?: string;
  /** @default 'auto' */
  compactionMode?: OpenAIResponsesCompactionMode;
  /** @default whether there are 10 candidates or more */
  shouldTriggerCompaction?: (context: OpenAIResponsesCompactionDecisionContext) => boolean | Promise<boolean>;
  /** Refuse to compact when the underlying session holds more rows than this. @default no limit */
  maxRollbackItems?: number;
};

const THRESHOLD = 10;
const MODELS = /^(ft:)?(gpt-|o\d|chatgpt-|codex-|computer-use-)/;

/**
 * Compacts its history after a turn, once it is long. What was compacted stays in the underlying session, and
 * `originalItems` gives it back; a write that lands while the service works stays visible.
 *
 * @example
 * import { OpenAIResponsesCompactionSession, SQLiteSession } from '@baton/agents';
 *
 * const session = new OpenAIResponsesCompactionSession({ underlyingSession: new SQLiteSession('user_123') });
 */
export class OpenAIResponsesCompactionSession implements OpenAIResponsesCompactionAwareSession {
  // Set in the constructor: a computed member with a value would keep the class in every bundle.
  declare readonly [OPENAI_SESSION_API]: 'responses';
  /** There where the underlying session has transactions. */
  declare readonly applyHistoryTransaction?: (args: SessionHistoryTransactionArgs) => Promise<void>;
  /** There where the underlying session has turns. */
  declare readonly takeTurn?: Turns['takeTurn'];
  declare readonly endTurn?: Turns['endTurn'];
  declare readonly turnHolder?: Turns['turnHolder'];
  readonly #options: OpenAIResponsesCompactionSessionOptions;
  readonly #underlying: Session;
  readonly #view: CompactedView;
  #responseId: string | undefined;
  #store: boolean | undefined;
  /** How many visible items a run knows of: those that it read, and those that it added since. */
  #known: number | undefined;

  /** @throws UserError when an option is unfit */
  constructor(options: OpenAIResponsesCompactionSessionOptions = {}) {
    const { underlyingSession = new MemorySession(), model, maxRollbackItems } = options;
    if (model !== undefined && !MODELS.test(model)) {
      throw new UserError(
        `OpenAI does not compact with the model "${model}". Name one of its own, such as "gpt-5.4-mini".`,
      );
    }
    if (OPENAI_SESSION_API in underlyingSession && underlyingSession[OPENAI_SESSION_API] !== 'responses') {
      throw new UserError(
        'A conversation at OpenAI cannot be compacted from here. Give underlyingSession one that keeps the items here.',
      );
    }
    if (maxRollbackItems !== undefined && !(Number.isSafeInteger(maxRollbackItems + 1) && maxRollbackItems > 0)) {
      throw new UserError(`maxRollbackItems is ${maxRollbackItems}. Give an integer above 0, or leave it out.`);
    }
    this[OPENAI_SESSION_API] = 'responses';
    this.#options = options;
    this.#underlying = underlyingSession;
    Object.assign(this, innerTurns(underlyingSession));
    this.#view = new CompactedView(underlyingSession);
    if (!isSessionHistoryTransactionAwareSession(underlyingSession)) return;
    this.applyHistoryTransaction = async (args) => {
      await this.#view.transact(args);
      this.#count(args.transaction.type === 'append_items' ? args.transaction.items.length : undefined);
    };
  }

  get sessionSettings(): SessionSettings | undefined {
    return this.#underlying.sessionSettings;
  }

  getSessionId(): Promise<string> {
    return this.#underlying.getSessionId();
  }

  async getItems(limit?: number): Promise<AgentInputItem[]> {
    const items = await this.#view.items(limit);
    // With a limit, a run's request holds less than the session.
    this.#known = limit === undefined ? items.length : -1;
    return items;
  }

  /** As `getItems`, within limits. */
  async getHistory(settings: SessionSettings): Promise<AgentInputItem[]> {
    const items = await this.#view.items();
    const history = limitHistory(items, settings);
    this.#known = history.length === items.length ? items.length : -1;
    return history;
  }

  /** Every item that was added, compacted or not, oldest first. */
  originalItems(): Promise<AgentInputItem[]> {
    return this.#view.originals();
  }

  async addItems(items: AgentInputItem[]): Promise<void> {
    await this.#view.add(items);
    this.#count(items.length);
  }

  async popItem(): Promise<AgentInputItem | undefined> {
    this.#known = undefined;
    return this.#view.pop();
  }

  /** Removes all items, the compacted ones too. */
  async clearSession(): Promise<void> {
    this.#known = undefined;
    this.#responseId = undefined;
    await this.#view.clear();
  }

  /**
   * Compacts, where `shouldTriggerCompaction` says so or `force` is set. A run calls it after each save.
   *
   * @returns what it used; `null` when nothing was asked of the service
   * @throws UserError when the mode needs a response id and there is none; what the client throws
   */
  async runCompaction(args: OpenAIResponsesCompactionArgs = {}): Promise<OpenAIResponsesCompactionResult | null> {
    this.#responseId = args.responseId ?? this.#responseId;
    this.#store = args.store ?? this.#store;
    const snapshot = await this.#view.snapshot();
    const { maxRollbackItems = Infinity } = this.#options;
    if (snapshot.rows.length > maxRollbackItems) {
      throw new UserError(
        `The session holds ${snapshot.rows.length} rows, more than maxRollbackItems (${maxRollbackItems}). Nothing was asked.`,
      );
    }
    const mode = this.#mode(args, snapshot);
    if (mode === 'previous_response_id' && this.#responseId === undefined) {
      throw new UserError(
        "The mode 'previous_response_id' needs the id of the newest response. Pass responseId, or use the mode 'input' or 'auto'.",
      );
    }
    if (args.force !== true && !(await this.#isDue(mode, snapshot))) return null;
    return this.#compact(mode, snapshot);
  }

  #mode({ compactionMode }: OpenAIResponsesCompactionArgs, { items }: Snapshot): 'previous_response_id' | 'input' {
    const wanted = compactionMode ?? this.#options.compactionMode ?? 'auto';
    if (wanted !== 'auto') return wanted;
    // The chain holds what the run sent and got. What others added since is not in it, and would be lost.
    const isWhole = this.#known === undefined || this.#known === items.length;
    const hasChain = this.#responseId !== undefined && this.#store !== false;
    return hasChain && isWhole && coverable(items) === items.length ? 'previous_response_id' : 'input';
  }

  async #isDue(compactionMode: 'previous_response_id' | 'input', { items: sessionItems }: Snapshot): Promise<boolean> {
    const { shouldTriggerCompaction } = this.#options;
    const compactionCandidateItems = sessionItems.filter(isCandidate);
    if (!shouldTriggerCompaction) return compactionCandidateItems.length >= THRESHOLD;
    return shouldTriggerCompaction({
      responseId: this.#responseId,
      compactionMode,
      compactionCandidateItems,
      sessionItems,
    });
  }

  async #compact(
    mode: 'previous_response_id' | 'input',
    snapshot: Snapshot,
  ): Promise<OpenAIResponsesCompactionResult | null> {
    const { items } = snapshot;
    const end = mode === 'input' ? coverable(items) : items.length;
    if (end === 0) return null;
    const { client = createOpenAIClient(), model = getDefaultModel() } = this.#options;
    const { responses } = client;
    if (!responses.compact) throw new UserError('The client has no `responses.compact`. Update the `openai` package.');
    const body: Json =
      mode === 'input'
        ? { model, input: toInput(items.slice(0, end)) }
        : { model, previous_response_id: this.#responseId };
    // The official client's types are narrower than ours.
    const answer = await wholeAnswer('OpenAI', responses.compact.call(responses, body as never));
    const output = toHistory(answer['output']);
    if (output.length === 0) {
      throw new UserError(
        'OpenAI compacted the history to nothing, so it was left as it is. Check the model and client.',
      );
    }
    if (await this.#view.compact(snapshot, [...output, ...items.slice(end)])) this.#known = undefined;
    const usage = isObject(answer['usage']) ? answer['usage'] : {};
    return { usage: new RequestUsage({ ...usage, endpoint: 'responses.compact' }) };
  }

  #count(added: number | undefined): void {
    if (this.#known !== undefined && this.#known >= 0) this.#known = added === undefined ? -1 : this.#known + added;
  }
}

const isCandidate = (item: AgentInputItem): boolean =>
  item.type !== 'compaction' && !('role' in item && item.role === 'user');
