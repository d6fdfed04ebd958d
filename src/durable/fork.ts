/**
 * A copy of a run, from the last point at or before a position where nothing was under way: it goes on by itself, with
 * ids and idempotency keys of its own.
 */
import { apply, type Committed, type Fork, initialState, type RunEvent, type State } from '../kernel/index.ts';
import { DurableError } from './errors.ts';

/** How many events a copy takes over. @throws DurableError `durable/no-fork-point` */
export function forkPoint(events: readonly Committed[], runId: string, at: number): number {
  const cut = cutBefore(events, at);
  if (cut === undefined) {
    throw new DurableError(
      'durable/no-fork-point',
      runId,
      `Run ${runId} has no point at or before event ${at} where it goes on and nothing is under way. Give a later position; the log has ${events.length} events.`,
    );
  }
  return cut;
}

/** The events of the copy. */
export function forkedEvents(events: readonly Committed[], runId: string, fork: Fork): Committed[] {
  const forked: RunEvent = { type: 'run.forked', runId, ...fork };
  const at = events[fork.at - 1]?.at;
  return [...events.slice(0, fork.at), at === undefined ? forked : { ...forked, at }];
}

/** Where a model or tools are asked next; later there is nothing left to change. */
const GOES_ON: ReadonlySet<State['stage']> = new Set(['load', 'admit', 'tools', 'handoff']);

/** How many events come before the newest point where a running run had nothing open. */
function cutBefore(events: readonly Committed[], at: number): number | undefined {
  let state = initialState();
  let cut: number | undefined;
  events.slice(0, at).forEach((event, n) => {
    state = apply(state, event);
    const isFree = state.open.length === 0 && state.uncertain.length === 0 && state.fault === undefined;
    if (state.status === 'running' && isFree && GOES_ON.has(state.stage)) cut = n + 1;
  });
  return cut;
}
