/**
 * What a model's reply means: items, calls, an output, a refusal.
 */
import type { AgentInputItem, ModelItem } from '../protocol/items.ts';
import { bound } from './decisions.ts';
import { keep, kept, without } from './edit.ts';
import type { CallPlan, EntryKind, EventOf, HandledKind, ItemEntry, Parsed } from './events.ts';
import { append, collect } from './list.ts';
import { type Call, NO_REPLY, type PlannedCall, type State } from './state.ts';

export function replied(s: State, e: EventOf<'model.replied'>): State {
  const { reply, parsed, prepared } = e;
  const calls = e.calls ? plannedCalls(reply.output, e.calls) : collect(reply.output, plainCall);
  const fresh = prepared?.input && !s.inputSaved ? prepared.input : s.fresh;
  const stage = s.status === 'running' ? 'reply' : s.stage;
  return { ...s, open: without(s.open, e.id), fresh, stage, reply: { k: s.k, reply, calls, parsed } };
}

/** The calls with what was found of them. What does not speak of a call in the output is no plan. */
function plannedCalls(output: readonly ModelItem[], plans: readonly CallPlan[]): PlannedCall[] {
  return collect(plans, (plan) => {
    const made = output[plan.at];
    return made?.type === 'function_call' ? { ...plan, made } : undefined;
  });
}

/** A call of which nothing special was found. */
const plainCall = (made: ModelItem, at: number): PlannedCall | undefined =>
  made.type === 'function_call' ? { at, kind: 'function', made } : undefined;

export function accepted(s: State, e: EventOf<'reply.accepted'>): State {
  const { reply, calls: plans, parsed } = s.reply;
  const output = reply.output;
  const calls = plans.map((plan, i) => newCall(plan, i, e.ignored?.includes(i) ?? false));
  const active = e.ignored ? calls.filter(({ status }) => status !== 'ignored') : calls;
  const meaning = active.length > 0 ? CALLS : outcome(s, { output, parsed, id: `m${e.k}` });
  // A refusal is no turn of the conversation: models that read it go on refusing.
  const shown = meaning.fault?.cause === 'modelRefusal' ? [] : output;
  const added = collect(shown, (item, position): ItemEntry | undefined => {
    const call = item.type === 'function_call' ? calls.find(({ at }) => at === position) : undefined;
    return call?.status === 'ignored' ? undefined : { kind: entryKind(item, call), item, agent: s.agent };
  });
  const { entries, produced, request } = kept(s, added);
  return {
    ...s,
    reply: NO_REPLY,
    replyFrom: s.produced.length,
    turnFrom: s.entries.length,
    calls,
    approvals: bound(s, calls),
    entries,
    produced,
    request,
    responses: append(s.responses, reply),
    lastResponseId: reply.responseId ?? s.lastResponseId,
    sentTo: request.length,
    dropped: active === calls ? NONE : droppedOf(calls),
    admission: s.admission.closed ? s.admission : { ...s.admission, closed: true },
    usedTools: s.usedTools[s.agent] || !added.some(isToolUse) ? s.usedTools : { ...s.usedTools, [s.agent]: true },
    ...meaning,
  };
}

/** Calls of functions and handoffs, and tools that ran at the provider. */
const isToolUse = ({ kind }: ItemEntry): boolean => kind === 'tool_call' || kind === 'handoff_call';

const NONE: State['dropped'] = [];
const droppedOf = (calls: readonly Call[]): State['dropped'] =>
  calls.filter(({ status }) => status === 'ignored').map(({ callId, tool }) => ({ callId, tool }));

const CALLS: Partial<State> = { stage: 'tools' };

type Facts = { output: readonly ModelItem[]; parsed: Parsed | undefined; id: string };

/** What a reply without calls means: an output, a fault, or nothing usable: the model is asked again. */
function outcome(s: State, { output, parsed, id }: Facts): Partial<State> {
  const text = textOf(output);
  const refusal = refusalOf(output);
  const bad = (cause: HandledKind, name: string, message: string): Partial<State> => ({
    stage: 'admit',
    fault: s.fault ?? { cause, error: { name, message }, id },
  });
  if (text === undefined && refusal !== undefined) {
    return bad('modelRefusal', 'ModelRefusalError', `The model declined to answer. It said: ${refusal}`);
  }
  if (text === undefined || (parsed && text === '')) return { stage: 'admit' };
  if (parsed && !parsed.ok) return bad('invalidFinalOutput', 'ModelBehaviorError', parsed.message);
  return {
    stage: 'answer',
    output: { text, source: 'reply' },
    outputChecking: { asked: 0, passed: 0 },
    repairs: 0,
    rejected: undefined,
  };
}

export function rejectedOutput(s: State, e: EventOf<'output.rejected'>): State {
  const item: AgentInputItem = { type: 'message', role: 'user', content: e.message };
  return {
    ...keep(s, { kind: 'input', item, agent: s.agent }),
    fault: undefined,
    rejected: s.fault,
    stage: 'admit',
    repairs: s.repairs + 1,
  };
}

function newCall(plan: PlannedCall, i: number, ignored: boolean): Call {
  const { callId, name } = plan.made;
  return { ...plan, to: plan.to ?? '', i, callId, tool: name, status: ignored ? 'ignored' : 'new', attempt: 0 };
}

function entryKind(item: ModelItem, call: Call | undefined): EntryKind {
  if (call) return call.kind === 'handoff' ? 'handoff_call' : 'tool_call';
  switch (item.type) {
    case undefined:
    case 'message':
      return 'message';
    case 'reasoning':
    case 'compaction':
    case 'tool_search_call':
    case 'tool_search_output':
      return item.type;
    case 'function_call':
    case 'hosted_tool_call':
    case 'computer_call':
    case 'shell_call':
    case 'apply_patch_call':
    case 'program':
      return 'tool_call';
    case 'function_call_result':
    case 'computer_call_result':
    case 'shell_call_output':
    case 'apply_patch_call_output':
    case 'program_output':
      return 'tool_output';
    case 'unknown':
      return 'other';
  }
}

/** The text that a reply ends with: that of its last message; `undefined` where no message has any. */
export function textOf(output: readonly ModelItem[]): string | undefined {
  for (let n = output.length - 1; n >= 0; n--) {
    const item = output[n];
    if (!item || (item.type !== 'message' && item.type !== undefined) || item.role !== 'assistant') continue;
    let text: string | undefined;
    for (const part of item.content) if (part.type === 'output_text') text = (text ?? '') + part.text;
    return text;
  }
  return undefined;
}

function refusalOf(output: readonly ModelItem[]): string | undefined {
  for (const item of output) {
    if ((item.type !== 'message' && item.type !== undefined) || item.role !== 'assistant') continue;
    for (const part of item.content) if (part.type === 'refusal') return part.refusal;
  }
  return undefined;
}
