/**
 * The Session port: where a conversation is kept between runs. Names and members as in `@openai/agents`.
 *
 * The five methods of `Session` are enough. What else a store can do it declares by further members,
 * which the guards below look for.
 */
import type { AgentInputItem, FunctionCallItem } from '../protocol/items.ts';
import type { RequestUsage, Usage } from '../protocol/usage.ts';

/** Joins stored history and new input into what the model gets. What it adds counts as new and is saved. */
export type SessionInputCallback = (
  historyItems: AgentInputItem[],
  newItems: AgentInputItem[],
) => AgentInputItem[] | Promise<AgentInputItem[]>;

/** What a session sees of a run: the user's context object and the usage so far. A `RunContext` is one. */
export interface SessionRunContext<TContext = unknown> {
  readonly context: TContext;
  readonly usage: Usage;
}

/** How many tokens an item takes in a request. The same for the same item: a store may keep what it said. */
export type TokenCounter = (item: AgentInputItem) => number;

/** How much of its history a session gives to a run. What does not fit stays stored. */
export type SessionSettings = {
  /** At most this many of the newest items. @default no limit */
  limit?: number | undefined;
  /** At most this many tokens in them. @default no limit */
  maxTokens?: number | undefined;
  /** @default `estimateTokens` */
  countTokens?: TokenCounter | undefined;
};

/** A conversation that outlives a run. */
export interface Session {
  /** Limits of the history that a run gets; `sessionSettings` of the run goes before. @default none */
  readonly sessionSettings?: SessionSettings | undefined;
  /** The history within limits, cut at a safe place, by a session that can do so without reading all of it. */
  getHistory?(settings: SessionSettings, runContext?: SessionRunContext): Promise<AgentInputItem[]>;
  /** The identifier; created where there is none yet. */
  getSessionId(): Promise<string>;
  /** The items, oldest first; with `limit`, the newest `limit` of them, still oldest first. */
  getItems(limit?: number): Promise<AgentInputItem[]>;
  /** Appends items, all or none. */
  addItems(items: AgentInputItem[]): Promise<void>;
  /** Removes and returns the newest item. */
  popItem(): Promise<AgentInputItem | undefined>;
  /** Removes all items. The identifier stays. */
  clearSession(): Promise<void>;
  /** Changes a stored item on its way to the model, without changing what is stored. */
  prepareHistoryItemForModelInput?(item: AgentInputItem): AgentInputItem;
  /** Takes away what a store adds by itself, before stored and expected items are compared. */
  prepareHistoryItemsForPersistenceComparison?(items: AgentInputItem[]): AgentInputItem[];
  /** Whether reasoning items must be saved with their ids. */
  preserveReasoningItemIdsForPersistence?(): boolean;
  /** Replaces the history by a compaction item and what is kept after it. */
  replaceHistoryWithCompaction?(items: AgentInputItem[]): Promise<void>;
  /** Told by a run after each save what it has used so far in all; a later word of the same run replaces it. */
  recordUsage?(args: SessionUsageArgs): Promise<void>;
}

export type SessionUsageArgs = {
  runId: string;
  /** Of the whole run until now, sub-agents included. */
  usage: Usage;
};

/** A session whose methods also get the context of the run, such as to find the tenant. */
export interface RunContextAwareSession<TContext = unknown> extends Session {
  readonly acceptsRunContext: true;
  getItems(limit?: number, runContext?: SessionRunContext<TContext>): Promise<AgentInputItem[]>;
  addItems(items: AgentInputItem[], runContext?: SessionRunContext<TContext>): Promise<void>;
  replaceHistoryWithCompaction?(items: AgentInputItem[], runContext?: SessionRunContext<TContext>): Promise<void>;
  popItem(runContext?: SessionRunContext<TContext>): Promise<AgentInputItem | undefined>;
  clearSession(runContext?: SessionRunContext<TContext>): Promise<void>;
}

/** Puts `replacement` in the place of the first call with `callId`, and drops later calls with it. */
export type SessionHistoryReplaceFunctionCallMutation = {
  type: 'replace_function_call';
  callId: string;
  replacement: FunctionCallItem;
};
export type SessionHistoryMutation = SessionHistoryReplaceFunctionCallMutation;
export type SessionHistoryRewriteArgs = { mutations: SessionHistoryMutation[] };

/** A session that can change stored calls, such as after an approval with edited arguments. */
export interface SessionHistoryRewriteAwareSession extends Session {
  applyHistoryMutations(args: SessionHistoryRewriteArgs): Promise<void> | void;
}

