/**
 * What users see of a run: items, history, results. Made from the state and the live values when it is asked for.
 */
import {
  type AnyAgent,
  type InputGuardrailResult,
  type OutputGuardrailResult,
  RunCompactionItem,
  RunHandoffCallItem,
  RunHandoffOutputItem,
  RunInputItem,
  type RunItem,
  RunMessageOutputItem,
  RunReasoningItem,
  RunToolApprovalItem,
  RunToolCallItem,
  RunToolCallOutputItem,
  RunToolSearchCallItem,
  RunToolSearchOutputItem,
  agentToolSpec,
} from '../agent/index.ts';
import {
  askedCalls,
  type Call,
  inputItems,
  isSameJson,
  type ItemEntry,
  type Reply,
  resultText,
  type State,
  toArray,
} from '../kernel/index.ts';
import type { AgentInputItem, ModelItem } from '../protocol/items.ts';
import type { ModelResponse } from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import type { ToolInputGuardrailResult, ToolOutputGuardrailResult } from '../tools/index.ts';
import { effectIdOf, knownTool } from './calls.ts';
import { newRecord, type RunRecord, stateOf } from './record.ts';

/** The wrapper of an item; the same object each time it is asked for. */
export function itemOf(record: RunRecord, entry: ItemEntry): RunItem {
  const known = record.live.items.get(entry);
  if (known) return known;
  const item = makeItem(record, entry);
  record.live.items.set(entry, item);
  return item;
}

function makeItem(record: RunRecord, entry: ItemEntry): RunItem {
  const { kind } = entry;
  // The kind says which item it is.
  const item = entry.item as never;
  const agent = record.graph.agent(entry.agent);
  switch (kind) {
    case 'message':
      return new RunMessageOutputItem(item, agent);
    case 'reasoning':
      return new RunReasoningItem(item, agent);
    case 'tool_call':
      return new RunToolCallItem(item, agent);
    case 'tool_output':
      return new RunToolCallOutputItem(item, agent, outputOf(record, entry), entry.custom);
    case 'handoff_call':
      return new RunHandoffCallItem(item, agent);
    case 'handoff_output':
      return new RunHandoffOutputItem(item, agent, record.graph.agent(entry.to ?? entry.agent));
    case 'tool_search_call':
      return new RunToolSearchCallItem(item, agent);
    case 'tool_search_output':
      return new RunToolSearchOutputItem(item, agent);
    case 'compaction':
      return new RunCompactionItem(item, agent);
    case 'input':
    case 'other':
      return new RunInputItem(item, agent);
  }
}

/** What a tool returned: the value itself while it lives, else what the model was told. */
function outputOf({ live }: RunRecord, { id, item }: ItemEntry): unknown {
  // What an output guardrail withheld is withheld here too: what stands in its place is a bare text.
  const isWithheld = item.type === 'function_call_result' && typeof item.output === 'string';
  if (id === undefined || isWithheld || !live.values.has(id)) return resultText(item);
  const value = live.values.get(id);
  // What was thrown is no output.
  return value instanceof Error ? resultText(item) : value;
}

/** The entry of an item that a filter made. */
export function entryOf(record: RunRecord, item: RunItem): ItemEntry {
  const key = (agent: AnyAgent): string => record.graph.keyOf(agent);
  if (item instanceof RunHandoffOutputItem) {
    return { kind: 'handoff_output', item: item.rawItem, agent: key(item.sourceAgent), to: key(item.targetAgent) };
  }
  const kind = KIND_OF[item.type] ?? 'other';
  return { kind, item: item.rawItem, agent: key(item.agent) };
}

const KIND_OF: { [type: string]: ItemEntry['kind'] } = {
  message_output_item: 'message',
  reasoning_item: 'reasoning',
  tool_call_item: 'tool_call',
  tool_call_output_item: 'tool_output',
  handoff_call_item: 'handoff_call',
  tool_search_call_item: 'tool_search_call',
  tool_search_output_item: 'tool_search_output',
  compaction_item: 'compaction',
  input_item: 'input',
};

/** Everything that the run produced; while it waits, also the questions, each where its result will be. */
export function newItems(record: RunRecord, state: State): RunItem[] {
  const entries = toArray(state.entries);
  const asked = state.status === 'paused' ? askedCalls(state) : [];
  if (asked.length === 0) return entries.map((entry) => itemOf(record, entry));
  const items: RunItem[] = [];
  for (let n = 0; n <= entries.length; n++) {
    for (const call of asked) if (call.askedAt === n) items.push(...approvalsOf(record, state, call));
    const entry = entries[n];
    if (entry) items.push(itemOf(record, entry));
  }
  return items;
}

/** Calls that a person must decide on; a sub-agent's too. */
export function interruptions(record: RunRecord, state: State): RunToolApprovalItem[] {
  if (state.status !== 'paused') return [];
  return askedCalls(state).flatMap((call) => approvalsOf(record, state, call));
}

function approvalsOf(record: RunRecord, state: State, call: Call): RunToolApprovalItem[] {
  if (!call.asks) return [approvalItem(record, state, call)];
  const child = childOf(record, state, call);
  return child ? interruptions(child, child.state) : [];
}

const approvals = new WeakMap<ModelItem, RunToolApprovalItem>();

