/**
 * Tells listeners and streams what was committed. Called once an event, after its commit, never on replay.
 */
import {
  RunAgentUpdatedStreamEvent,
  type RunItem,
  RunItemStreamEvent,
  type RunItemStreamEventName,
  RunRawModelStreamEvent,
  type RunToolApprovalItem,
} from '../agent/index.ts';
import {
  at,
  type Call,
  callIndex,
  type Effect,
  type EventOf,
  type ItemEntry,
  type RunEvent,
  resultText,
  type State,
  toArray,
} from '../kernel/index.ts';
import type { StreamReset } from '../model/index.ts';
import type { StreamEventResponseCompleted, UsageData } from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import { toSmartString } from '../tools/index.ts';
import { effectIdOf, knownTool } from './calls.ts';
import { rebuildError, toolCallError } from './errors.ts';
import type { LiveRun } from './live-run.ts';
import { inputOf } from './request.ts';
import { usageOfEvent } from './usage.ts';
import { interruptions, itemOf, responseOf } from './view.ts';

export function announce(run: LiveRun, event: RunEvent, state: State): void {
  const usage = usageOf(run, event);
  if (usage) run.context.usage.add(usage);
  switch (event.type) {
    case 'effect.requested':
      if (event.effect.do === 'call_model') modelIsAsked(run, state, event.effect);
      return;
    case 'model.replied':
      if (run.sink) run.sink(new RunRawModelStreamEvent(responseDone(run, state, event)));
      return;
    case 'reply.accepted':
      if (run.sink) emitItems(run, acceptedEntries(state));
      return;
    case 'tool.returned':
    case 'tool.failed':
      return toolEnds(run, event, state);
    case 'batch.closed':
      if (run.sink) batchCloses(run, state);
      return;
    case 'agent.changed':
      return handsOver(run, state, event);
    case 'handoff.returned':
      return emitHandoff(run, state);
    case 'handoff.refused':
      if (run.sink) emitItems(run, toArray(state.entries, state.entries.length - 1));
      return;
    case 'run.finished':
      return ends(run, state);
    default:
      return;
  }
}

function modelIsAsked(run: LiveRun, state: State, { starts, attempt }: Extract<Effect, { do: 'call_model' }>): void {
  if (attempt !== undefined) run.sink?.(resetOf(attempt));
  else if (starts && !run.isStopped) agentStarts(run, state);
}

/** The process that made the attempt before has gone, with the half of an answer that it had shown. */
function resetOf(attempt: number): RunRawModelStreamEvent {
  const event: StreamReset = { type: 'stream.reset', from: `attempt ${attempt - 1}`, to: `attempt ${attempt}` };
  return new RunRawModelStreamEvent({ type: 'model', event });
}

/** The tokens that an event tells of; of a live response with all details, also those that are 0. */
function usageOf(run: LiveRun, event: RunEvent): Usage | undefined {
  const data = usageOfEvent(event);
  if (!data) return undefined;
  const live = event.type === 'model.replied' ? run.record.live.values.get(event.id) : undefined;
  const usage = new Usage({ requests: 1, ...data });
  if (!isResponse(live)) return usage;
  usage.inputTokensDetails = live.usage.inputTokensDetails;
  usage.outputTokensDetails = live.usage.outputTokensDetails;
  return usage;
}

const isResponse = (value: unknown): value is { usage: Usage } =>
  typeof value === 'object' && value !== null && 'usage' in value && value.usage instanceof Usage;

/** The items of a reply. Those of a refusal are shown, though no history keeps them. */
function acceptedEntries(state: State): ItemEntry[] {
  if (state.fault?.cause !== 'modelRefusal') return toArray(state.entries, state.turnFrom);
  const reply = at(state.responses, state.responses.length - 1);
  const { agent } = state;
  return (reply?.output ?? []).flatMap((item) =>
    item.type === 'message' ? [{ kind: 'message' as const, item, agent }] : [],
  );
}

function agentStarts(run: LiveRun, state: State): void {
  const agent = run.agent(state.agent);
  const input = inputOf(state);
  agent.emit('agent_start', run.context, agent, input);
  run.runner.emit('agent_start', run.context, agent, input);
}

function ends(run: LiveRun, state: State): void {
  const agent = run.agent(state.agent);
  const output = outputForListeners(run, state);
  run.runner.emit('agent_end', run.context, agent, output);
  agent.emit('agent_end', run.context, output);
  // The output of an error handler is announced last: it exists because the run ended.
  if (run.sink && state.output?.source === 'handler') {
    const entry = at(state.entries, state.entries.length - 1);
    if (entry?.kind === 'message') emitItems(run, [entry]);
  }
}

/** Text, but for a value that `toolUseBehavior` gave as it is. */
function outputForListeners(run: LiveRun, state: State): string {
  const { output } = state;
  if (output?.source !== 'tool' || output.call !== undefined) return output?.text ?? '';
  const value = run.record.live.values.get(`m${state.k}/choose`);
  return (value as string | undefined) ?? output.text;
}

