/** What holds for each log of a run, whatever happened in it. Gives what is broken, in words. */
import {
  apply,
  callIndex,
  type Committed,
  type Effect,
  initialState,
  isOver,
  type State,
  toArray,
} from '../../src/kernel/index.ts';

export function brokenLaws(log: readonly Committed[], cap: number | null = null): string[] {
  const problems: string[] = [];
  const asked = new Map<string, number>();
  const answered = new Map<string, number>();
  let slots = 0;
  const busy = new Map<string, Effect>();
  let state = initialState();
  for (const event of log) {
    const before = state;
    state = apply(state, event);
    if (event.type === 'batch.closed') problems.push(...disorder(before, state));
    if (event.type === 'run.recovered') busy.clear();
    if (event.type === 'effect.requested') {
      const { effect } = event;
      const attempt = effect.attempt ?? 1;
      const known = asked.get(effect.id) ?? 0;
      if (attempt <= known) problems.push(`${effect.id} was asked twice as attempt ${attempt}`);
      asked.set(effect.id, attempt);
      if (effect.do === 'call_tool' || effect.do === 'decide_call') busy.set(effect.id, effect);
      slots = Math.max(slots, busy.size);
    } else if (event.type === 'effect.uncertain') {
      busy.delete(event.id);
    } else if (
      event.type !== 'effect.began' &&
      'id' in event &&
      event.id !== undefined &&
      event.type !== 'run.stopping' &&
      event.type !== 'effect.settled_late'
    ) {
      busy.delete(event.id);
      const closedUnasked = event.type === 'tool.returned' && event.status === 'incomplete';
      const n = (answered.get(event.id) ?? 0) + 1;
      answered.set(event.id, n);
      if (n > (asked.get(event.id) ?? 0) && !closedUnasked)
        problems.push(`${event.id} was answered ${n} times (${event.type})`);
    }
  }
  if (cap !== null && slots > cap) problems.push(`${slots} calls were under way at once, ${cap} may be`);
  return isOver(state.status) ? [...problems, ...brokenEnd(log, state)] : problems;
}

/** Results of one round come in the model's order. */
function disorder(before: State, after: State): string[] {
  const ids = toArray(after.produced, before.produced.length).map(({ id }) => callIndex(id ?? ''));
  return ids.every((id, n) => n === 0 || id > (ids[n - 1] ?? 0)) ? [] : [`results came in the order ${ids.join(', ')}`];
}

/** Every accepted call has one result; a handoff comes after all results of its reply. */
function brokenEnd(log: readonly Committed[], state: State): string[] {
  const problems: string[] = [];
  const open: string[] = [];
  for (const { kind, item } of toArray(state.produced)) {
    if ((kind === 'tool_call' || kind === 'handoff_call') && item.type === 'function_call') open.push(item.callId);
    if (kind !== 'tool_output' && kind !== 'handoff_output') continue;
    const callId = item.type === 'function_call_result' ? item.callId : '';
    const at = open.indexOf(callId);
    if (at < 0) problems.push(`a result of ${callId} has no call before it`);
    else open.splice(at, 1);
    if (kind === 'handoff_output' && open.length > 0)
      problems.push(`handed over while ${open.join(', ')} had no result`);
  }
  if (open.length > 0) problems.push(`calls without a result: ${open.join(', ')}`);
  const last = log.at(-1)?.type;
  if (last !== 'run.finished' && last !== 'run.failed' && last !== 'run.cancelled')
    problems.push(`the log goes on after the end: ${last}`);
  return problems;
}

/** Freezes a state as deep as an older state must stay what it was. */
export function picture(state: State): string {
  const { entries, produced, request, responses, checks, toolChecks, ...rest } = state;
  const lists = [entries, produced, request, responses, checks, toolChecks].map((list) =>
    toArray<unknown>(list as never),
  );
  return JSON.stringify({ rest, lists });
}
