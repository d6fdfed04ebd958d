/**
 * Lets `toolUseBehavior` decide whether the results of tools are the run's output.
 */
import type { FunctionToolResult, RunToolCallOutputItem } from '../../agent/index.ts';
import { type Effect, resultText, type RunEvent, type State, toArray } from '../../kernel/index.ts';
import { UserError } from '../../protocol/errors.ts';
import { toSmartString } from '../../tools/index.ts';
import { bindTool, effectIdOf } from '../calls.ts';
import type { LiveRun } from '../live-run.ts';
import { itemOf } from '../view.ts';

type ChooseOutput = Extract<Effect, { do: 'choose_output' }>;

export async function chooseOutput(run: LiveRun, effect: ChooseOutput, state: State): Promise<RunEvent> {
  const { id, k, call } = effect;
  if (call !== undefined) return { type: 'output.chosen', id, k, call, final: returnedText(run, state, call) };
  const { toolUseBehavior, name } = run.agent(state.agent);
  if (typeof toolUseBehavior !== 'function') return { type: 'output.chosen', id, k };
  const chosen = await toolUseBehavior(run.context, await resultsOf(run, state));
  if (typeof chosen !== 'object' || chosen === null || typeof chosen.isFinalOutput !== 'boolean') {
    throw new UserError(
      `toolUseBehavior of agent "${name}" returned ${JSON.stringify(chosen)}. Return { isFinalOutput: false } or { isFinalOutput: true, finalOutput }.`,
    );
  }
  if (!chosen.isFinalOutput) return { type: 'output.chosen', id, k };
  const { finalOutput } = chosen;
  if (typeof finalOutput !== 'string') run.record.live.values.set(id, finalOutput);
  return { type: 'output.chosen', id, k, final: toSmartString(finalOutput) };
}

/** What a tool returned as text; read back from a log, what the model was told. */
function returnedText(run: LiveRun, state: State, call: number): string {
  const id = `m${state.k}/c${call}`;
  const { values } = run.record.live;
  if (values.has(id)) return toSmartString(values.get(id));
  const item = state.calls[call]?.item;
  return item ? resultText(item) : '';
}

async function resultsOf(run: LiveRun, state: State): Promise<FunctionToolResult[]> {
  const entries = toArray(state.entries, state.turnFrom);
  const results: FunctionToolResult[] = [];
  for (const call of state.calls) {
    if ((call.kind !== 'function' && call.kind !== 'agent') || !call.item) continue;
    const id = effectIdOf(state, call);
    const entry = entries.find((each) => each.kind === 'tool_output' && each.id === id);
    if (!entry) continue;
    const { tool } = await bindTool(run, state, call);
    const { values } = run.record.live;
    const output = values.has(id) ? values.get(id) : resultText(call.item);
    results.push({
      type: 'function_output',
      tool,
      output,
      runItem: itemOf(run.record, entry) as RunToolCallOutputItem,
    });
  }
  return results;
}
