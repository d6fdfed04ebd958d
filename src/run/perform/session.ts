/**
 * Loads a conversation from a session, saves what is new to it, and lets it compact itself.
 */
import { type Effect, inputItems, type RunEvent, type State, toArray } from '../../kernel/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { type RequestUsage, Usage } from '../../protocol/usage.ts';
import {
  isBranchAwareSession,
  isOpenAIResponsesCompactionAwareSession,
  isRunContextAwareSession,
  isSessionHistoryTransactionAwareSession,
  isStoreSharingSession,
  readHistory,
  resolveSessionSettings,
  type Session,
} from '../../session/index.ts';
import type { StoreWrite } from '../../store/write.ts';
import type { LiveRun } from '../live-run.ts';
import { usageData, usageOfJournal } from '../usage.ts';
import { withoutReasoningId } from '../view.ts';

type Loading = Extract<Effect, { do: 'load_session' }>;
type Saving = Extract<Effect, { do: 'save_session' }>;
type Compacting = Extract<Effect, { do: 'compact_session' }>;

export async function loadSession(run: LiveRun, effect: Loading, state: State): Promise<RunEvent> {
  const session = sessionOf(run);
  const own = inputItems(state.input);
  const limits = resolveSessionSettings(session.sessionSettings, run.settings.sessionSettings);
  const stored = await readHistory(session, limits, run.context);
  const history = withoutOrphans(sinceCompaction(stored)).map(
    (item) => session.prepareHistoryItemForModelInput?.(item) ?? item,
  );
  const isWhole = limits?.limit === undefined && limits?.maxTokens === undefined;
  // So that a copy of the run finds its place in the session again.
  const place = isWhole && isBranchAwareSession(session) ? { stored: stored.length } : {};
  const callback = run.settings.sessionInputCallback;
  if (!callback) {
    const items = [...history, ...own];
    return { type: 'session.loaded', id: effect.id, items, fresh: own.map((_, n) => history.length + n), ...place };
  }
  const items = await callback(history.slice(), own.slice());
  if (!Array.isArray(items)) {
    const returned: unknown = items;
    throw new UserError(
      `sessionInputCallback returned ${typeof returned}. Return the list of items that the model shall see.`,
    );
  }
  return { type: 'session.loaded', id: effect.id, items, fresh: freshOf(items, history), ...place };
}

/**
 * Which of the callback's items are new. An item is old when it is one of the history's, by identity, else by content,
 * each counted as often as the history has it; whatever is left is new, also what the callback invented.
 */
function freshOf(items: readonly AgentInputItem[], history: readonly AgentInputItem[]): number[] {
  const objects = new Set(history);
  const contents = new Map<string, number>();
  for (const item of history) {
    const text = JSON.stringify(item);
    contents.set(text, (contents.get(text) ?? 0) + 1);
  }
  return items.flatMap((item, n) => {
    if (objects.has(item)) return [];
    const text = JSON.stringify(item);
    const left = contents.get(text) ?? 0;
    if (left > 0) contents.set(text, left - 1);
    return left > 0 ? [] : [n];
  });
}

function sinceCompaction(items: AgentInputItem[]): AgentInputItem[] {
  const last = items.findLastIndex(({ type }) => type === 'compaction');
  return last > 0 ? items.slice(last) : items;
}

/** Calls that nobody answered are left out, with the thoughts that led to nothing else: no vendor takes them. */
function withoutOrphans(items: AgentInputItem[]): AgentInputItem[] {
  const answered = new Set<string>();
  for (const item of items) if (item.type === 'function_call_result') answered.add(item.callId);
  const isOrphan = (item: AgentInputItem): boolean => item.type === 'function_call' && !answered.has(item.callId);
  if (!items.some(isOrphan)) return items;
  const kept: AgentInputItem[] = [];
  let leadsOn = true;
  for (const item of items.toReversed()) {
    if (isOrphan(item)) {
      // What was thought before several calls stays with one that was answered.
      leadsOn = kept.at(-1)?.type === 'function_call';
    } else if (item.type !== 'reasoning') {
      kept.push(item);
      leadsOn = true;
    } else if (leadsOn) kept.push(item);
  }
  return kept.toReversed();
}

