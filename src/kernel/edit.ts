/**
 * The small changes that `apply` is made of.
 */
import type { ItemEntry, Stop, ToolCheck } from './events.ts';
import { append, appendAll, type List, listOf, toArray } from './list.ts';
import type { Call, State } from './state.ts';

/** What is still open after an answer. */
export function without(open: State['open'], id: string): State['open'] {
  if (open.length === 1 && open[0]?.id === id) return NOTHING;
  return open.filter((effect) => effect.id !== id);
}

const NOTHING: State['open'] = [];

export const close = (s: State, id: string): State => ({ ...s, open: without(s.open, id) });

/** The first fault of a running run counts; what comes while it stops changes nothing any more. */
export function fault(s: State, stop: Stop): State {
  return s.status !== 'running' || s.fault ? s : { ...s, fault: stop };
}

/** The index of the call that an effect id speaks of; -1 where it speaks of none. */
export const callIndex = (id: string): number => {
  const at = id.indexOf('/c');
  return at < 0 ? -1 : Number.parseInt(id.slice(at + 2), 10);
};

/** The calls, one of them changed; a call that is not there is no error. */
export function marked(calls: State['calls'], i: number, patch: Partial<Call>): State['calls'] {
  const call = calls[i];
  if (!call) return calls;
  const copy = calls.slice();
  copy[i] = { ...call, ...patch };
  return copy;
}

export const recordToolChecks = (s: State, checks: readonly ToolCheck[] | undefined): State['toolChecks'] =>
  checks
    ? appendAll(
        s.toolChecks,
        checks.map((check) => ({ ...check, agent: s.agent })),
      )
    : s.toolChecks;

export const unshared = (s: State): List<ItemEntry> =>
  s.produced === s.entries ? listOf(toArray(s.produced)) : s.produced;

/** Items that are added to everything that shows items. */
export function kept(s: State, added: readonly ItemEntry[]): Pick<State, 'entries' | 'produced' | 'request'> {
  let { entries, produced, request } = s;
  const shared = produced === entries;
  for (const entry of added) {
    entries = append(entries, entry);
    produced = shared ? entries : append(produced, entry);
    request = append(request, entry.item);
  }
  return { entries, produced, request };
}

export const keep = (s: State, entry: ItemEntry): State => ({ ...s, ...kept(s, [entry]) });
