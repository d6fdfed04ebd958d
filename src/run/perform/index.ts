/**
 * Carries out effects. One file an effect; each answers with the event that says what happened.
 */
import type { Effect, RunEvent, State } from '../../kernel/index.ts';
import { hasBudget, withBudgets } from '../budget.ts';
import type { LiveRun } from '../live-run.ts';
import { countsCost, withNestedCost } from '../nested-cost.ts';
import { callModel } from './call-model.ts';
import { callTool } from './call-tool.ts';
import { check } from './check.ts';
import { chooseOutput } from './choose-output.ts';
import { decideCall } from './decide-call.ts';
import { handOff } from './hand-off.ts';
import { handleError } from './handle-error.ts';
import { compactSession, loadSession, saveSession } from './session.ts';

export function perform(run: LiveRun, effect: Effect, state: State): Promise<RunEvent> {
  const { turn } = run;
  if (!turn) return budgeted(run, effect, state);
  if (effect.do !== 'load_session') return turn.around(effect, () => budgeted(run, effect, state));
  const askedAt = performance.now();
  return turn.around(effect, async () => {
    const queuedMs = Math.round(performance.now() - askedAt);
    const event = await budgeted(run, effect, state);
    return event.type === 'session.loaded' && queuedMs >= QUEUED_MS ? { ...event, queuedMs } : event;
  });
}

/** Less is the way to the store and back. */
const QUEUED_MS = 10;

function budgeted(run: LiveRun, effect: Effect, state: State): Promise<RunEvent> {
  return hasBudget(run) ? withBudgets(run, () => costed(run, effect, state)) : costed(run, effect, state);
}

function costed(run: LiveRun, effect: Effect, state: State): Promise<RunEvent> {
  const runsUserCode = effect.do === 'check' || effect.do === 'call_tool';
  return runsUserCode && countsCost(run)
    ? withNestedCost(run, () => begin(run, effect, state))
    : begin(run, effect, state);
}

function begin(run: LiveRun, effect: Effect, state: State): Promise<RunEvent> {
  switch (effect.do) {
    case 'call_model':
      return callModel(run, effect, state);
    case 'call_tool':
      return callTool(run, effect, state);
    case 'decide_call':
      return decideCall(run, effect, state);
    case 'hand_off':
      return handOff(run, effect, state);
    case 'check':
      return check(run, effect, state);
    case 'choose_output':
      return chooseOutput(run, effect, state);
    case 'handle_error':
      return handleError(run, effect, state);
    case 'load_session':
      return loadSession(run, effect, state);
    case 'save_session':
      return saveSession(run, effect, state);
    case 'compact_session':
      return compactSession(run, effect, state);
  }
}