export async function saveSession(run: LiveRun, effect: Saving, state: State): Promise<RunEvent> {
  const session = sessionOf(run);
  const made = toArray(state.produced, state.savedTo, effect.to).map(({ item }) => item);
  const items = (state.inputSaved ? made : [...state.fresh, ...made]).map((item) =>
    persistent(state.omitsReasoningIds ? withoutReasoningId(item) : item),
  );
  const { journal } = run.record;
  const saved: RunEvent = { type: 'session.saved', id: effect.id, to: effect.to };
  if (items.length > 0) {
    const operationId = `${journal.runId}/${effect.id}`;
    const write = sharedWrite(run, session, { items, operationId });
    // Where the log is in the same database, neither is there without the other.
    if (write) run.turn?.along(saved, write);
    else if (isSessionHistoryTransactionAwareSession(session)) {
      // Applying an operation twice does nothing, so a repeat after a crash adds nothing twice.
      await session.applyHistoryTransaction({ operationId, transaction: { type: 'append_items', items } }, run.context);
    } else if (effect.attempt === undefined || !(await isSaved(run, session, items))) {
      if (isRunContextAwareSession(session)) await session.addItems(items, run.context);
      else await session.addItems(items);
    }
  }
  await session.recordUsage?.({ runId: journal.runId, usage: usageOfJournal(journal) });
  return saved;
}

/** The append for the log to commit, where it is in the session's database. */
function sharedWrite(
  run: LiveRun,
  session: Session,
  { items, operationId }: { items: AgentInputItem[]; operationId: string },
): StoreWrite | undefined {
  const store = run.surroundings.durable?.store;
  if (store === undefined || !isStoreSharingSession(session)) return undefined;
  const write = session.appendWrite(items, { operationId });
  return write?.store === store ? write : undefined;
}

/** Before an uncertain save is repeated: is what it would add already there? */
async function isSaved(run: LiveRun, session: Session, items: readonly AgentInputItem[]): Promise<boolean> {
  const { length } = items;
  const newest = await (isRunContextAwareSession(session)
    ? session.getItems(length, run.context)
    : session.getItems(length));
  return JSON.stringify(newest) === JSON.stringify(items);
}

/** An item as a session keeps it: the id that a provider gave to a call means nothing in a later request. */
function persistent(item: AgentInputItem): AgentInputItem {
  if ((item.type !== 'function_call' && item.type !== 'function_call_result') || item.id === undefined) return item;
  const { id: _, ...rest } = item;
  return rest;
}

export async function compactSession(run: LiveRun, effect: Compacting, state: State): Promise<RunEvent> {
  const session = sessionOf(run);
  if (!isOpenAIResponsesCompactionAwareSession(session)) return { type: 'session.compacted', id: effect.id };
  const { lastResponseId } = state;
  const { store } = run.agent(state.agent).modelSettings;
  const result = await session.runCompaction(
    { ...(lastResponseId !== undefined && { responseId: lastResponseId }), ...(store !== undefined && { store }) },
    run.context,
  );
  const usage = result && usageData(usageOfRequest(result.usage));
  return { type: 'session.compacted', id: effect.id, ...(usage && { usage }) };
}

function sessionOf(run: LiveRun): Session {
  const { session } = run.settings;
  if (session) return session;
  throw new UserError('The run was started with a session. Pass the session again when it is resumed.');
}

function usageOfRequest(used: RequestUsage): Usage {
  const { inputTokens, outputTokens, totalTokens, inputTokensDetails, outputTokensDetails } = used;
  return new Usage({ requests: 1, inputTokens, outputTokens, totalTokens, inputTokensDetails, outputTokensDetails });
}
