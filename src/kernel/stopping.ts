/**
 * How a run ends that has no output: signals have fired, what was open is answered, and then, in this order:
 * every call gets a result, an error handler may still give an output, the session keeps what was done, the end.
 */
import type { HandledKind, RunEvent, StopCause } from './events.ts';
import { saveIfNeeded } from './save.ts';
import type { Call, State } from './state.ts';
import type { Plan } from './step.ts';

export const isHandled = (cause: StopCause): cause is HandledKind =>
  cause === 'maxTurns' || cause === 'modelRefusal' || cause === 'invalidFinalOutput' || cause === 'budget';

export function stepStopping(s: State, plan: Plan): readonly RunEvent[] {
  const { stop } = s;
  const unanswered = s.calls.filter((call) => !call.kept && call.status !== 'ignored');
  if (unanswered.length > 0) return closeCalls(s, unanswered);

  // What a crash cut off on the way to the end is asked again; other lost effects are given up.
  const lost = s.uncertain.find(({ do: what }) => what === 'handle_error' || what === 'save_session');
  if (lost) return [{ type: 'effect.requested', effect: { ...lost, attempt: (lost.attempt ?? 1) + 1 } }];
  if (stop && isHandled(stop.cause) && !s.handlerAsked && plan.handles(stop.cause)) {
    return [{ type: 'effect.requested', effect: { do: 'handle_error', id: `m${s.k}/error`, kind: stop.cause } }];
  }
  const save = saveIfNeeded(s);
  if (save) return [save];
  return [{ type: stop?.cause === 'abort' ? 'run.cancelled' : 'run.failed' }];
}

const NOT_COMPLETED = 'The call was not completed: the run was stopped.';
/** What a model is told of a call that may have happened. */
export const UNKNOWN = 'It is not known whether the call was carried out: it was cut off while it was under way.';

const isDoubtful = (s: State, call: Call): boolean =>
  call.status === 'unsure' || s.began.includes(`m${s.k}/c${call.i}`);

/** Gives every call that has no result one that says why, and lets all results enter the history. */
function closeCalls(s: State, calls: readonly Call[]): readonly RunEvent[] {
  const events: RunEvent[] = calls
    .filter(({ status }) => status !== 'done')
    .map((call) => ({
      type: 'tool.returned',
      id: `m${s.k}/c${call.i}`,
      outcome: call.status === 'failed' ? 'error' : 'aborted',
      status: 'incomplete',
      text: call.status === 'failed' ? 'The tool failed.' : isDoubtful(s, call) ? UNKNOWN : NOT_COMPLETED,
    }));
  return [...events, { type: 'batch.closed', k: s.k }];
}
