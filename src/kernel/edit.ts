/**
 * The small changes that `apply` is made of.
 */
import type { ItemEntry, Stop, ToolCheck } from './events.ts';
import { append, appendAll, type List, listOf, toArray } from './list.ts';
import type { Call, State } from './state.ts';

export function close(s: State, id: string): State {
  const { open } = s;
  if (open.length === 1 && open[0]?.id === id) return { ...s, open: [] };
  return { ...s, open: open.filter((effect) => effect.id !== id) };
}

/** The first fault of a running run counts; what comes while it stops changes nothing any more. */
export function fault(s: State, stop: Stop): State {
  return s.status !== 'running' || s.fault ? s : { ...s, fault: stop };
}

/** The index of the call that an effect id speaks of; -1 where it speaks of none. */
export const callIndex = (id: string): number => {
  const at = id.indexOf('/c');
  return at < 0 ? -1 : Number.parseInt(id.slice(at + 2), 10);
};

export function mark(s: State, i: number, patch: Partial<Call>): State {
  if (!s.calls[i]) return s;
  const calls = s.calls.slice();
  calls[i] = { ...s.calls[i], ...patch };
  return { ...s, calls };
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

/** Adds an item to everything that shows items. */
export function keep(s: State, entry: ItemEntry): State {
  const entries = append(s.entries, entry);
  const produced = s.produced === s.entries ? entries : append(s.produced, entry);
  return { ...s, entries, produced, request: append(s.request, entry.item) };
}
