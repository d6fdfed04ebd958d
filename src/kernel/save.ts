import type { RunEvent } from './events.ts';
import type { State } from './state.ts';

/** Asks for what is new to be kept by the session. */
export function saveIfNeeded(s: State): RunEvent | undefined {
  // Input that no check has let pass is kept nowhere.
  if (s.stop && !s.admission.closed && (s.stop.cause === 'input_check' || s.stop.cause === 'check_error'))
    return undefined;
  // Before its history was loaded, a run knows nothing that could be kept.
  if (!s.hasSession || s.saveFailed || s.stage === 'load') return undefined;
  const to = s.unsavedFrom ?? s.produced.length;
  if (to <= s.savedTo && (s.inputSaved || s.fresh.length === 0)) return undefined;
  return { type: 'effect.requested', effect: { do: 'save_session', id: `save${to}`, to: Math.max(to, s.savedTo) } };
}
