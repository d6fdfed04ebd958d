/**
 * What becomes of the calls of a reply: decisions, results, handoffs.
 */
import { callIndex, type History, kept, marked, recordToolChecks, unshared } from './edit.ts';
import type { ModelItem } from '../protocol/items.ts';
import type { EventOf, ItemEntry } from './events.ts';
import { listOf, toArray } from './list.ts';
import { askedCalls, isInDoubt } from './decisions.ts';
import { type Call, inputItems, isNewHandoff, type State } from './state.ts';

export function decided(e: EventOf<'call.decided'>): Partial<Call> {
  if (e.verdict === 'run') return { status: 'ready' };
  if (e.verdict === 'ask') return { status: 'waiting' };
  return { status: 'refused', ...(e.message !== undefined && { message: e.message }) };
}

/** Results enter the history in the model's order, whatever the order in which they came. */
export function closedBatch(s: State, e: EventOf<'batch.closed'>): State {
  const asked = e.pausing ? askedCalls(s) : NONE;
  // Results wait for those in doubt: they enter the history together, in the model's order.
  const holds = e.pausing === true && isInDoubt(s);
  let history: History = s;
  const calls = s.calls.map((call): Call => {
    if (call.askedAt === undefined && asked.includes(call)) return { ...call, askedAt: history.entries.length };
    if (call.status !== 'done' || call.kept || !call.item || holds) return call;
    const { item, custom, i } = call;
    const id = `m${e.k}/c${i}`;
    history = kept(history, [
      { kind: 'tool_output', item, agent: s.agent, id, ...(custom !== undefined && { custom }) },
    ]);
    return { ...call, kept: true };
  });
  const { entries, produced, request } = history;
  const stage = e.pausing ? 'pausing' : calls.some(isNewHandoff) ? 'handoff' : 'admit';
  return { ...s, entries, produced, request, calls, stage };
}

const NONE: readonly Call[] = [];

type HandedOff = Pick<EventOf<'handoff.returned'>, 'id' | 'to' | 'item' | 'input' | 'edit' | 'checks'>;

export function handedOff(s: State, { id, to, item, input, edit, checks }: HandedOff): State {
  const next: State = {
    ...s,
    ...kept(s, [{ kind: 'handoff_output', item, agent: s.agent, to, id }]),
    calls: marked(s.calls, callIndex(id), { status: 'done', item, outcome: 'ok', kept: true }),
    agent: to,
    agentStarted: false,
    stage: 'admit',
    toolChecks: recordToolChecks(s, checks),
  };
  return edit || input !== undefined ? edited(next, input ?? next.input, edit) : next;
}

/** A filter rewrote what the next agent sees. What the run produced stays as it is. */
function edited(s: State, input: State['input'], edit: HandedOff['edit']): State {
  const entries: ItemEntry[] = edit
    ? edit.flatMap((part) => ('kind' in part ? [part] : toArray(s.entries, part[0], part[1])))
    : toArray(s.entries);
  const request = [...inputItems(input), ...entries.map(({ item }) => item)];
  return { ...s, input, entries: listOf(entries), produced: unshared(s), request: listOf(request), sentTo: 0 };
}

/** The item of a tool's result: what the event says, on the call that it answers. */
export function resultItem(s: State, { id, text = '', output, status }: EventOf<'tool.returned'>): ModelItem {
  const call = s.calls[callIndex(id)];
  const { namespace, caller } = call?.made ?? {};
  return {
    type: 'function_call_result',
    name: call?.tool ?? '',
    ...(namespace !== undefined && { namespace }),
    callId: call?.callId ?? '',
    status: status ?? 'completed',
    output: output ?? { type: 'text', text },
    ...(caller && { caller }),
  };
}
