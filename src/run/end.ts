/**
 * How a run's end reaches its caller.
 */
import { OutputGuardrailTripwireTriggered } from '../agent/index.ts';
import type { State } from '../kernel/index.ts';
import { errorInfo, rebuildError } from './errors.ts';
import type { RunRecord } from './record.ts';

/** The error that ended a run: the very object that was thrown, while it lives, else one made of what the log says. */
export function liveError(record: RunRecord, state: State): unknown {
  const { stop } = state;
  if (!stop) return undefined;
  if (stop.id !== undefined && record.live.values.has(stop.id)) {
    const live = record.live.values.get(stop.id);
    const told = errorInfo(live);
    if (told.name === stop.error.name && told.message === stop.error.message) return live;
  }
  const error = rebuildError(stop.error);
  if (error instanceof OutputGuardrailTripwireTriggered) error.result.agent = record.graph.agent(state.agent);
  record.live.values.set(`${stop.id ?? 'stop'}`, error);
  return error;
}