function approvalItem(record: RunRecord, state: State, call: Call): RunToolApprovalItem {
  const item = call.made;
  const known = approvals.get(item);
  const uncertain = call.status === 'unsure' ? call.attempt : undefined;
  if (known?.runId === record.journal.runId && known.uncertain === uncertain) return known;
  // A copy: what is changed in it would else be changed in the history.
  const made = new RunToolApprovalItem({ ...item }, record.graph.agent(state.agent), item.name, {
    runId: record.journal.runId,
    ...(uncertain !== undefined && { uncertain }),
  });
  approvals.set(item, made);
  questions.set(made, item.arguments);
  return made;
}

/** The arguments of questions, as the model wrote them. */
const questions = new WeakMap<RunToolApprovalItem, string>();

/** Whether `seen`, JSON, is what a question asks for. What is not known is. */
export function isOfItem(item: RunToolApprovalItem, seen: string | undefined): boolean {
  const asked = questions.get(item);
  return asked === undefined || seen === undefined || isSameJson(asked, seen);
}

/** The record of a waiting sub-agent; made from its log where the process did not run it. */
export function childOf(record: RunRecord, state: State, call: Call): RunRecord | undefined {
  const runId = `${record.journal.runId}/${effectIdOf(state, call)}`;
  const known = record.children?.get(runId);
  if (known) return known;
  const journal = record.journal.children.get(runId);
  const tool = knownTool(record, state, call);
  const spec = tool && agentToolSpec(tool);
  if (!journal || !spec) return undefined;
  const child = newRecord({
    journal,
    root: spec.agent,
    context: record.context,
    state: stateOf(journal),
  });
  (record.children ??= new Map()).set(runId, child);
  return child;
}

/** What the run produced, as items of a conversation. */
export const output = (state: State): ModelItem[] =>
  produced(
    toArray(state.entries).filter(({ kind }) => kind !== 'input'),
    state,
  );

/** Items of a conversation. Calls without a result are left out. */
function produced(entries: readonly ItemEntry[], state: State): ModelItem[] {
  const open = openCalls(state);
  const items = entries.map(({ item }) => item);
  const answered = open.size > 0 ? items.filter((item) => !open.has(item)) : items;
  return state.omitsReasoningIds ? answered.map(withoutReasoningId) : answered;
}

export function withoutReasoningId(item: ModelItem): ModelItem {
  if (item.type !== 'reasoning' || item.id === undefined) return item;
  const { id: _, ...rest } = item;
  return rest;
}

/** Input and all that came of it: the input of a next run. */
export const history = (state: State): AgentInputItem[] => [
  ...inputItems(state.input),
  ...produced(toArray(state.entries), state),
];

function openCalls(state: State): Set<ModelItem> {
  const open = new Set<ModelItem>();
  for (const call of state.calls) if (!call.kept && call.status !== 'ignored') open.add(call.made);
  return open;
}

/** A model's response: the object itself while it lives, else what the log kept of it. */
export function responseOf(record: RunRecord, k: number, reply: Reply | undefined): ModelResponse | undefined {
  const live = record.live.values.get(`m${k}`);
  if (live !== undefined) return live as ModelResponse;
  return reply && responseFrom(reply);
}

export function responseFrom(reply: Reply): ModelResponse {
  const { output, usage, responseId, requestId, rawUsage, providerData } = reply;
  return {
    usage: new Usage({ requests: 1, ...usage }),
    output,
    ...(responseId !== undefined && { responseId }),
    ...(requestId !== undefined && { requestId }),
    ...(providerData && { providerData }),
    ...(rawUsage && { rawUsage }),
  };
}

/** The value of the final output; `undefined` while there is none. */
export function finalOutputOf(record: RunRecord, state: State): unknown {
  const { output, k } = state;
  if (!output) return undefined;
  if (output.withheld) return output.text;
  const { values } = record.live;
  const id = output.source === 'reply' ? `m${k}/output` : `m${k}/choose`;
  if (output.source !== 'handler' && values.has(id)) return values.get(id);
  return record.graph.agent(state.agent).processFinalOutput(output.text);
}

export function inputGuardrailResults(state: State): InputGuardrailResult[] {
  return toArray(state.checks).flatMap(({ point, name, verdict, info }) =>
    point === 'input' && verdict !== 'errored'
      ? [{ guardrail: { type: 'input', name }, output: { tripwireTriggered: verdict === 'tripped', outputInfo: info } }]
      : [],
  );
}

export function outputGuardrailResults(record: RunRecord, state: State): OutputGuardrailResult[] {
  const checks = toArray(state.checks).filter(({ point, verdict }) => point === 'output' && verdict !== 'errored');
  if (checks.length === 0) return [];
  const agentOutput = finalOutputOf(record, state);
  return checks
    .sort((a, b) => a.index - b.index)
    .map(({ name, verdict, info, agent }) => ({
      guardrail: { type: 'output', name },
      agent: record.graph.agent(agent),
      agentOutput,
      output: { tripwireTriggered: verdict === 'tripped', outputInfo: info },
    }));
}

export function toolGuardrailResults<P extends 'tool_input' | 'tool_output'>(
  state: State,
  point: P,
): (P extends 'tool_input' ? ToolInputGuardrailResult : ToolOutputGuardrailResult)[] {
  const results = toArray(state.toolChecks).filter((check) => check.point === point);
  // The output was recorded as the guardrail gave it.
  return results.map(({ name, output }) => ({ guardrail: { type: point, name }, output })) as never;
}