export type SessionHistoryAppendItemsTransaction = { type: 'append_items'; items: AgentInputItem[] };
export type SessionHistoryReplaceSuffixTransaction = {
  type: 'replace_suffix';
  /** What the history must end with; otherwise nothing changes and the call fails. */
  expectedSuffix: AgentInputItem[];
  replacement: AgentInputItem[];
};
export type SessionHistoryTransaction = SessionHistoryAppendItemsTransaction | SessionHistoryReplaceSuffixTransaction;
export type SessionHistoryTransactionArgs = {
  /** Stays the same when the transaction is tried again. Not blank. */
  operationId: string;
  transaction: SessionHistoryTransaction;
};

/**
 * A session with atomic changes that can be repeated safely: the same operation id with the same transaction
 * changes nothing the second time, with another transaction it fails.
 */
export interface SessionHistoryTransactionAwareSession extends Session {
  applyHistoryTransaction(args: SessionHistoryTransactionArgs, runContext?: SessionRunContext): Promise<void> | void;
}

export type OpenAIResponsesCompactionArgs = {
  /** Id of the last response. @default what the session remembers */
  responseId?: string | undefined;
  /** How the service gets the history. @default the session's own mode */
  compactionMode?: 'previous_response_id' | 'input' | 'auto';
  /** Whether the service kept the last response. */
  store?: boolean;
  /** Compact whatever the thresholds say. @default false */
  force?: boolean;
};
export type OpenAIResponsesCompactionResult = { usage: RequestUsage };

/** A session that can shorten its own history; asked after each save. */
export interface OpenAIResponsesCompactionAwareSession extends Session {
  runCompaction(
    args?: OpenAIResponsesCompactionArgs,
    runContext?: SessionRunContext,
  ): Promise<OpenAIResponsesCompactionResult | null> | OpenAIResponsesCompactionResult | null;
}

/** A branch and those that leave it. */
export type SessionBranch = {
  readonly name: string;
  /** How many items of the parent's history it begins with; 0 for `main`. */
  readonly forkAt: number;
  readonly isCurrent: boolean;
  /** When it was made, milliseconds since 1970 by the clock of its maker; 0 for `main`. For people, not for order. */
  readonly createdAt: number;
  readonly children: readonly SessionBranch[];
};

/** A user's message and what followed it. */
export type SessionTurn = {
  /** 1 is the first. */
  readonly turn: number;
  /** Index of the user's message in the branch's history. */
  readonly at: number;
  /** What runs used in it, as far as they recorded it. */
  readonly usage: Usage;
};

export type CreateBranchOptions = {
  /** Begin before this turn, to ask it again; 1 begins empty. */
  turn?: number;
  /** Begin with this many items. @default all */
  at?: number;
  /** The current branch stays the current one. @default false */
  stays?: boolean;
};

/** A session whose history can go on in several ways. The other methods are about the current branch. */
export interface BranchAwareSession extends Session {
  /** Makes a branch of the current one and goes on in it. */
  createBranch(name: string, options?: CreateBranchOptions): Promise<void>;
  /** The same session on this branch for good, whatever is current, with turns of the branch alone. */
  onBranch?(name: string): Session;
  /** The current branch from now on, for all who have the session. */
  switchBranch(name: string): Promise<void>;
  /** Deletes a branch that no other leaves, with its items; not `main`. If it was current, its parent is then. */
  deleteBranch(name: string): Promise<void>;
  /** The tree, from `main`. */
  getBranches(): Promise<SessionBranch>;
  /** The turns of the current branch. */
  getTurns(): Promise<SessionTurn[]>;
}

const has = (session: object | undefined, method: string): boolean =>
  session !== undefined && session !== null && typeof (session as { [name: string]: unknown })[method] === 'function';

export function isRunContextAwareSession(session: Session | undefined): session is RunContextAwareSession {
  return (
    session !== undefined && session !== null && 'acceptsRunContext' in session && session.acceptsRunContext === true
  );
}

export function isSessionHistoryRewriteAwareSession(
  session: Session | undefined,
): session is SessionHistoryRewriteAwareSession {
  return has(session, 'applyHistoryMutations');
}

export function isSessionHistoryTransactionAwareSession(
  session: Session | undefined,
): session is SessionHistoryTransactionAwareSession {
  return has(session, 'applyHistoryTransaction');
}

export function isOpenAIResponsesCompactionAwareSession(
  session: Session | undefined,
): session is OpenAIResponsesCompactionAwareSession {
  return has(session, 'runCompaction');
}

export function isBranchAwareSession(session: Session | undefined): session is BranchAwareSession {
  return has(session, 'createBranch');
}
