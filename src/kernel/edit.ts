/**
 * The small changes that `apply` is made of.
 */
import type { ItemEntry, Stop, ToolCheck } from './events.ts';
import { append, appendAll, type List, listOf, toArray } from './list.ts';
import type { Call, State } from './state.ts';

/** Asked for each answer, most often of one effect: without a closure. */
export const isOpen = (open: State['open'], id: string): boolean =>
  open.length === 1 ? open[0]?.id === id : open.some((effect) => effect.id === id);

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

/** All that shows items. */
export type History = Pick<State, 'entries' | 'produced' | 'request'>;

/** Items that are added to everything that shows items. */
export const kept = ({ entries, produced, request }: History, added: readonly ItemEntry[]): History =>
  added.reduce(keptOne, { entries, produced, request });

function keptOne(before: History, entry: ItemEntry): History {
  const entries = append(before.entries, entry);
  const produced = before.produced === before.entries ? entries : append(before.produced, entry);
  return { entries, produced, request: append(before.request, entry.item) };
}

export const keep = (s: State, entry: ItemEntry): State => ({ ...s, ...kept(s, [entry]) });
