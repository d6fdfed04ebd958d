/**
 * Calls and their results: every call has an id of its own and exactly one result, every result a call.
 *
 * C1: a result belongs to the oldest open call of its kind and id. C2: a call without a result is answered "not
 * executed", a result without a call is dropped (unless the server knows the call).
 */
import type { AgentInputItem, FunctionCallItem, FunctionCallResultItem } from '../../protocol/items.ts';
import { CallIds, toolNameFor } from './names.ts';
import type { Context, Entry } from './target.ts';

type CallType = 'function_call' | 'computer_call' | 'shell_call' | 'apply_patch_call' | 'program';
type Call = Extract<AgentInputItem, { type: CallType }>;
export type Result = Extract<
  AgentInputItem,
  { type: 'function_call_result' | 'computer_call_result' | 'shell_call_output' | `${string}_output`; callId: string }
>;

const RESULT_OF: Record<CallType, Result['type']> = {
  function_call: 'function_call_result',
  computer_call: 'computer_call_result',
  shell_call: 'shell_call_output',
  apply_patch_call: 'apply_patch_call_output',
  program: 'program_output',
};
const RESULTS: ReadonlySet<string> = /* @__PURE__ */ new Set(/* @__PURE__ */ Object.values(RESULT_OF));

export const isCall = (item: AgentInputItem): item is Call => item.type !== undefined && item.type in RESULT_OF;
export const isResult = (item: AgentInputItem): item is Result => item.type !== undefined && RESULTS.has(item.type);

/** What a call that nothing is known of is answered with. */
export const NOT_EXECUTED = 'Not executed: there is no result of this call.';

/** A call and what answered it, by their places among the entries. */
export type Pair = { callAt: number; resultAt?: number };
export type Pairs = { byCall: Map<number, Pair>; byResult: Map<number, Pair> };

/** Finds the result of each call (C1). A result that stands before its call counts where no later one does. */
export function pair(entries: readonly Entry[]): Pairs {
  const byCall = new Map<number, Pair>();
  const byResult = new Map<number, Pair>();
  const open = new Map<string, Pair[]>();
  const early = new Map<string, number[]>();
  entries.forEach(({ item }, at) => {
    if (isCall(item)) {
      const found: Pair = { callAt: at };
      byCall.set(at, found);
      push(open, keyOf(RESULT_OF[item.type], item), found);
    } else if (isResult(item)) {
      const key = keyOf(item.type, item);
      const found = open.get(key)?.shift();
      if (found) {
        found.resultAt = at;
        byResult.set(at, found);
      } else push(early, key, at);
    }
  });
  for (const [key, waiting] of open) {
    for (const found of waiting) {
      const at = early.get(key)?.find((place) => place < found.callAt && !byResult.has(place));
      if (at === undefined) continue;
      found.resultAt = at;
      byResult.set(at, found);
    }
  }
  return { byCall, byResult };
}

/** Calls that nobody named are told apart by their tool. */
function keyOf(type: string, item: Call | Result): string {
  const { callId } = item;
  return typeof callId === 'string' && callId !== ''
    ? `${type} ${callId}`
    : `${type}  ${'name' in item ? item.name : ''}`;
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Gives calls and results the ids and names that the target takes, in place of those that it does not. */
export function rename(entries: readonly Entry[], pairs: Pairs, context: Context): Entry[] {
  const { can } = context;
  const given = entries.flatMap(({ item }) => (isCall(item) ? [item.callId ?? ''] : []));
  const ids = new CallIds({ max: can.callIdMax, exact: can.callIdExact }, given);
  const renamed = [...entries];
  for (const [at, entry] of entries.entries()) {
    if (!isCall(entry.item)) continue;
    const { item, index } = entry;
    const callId = ids.assign(item.callId ?? '');
    const call = callId === item.callId ? item : { ...item, callId };
    if (call !== item) context.warn('call_id_changed', index, `The call id "${item.callId}" is sent as "${callId}".`);
    const name = 'name' in call ? nameFor(call.name, context) : undefined;
    renamed[at] = { item: call.type === 'function_call' ? fitCall(call, { context, index }) : call, index };
    const resultAt = pairs.byCall.get(at)?.resultAt;
    const result = resultAt === undefined ? undefined : entries[resultAt];
    if (resultAt === undefined || !result || !isResult(result.item)) continue;
    renamed[resultAt] = { item: fitResult(result.item, callId, name), index: result.index };
  }
  return renamed;
}

function nameFor(name: string, { can, target }: Context): string {
  return toolNameFor(name, { max: can.toolNameMax, letterFirst: target.wire === 'gemini' });
}

function fitCall(call: FunctionCallItem, { context, index }: { context: Context; index: number }): FunctionCallItem {
  const name = nameFor(call.name, context);
  if (name !== call.name) {
    context.warn('tool_name_changed', index, `The tool name "${call.name}" is sent as "${name}".`);
  }
  const args = fitArguments(call.arguments, { context, index });
  return name === call.name && args === call.arguments ? call : { ...call, name, arguments: args };
}

/** Where arguments travel as an object, they must be one. */
function fitArguments(text: string, { context, index }: { context: Context; index: number }): string {
  const { wire } = context.target;
  if (typeof text !== 'string') return JSON.stringify(text ?? {});
  if (wire === 'openai-responses' || wire === 'openai-chat') return text;
  if (text.trim() === '') return '{}';
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text;
  } catch {
    // Not JSON: the model reads what it wrote, under a name that says so.
  }
  context.warn('arguments_wrapped', index, 'The arguments of a call are no JSON object and are sent inside of one.');
  return JSON.stringify({ invalid_arguments: text });
}

function fitResult(result: Result, callId: string, name: string | undefined): Result {
  const renamed = result.callId === callId ? result : { ...result, callId };
  if (renamed.type !== 'function_call_result' || name === undefined || renamed.name === name) return renamed;
  return { ...renamed, name };
}

/** The answer to a call that has none (C2). `undefined` where nothing can be made up. */
export function madeUpResult(call: Call): Result | undefined {
  const { callId } = call;
  switch (call.type) {
    case 'function_call': {
      const { name, namespace } = call;
      const result: FunctionCallResultItem = {
        type: 'function_call_result',
        name,
        callId,
        status: 'incomplete',
        output: NOT_EXECUTED,
      };
      return namespace === undefined ? result : { ...result, namespace };
    }
    case 'shell_call':
      return {
        type: 'shell_call_output',
        callId,
        output: [{ stdout: '', stderr: NOT_EXECUTED, outcome: { type: 'exit', exitCode: 1 } }],
      };
    case 'apply_patch_call':
      return { type: 'apply_patch_call_output', callId, status: 'failed', output: NOT_EXECUTED };
    case 'computer_call':
    case 'program':
      return undefined;
  }
}
