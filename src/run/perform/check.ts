/**
 * Runs one guardrail on the input or on the final output.
 */
import {
  type AnyAgent,
  type GuardrailFunctionOutput,
  InputGuardrailTripwireTriggered,
  OutputGuardrailTripwireTriggered,
} from '../../agent/index.ts';
import { at, type Effect, type RunEvent, type State, toArray } from '../../kernel/index.ts';
import { GuardrailExecutionError } from '../../protocol/errors.ts';
import { asError, errorInfo, jsonOf } from '../errors.ts';
import type { LiveRun } from '../live-run.ts';
import { inputChecksOf, outputChecksOf } from '../plan.ts';
import { finalOutputOf, output as outputItems, responseOf } from '../view.ts';

type Check = Extract<Effect, { do: 'check' }>;

export function check(run: LiveRun, effect: Check, state: State): Promise<RunEvent> {
  return effect.point === 'input' ? checkInput(run, effect, state) : checkOutput(run, effect, state);
}

async function checkInput(run: LiveRun, effect: Check, state: State): Promise<RunEvent> {
  const agent = run.agent(state.agent);
  const guardrail = inputChecksOf(agent, run.settings)[effect.index];
  if (!guardrail) return { type: 'check.returned', id: effect.id, name: '', verdict: 'pass' };
  const { name } = guardrail;
  // Input that was added later is checked alone.
  const { n, from } = state.admission;
  const input =
    n === 0 || from === 0 ? state.input : toArray(state.entries, from - countOf(state)).map(({ item }) => item);
  const judged = await judge(run, effect, {
    name,
    kind: 'Input',
    execute: () => guardrail.execute({ agent, input, context: run.context }),
  });
  if ('event' in judged) return judged.event;
  const { output } = judged;
  if (!output.tripwireTriggered) return passed(effect, name, output);
  const result = { guardrail: { type: 'input' as const, name }, output };
  const error = new InputGuardrailTripwireTriggered(tripText('Input', name, output), result);
  return tripped(run, effect, { name, output, error });
}

/** How many items the newest admission added. */
function countOf(state: State): number {
  let n = 0;
  while (at(state.entries, state.admission.from - 1 - n)?.kind === 'input') n += 1;
  return n;
}

async function checkOutput(run: LiveRun, effect: Check, state: State): Promise<RunEvent> {
  const agent = run.agent(state.agent);
  const guardrail = outputChecksOf(agent, run.settings)[effect.index];
  if (!guardrail) return { type: 'check.returned', id: effect.id, name: '', verdict: 'pass' };
  const { name } = guardrail;
  const agentOutput = copy(finalOutputOf(run.record, state));
  const response = at(state.responses, state.responses.length - 1);
  const details = { modelResponse: responseOf(run.record, state.k, response), output: outputItems(state) };
  const execute = (): unknown => guardrail.execute({ agent, agentOutput, context: run.context, details });
  const judged = await judge(run, effect, { name, kind: 'Output', execute });
  if ('event' in judged) return judged.event;
  const { output } = judged;
  if (!output.tripwireTriggered) return passed(effect, name, output);
  const fromTool = state.output?.source === 'tool';
  const blocked = fromTool ? await blockedMessage(run, agent, name) : undefined;
  // What a tool said is withheld everywhere, also in the error.
  const shown = blocked === undefined ? output : { tripwireTriggered: true };
  const result = {
    guardrail: { type: 'output' as const, name },
    agent,
    agentOutput: blocked ?? agentOutput,
    output: shown,
  };
  const text =
    blocked === undefined
      ? tripText('Output', name, output)
      : `Output guardrail "${name}" withheld what the tool returned.`;
  return tripped(run, effect, {
    name,
    output: shown,
    error: new OutputGuardrailTripwireTriggered(text, result),
    blocked,
  });
}

/** Guardrails may change what they get without changing the run. What cannot be copied is handed over as it is. */
function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}

/** Which guardrail it was, and what it said. */
const tripText = (kind: string, name: string, { outputInfo }: GuardrailFunctionOutput): string =>
  `${kind} guardrail "${name}" stopped the run${outputInfo === undefined ? '.' : `: ${JSON.stringify(outputInfo)}`}`;

type Judge = { name: string; kind: 'Input' | 'Output'; execute: () => unknown };

async function judge(
  run: LiveRun,
  effect: Check,
  { name, kind, execute }: Judge,
): Promise<{ output: GuardrailFunctionOutput } | { event: RunEvent }> {
  try {
    const output = await execute();
    // A verdict without its one member would pass everything.
    if (typeof output === 'object' && output !== null && 'tripwireTriggered' in output)
      return { output: output as GuardrailFunctionOutput };
    const what =
      typeof output === 'object' && output !== null ? `{ ${Object.keys(output).join(', ')} }` : String(output);
    throw new TypeError(`guardrail "${name}" returned ${what}. Return { tripwireTriggered: true or false }.`);
  } catch (thrown) {
    const cause = asError(thrown);
    const message = `${kind} guardrail "${name}" threw ${cause.name}: ${cause.message}`;
    const error = new GuardrailExecutionError(message, cause);
    run.record.live.values.set(effect.id, error);
    return { event: { type: 'check.returned', id: effect.id, name, verdict: 'errored', error: errorInfo(error) } };
  }
}

function passed(effect: Check, name: string, output: GuardrailFunctionOutput): RunEvent {
  const { outputInfo } = output;
  return {
    type: 'check.returned',
    id: effect.id,
    name,
    verdict: 'pass',
    ...(outputInfo !== undefined && { info: jsonOf(outputInfo) }),
  };
}

type Tripped = { name: string; output: GuardrailFunctionOutput; error: Error; blocked?: string | undefined };

function tripped(run: LiveRun, effect: Check, { name, output, error, blocked }: Tripped): RunEvent {
  run.record.live.values.set(effect.id, error);
  return {
    type: 'check.returned',
    id: effect.id,
    name,
    verdict: 'tripped',
    ...(output.outputInfo !== undefined && { info: jsonOf(output.outputInfo) }),
    error: errorInfo(error),
    ...(blocked !== undefined && { blocked }),
  };
}

const WITHHELD = 'Output withheld by an output guardrail.';

async function blockedMessage(run: LiveRun, agent: AnyAgent, guardrailName: string): Promise<string> {
  const configured = run.settings.outputGuardrailBlockedMessage;
  if (typeof configured === 'string') return configured;
  try {
    const text = await configured?.({ defaultMessage: WITHHELD, guardrailName, agent, runContext: run.context });
    return typeof text === 'string' ? text : WITHHELD;
  } catch {
    // A formatter that breaks must not let the output through.
    return WITHHELD;
  }
}