function toolEnds(run: LiveRun, event: EventOf<'tool.returned'> | EventOf<'tool.failed'>, state: State): void {
  const call = state.calls[callIndex(event.id)];
  if (!call || call.kind === 'handoff' || call.kind === 'unknown' || call.malformed) return;
  if (event.type === 'tool.returned' && (event.outcome === 'rejected' || isLeftover(call, event))) return;
  const tool = knownTool(run.record, state, call);
  if (!tool) return;
  const agent = run.agent(state.agent);
  const toolCall = call.made;
  const text = event.type === 'tool.returned' ? endText(run, event.id, call) : failureText(event);
  try {
    run.runner.emit('agent_tool_end', run.context, agent, tool, text, { toolCall });
    agent.emit('agent_tool_end', run.context, tool, text, { toolCall });
  } catch (thrown) {
    throw toolCallError(thrown);
  }
}

/** A result that a stopping run gave to a call that never began, or that failed before. */
const isLeftover = (call: Call, { status }: EventOf<'tool.returned'>): boolean =>
  status === 'incomplete' && (call.attempt === 0 || call.outcome === 'error');

function endText(run: LiveRun, id: string, { item }: Call): string {
  const { values } = run.record.live;
  if (!values.has(id)) return item ? resultText(item) : '';
  const value = values.get(id);
  return value instanceof Error ? `${value.name}: ${value.message}` : toSmartString(value);
}

function failureText({ error }: EventOf<'tool.failed'>): string {
  const cause = rebuildError(error);
  const inner = 'error' in cause && cause.error instanceof Error ? cause.error : cause;
  return `${inner.name}: ${inner.message}`;
}

function handsOver(run: LiveRun, state: State, { from, to }: EventOf<'agent.changed'>): void {
  const source = run.agent(from);
  const target = run.agent(to);
  run.runner.emit('agent_handoff', run.context, source, target);
  source.emit('agent_handoff', run.context, target);
  emitHandoff(run, state);
}

function emitHandoff(run: LiveRun, state: State): void {
  if (!run.sink) return;
  const entry = at(state.produced, state.produced.length - 1);
  if (entry) run.sink(new RunItemStreamEvent('handoff_occurred', itemOf(run.record, entry)));
  run.sink(new RunAgentUpdatedStreamEvent(run.agent(state.agent)));
}

/** Results that came in this round, and the questions that were asked, in the model's order. */
function batchCloses(run: LiveRun, state: State): void {
  const { record } = run;
  const entries = new Map<string, ItemEntry>();
  for (const entry of toArray(state.entries, state.turnFrom)) {
    if (entry.kind === 'tool_output' && entry.id !== undefined) entries.set(entry.id, entry);
  }
  const asked = interruptions(record, { ...state, status: 'paused' });
  for (const call of state.calls) {
    const id = effectIdOf(state, call);
    const entry = entries.get(id);
    if (entry && !run.shown.has(id)) {
      run.shown.add(id);
      emit(run, 'tool_output', itemOf(record, entry));
    }
    if (call.askedAt === undefined || call.status === 'done') continue;
    for (const item of asked)
      if (belongs(item, call, { own: record.journal.runId, id }) && !run.shown.has(keyOf(item))) {
        run.shown.add(keyOf(item));
        emit(run, 'tool_approval_requested', item);
      }
  }
}

/** What an earlier segment showed is not shown again. */
export function markShown(run: LiveRun): void {
  const { state } = run.record;
  for (const call of state.calls) if (call.kept) run.shown.add(effectIdOf(state, call));
  for (const item of interruptions(run.record, state)) run.shown.add(keyOf(item));
}

const keyOf = (item: RunToolApprovalItem): string => `ask ${item.runId} ${item.callId}`;

function belongs(
  { runId, callId }: RunToolApprovalItem,
  call: Call,
  { own, id }: { own: string; id: string },
): boolean {
  if (!call.asks) return runId === own && callId === call.callId;
  return runId !== undefined && runId.startsWith(`${own}/${id}`);
}

const NAME_OF: { readonly [kind in ItemEntry['kind']]?: RunItemStreamEventName } = {
  message: 'message_output_created',
  reasoning: 'reasoning_item_created',
  tool_call: 'tool_called',
  tool_output: 'tool_output',
  handoff_call: 'handoff_requested',
  handoff_output: 'handoff_occurred',
  tool_search_call: 'tool_search_called',
  tool_search_output: 'tool_search_output_created',
  compaction: 'compaction_item_created',
};

function emitItems(run: LiveRun, entries: readonly ItemEntry[]): void {
  for (const entry of entries) {
    const name = NAME_OF[entry.kind];
    if (name) emit(run, name, itemOf(run.record, entry));
  }
}

function emit(run: LiveRun, name: RunItemStreamEventName, item: RunItem): void {
  run.sink?.(new RunItemStreamEvent(name, item));
}

/** Made from what was committed: a listener never sees a reply that a crash forgets. */
function responseDone(
  run: LiveRun,
  state: State,
  { reply, attempts }: EventOf<'model.replied'>,
): StreamEventResponseCompleted {
  const live = responseOf(run.record, state.k, reply);
  return {
    type: 'response_done',
    response: {
      id: reply.responseId ?? '',
      ...(reply.requestId !== undefined && { requestId: reply.requestId }),
      usage: attempts?.some(({ error }) => error) ? allUsage(reply.usage) : fullUsage(reply.usage),
      output: reply.output,
      ...(live?.providerData && { providerData: live.providerData }),
      ...(reply.rawUsage && { rawUsage: reply.rawUsage }),
    },
  };
}

/** A sum over attempts has all members, as a `Usage` has. */
const allUsage = (usage: UsageData): UsageData => Object.assign({}, new Usage({ requests: 1, ...usage }));

const fullUsage = (usage: UsageData): UsageData => ({ requests: 1, ...usage });
