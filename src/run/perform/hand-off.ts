/**
 * Carries out a handoff that runs user code: guardrails, callback, filter.
 */
import { getTransferMessage, type Handoff, type HandoffInputData, type RunItem } from '../../agent/index.ts';
import {
  type Edit,
  type Effect,
  type ItemEntry,
  type RunEvent,
  type State,
  toArray,
  type ToolCheck,
} from '../../kernel/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { FunctionCallItem } from '../../protocol/items.ts';
import { functionCallResult, runToolInputGuardrails, runToolOutputGuardrails } from '../../tools/index.ts';
import { bindHandoff, callOf } from '../calls.ts';
import { toolCallError } from '../errors.ts';
import type { LiveRun } from '../live-run.ts';
import { entryOf, itemOf } from '../view.ts';
import { keepIn, withChecks } from './tool-checks.ts';

type HandOff = Extract<Effect, { do: 'hand_off' }>;

export async function handOff(run: LiveRun, effect: HandOff, state: State): Promise<RunEvent> {
  const { context, settings, record } = run;
  const call = callOf(state, effect.i);
  const item = call.made;
  const from = run.agent(state.agent);
  const handoff = await bindHandoff(run, state, call);
  const filter = handoff.inputFilter ?? settings.handoffInputFilter;
  if (filter && (state.conversationId !== undefined || state.previousResponseId !== undefined)) {
    throw new UserError(
      `Handoff "${handoff.toolName}" has an input filter, but the run uses conversationId or previousResponseId: the ` +
        'provider keeps that history, so it cannot be filtered. Keep the history yourself or in a session.',
    );
  }
  const checks: ToolCheck[] = [];
  const message = await guard(run, handoff, { state, item, checks });
  if (message !== undefined) {
    return { type: 'handoff.refused', id: effect.id, item: functionCallResult(item, message), ...withChecks(checks) };
  }
  const target = await handoff.onInvokeHandoff(context, item.arguments);
  const to = record.graph.keyOf(target);
  run.runner.emit('agent_handoff', context, from, target);
  from.emit('agent_handoff', context, target);
  const result = functionCallResult(item, getTransferMessage(target));
  const entry: ItemEntry = { kind: 'handoff_output', item: result, agent: state.agent, to, id: effect.id };
  const rewritten = filter ? rewrite(run, state, { entry, filter }) : {};
  return { type: 'handoff.returned', id: effect.id, to, item: result, ...rewritten, ...withChecks(checks) };
}

type Guarded = { state: State; item: FunctionCallItem; checks: ToolCheck[] };

/** Tool guardrails hold for handoffs too. The message of the one that rejects it. */
async function guard(run: LiveRun, handoff: Handoff, { state, item, checks }: Guarded): Promise<string | undefined> {
  const { inputGuardrails, outputGuardrails } = handoff;
  if (inputGuardrails.length === 0 && outputGuardrails.length === 0) return undefined;
  const agent = run.agent(state.agent);
  const common = { context: run.context, agent, toolCall: item, onResult: keepIn(checks) };
  try {
    const verdict = await runToolInputGuardrails({ ...common, guardrails: inputGuardrails });
    if (verdict.type === 'reject') return verdict.message;
    const transfer = getTransferMessage(handoff.agent);
    const output = await runToolOutputGuardrails({ ...common, guardrails: outputGuardrails, toolOutput: transfer });
    return output === transfer ? undefined : String(output);
  } catch (thrown) {
    throw toolCallError(thrown);
  }
}

type Rewrite = { entry: ItemEntry; filter: (data: HandoffInputData) => HandoffInputData };

/** Lets the filter choose what the next agent sees, and says what it chose as an edit: positions, and new items. */
function rewrite(run: LiveRun, state: State, { entry, filter }: Rewrite): { input?: State['input']; edit?: Edit } {
  const { record } = run;
  const entries = [...toArray(state.entries), entry];
  const items = entries.map((each) => itemOf(record, each));
  const data = filter({
    inputHistory: Array.isArray(state.input) ? state.input.slice() : state.input,
    preHandoffItems: items.slice(0, state.turnFrom),
    newItems: items.slice(state.turnFrom),
    runContext: run.context,
  });
  if (!Array.isArray(data?.preHandoffItems) || !Array.isArray(data.newItems)) {
    throw new UserError(
      `An input filter of handoffs returned ${describe(data)}. Return { inputHistory, preHandoffItems, newItems } itself: filters cannot be async.`,
    );
  }
  const position = new Map(items.map((item, n) => [item, n]));
  const edit = editOf([...data.preHandoffItems, ...data.newItems], position, (item) => entryOf(record, item));
  const whole = edit.length === 1 && Array.isArray(edit[0]) && edit[0][0] === 0 && edit[0][1] === items.length;
  const sameInput = JSON.stringify(data.inputHistory) === JSON.stringify(state.input);
  return { ...(!sameInput && { input: data.inputHistory }), ...(!whole && { edit }) };
}

const describe = (value: unknown): string =>
  value instanceof Promise
    ? 'a Promise'
    : typeof value === 'object' && value
      ? 'an object without them'
      : String(value);

function editOf(
  chosen: readonly RunItem[],
  position: Map<RunItem, number>,
  asEntry: (item: RunItem) => ItemEntry,
): Edit {
  const edit: Edit = [];
  for (const item of chosen) {
    const n = position.get(item);
    const last = edit.at(-1);
    if (n === undefined) edit.push(asEntry(item));
    else if (Array.isArray(last) && last[1] === n) edit[edit.length - 1] = [last[0], n + 1];
    else edit.push([n, n + 1]);
  }
  return edit;
}
