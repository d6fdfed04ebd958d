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

/** Most runs want nothing around their effects, and make nothing for it. */
export function perform(run: LiveRun, effect: Effect, state: State): Promise<RunEvent> {
  const isPlain = !run.turn && !hasBudget(run) && !(runsUserCode(effect) && countsCost(run));
  return isPlain ? begin(run, effect, state) : surrounded(run, effect, state);
}

/** Within the run's turn on its session, within its budgets, and with an ear for what runs within it cost. */
function surrounded(run: LiveRun, effect: Effect, state: State): Promise<RunEvent> {
  const costed =
    runsUserCode(effect) && countsCost(run)
      ? () => withNestedCost(run, () => begin(run, effect, state))
      : () => begin(run, effect, state);
  const budgeted = hasBudget(run) ? () => withBudgets(run, costed) : costed;
  if (!run.turn) return budgeted();
  return run.turn.around(effect, effect.do === 'load_session' ? queued(budgeted) : budgeted);
}

/** Less is the way to the store and back. */
const QUEUED_MS = 10;

/** Says how long the run waited for its turn on the session before its history was loaded. */
function queued(load: () => Promise<RunEvent>): () => Promise<RunEvent> {
  const askedAt = performance.now();
  return async () => {
    const queuedMs = Math.round(performance.now() - askedAt);
    const event = await load();
    return event.type === 'session.loaded' && queuedMs >= QUEUED_MS ? { ...event, queuedMs } : event;
  };
}

/** Those whose answers can tell what runs within them cost. */
const RUNS_USER_CODE: ReadonlySet<Effect['do']> = new Set([
  'check',
  'decide_call',
  'call_tool',
  'hand_off',
  'handle_error',
  'compact_session',
]);
const runsUserCode = (effect: Effect): boolean => RUNS_USER_CODE.has(effect.do);

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
