/**
 * Checks around one tool: before it runs (on the call) and after (on the output).
 *
 * They run one after the other; the first that rejects or throws ends the list.
 */
import { AgentsError, UserError } from '../protocol/errors.ts';
import type { ErrorState } from '../protocol/errors.ts';
import type { FunctionCallItem } from '../protocol/items.ts';
import type { RunContext } from './context.ts';
import type { Callback, ToolAgent } from './types.ts';

/** What a guardrail decides: go on; tell the model `message` in place of the output; or stop the run. */
export type ToolGuardrailBehavior =
  | { type: 'allow' }
  | { type: 'rejectContent'; message: string }
  | { type: 'throwException' };

export interface ToolGuardrailFunctionOutput {
  /** For logs and traces. */
  outputInfo?: unknown;
  behavior: ToolGuardrailBehavior;
}
export interface ToolGuardrailMetadata {
  type: 'tool_input' | 'tool_output';
  name: string;
}
export interface ToolInputGuardrailData<TContext = unknown> {
  context: RunContext<TContext>;
  agent: ToolAgent;
  toolCall: FunctionCallItem;
}
export interface ToolOutputGuardrailData<TContext = unknown> extends ToolInputGuardrailData<TContext> {
  /** What the tool returned, as it is. */
  output: unknown;
}
type Verdict = ToolGuardrailFunctionOutput | Promise<ToolGuardrailFunctionOutput>;
export type ToolInputGuardrailFunction<TContext = unknown> = Callback<
  [data: ToolInputGuardrailData<TContext>],
  Verdict
>;
export type ToolOutputGuardrailFunction<TContext = unknown> = Callback<
  [data: ToolOutputGuardrailData<TContext>],
  Verdict
>;
export interface ToolInputGuardrailDefinition<TContext = unknown> {
  type: 'tool_input';
  name: string;
  run: ToolInputGuardrailFunction<TContext>;
}
export interface ToolOutputGuardrailDefinition<TContext = unknown> {
  type: 'tool_output';
  name: string;
  run: ToolOutputGuardrailFunction<TContext>;
}
export type ToolInputGuardrailInit<TContext = unknown> =
  | ToolInputGuardrailDefinition<TContext>
  | { name: string; run: ToolInputGuardrailFunction<TContext> };
export type ToolOutputGuardrailInit<TContext = unknown> =
  | ToolOutputGuardrailDefinition<TContext>
  | { name: string; run: ToolOutputGuardrailFunction<TContext> };
export interface ToolInputGuardrailResult {
  guardrail: { type: 'tool_input'; name: string };
  output: ToolGuardrailFunctionOutput;
}
export interface ToolOutputGuardrailResult {
  guardrail: { type: 'tool_output'; name: string };
  output: ToolGuardrailFunctionOutput;
}

/** A tool's input guardrail answered `throwException`. */
export class ToolInputGuardrailTripwireTriggered extends AgentsError {
  override readonly code = 'guardrail/tool-input-tripwire';
  result: ToolInputGuardrailResult;
  constructor(message: string, result: ToolInputGuardrailResult, state?: ErrorState) {
    super(message, state);
    this.result = result;
  }
}

/** A tool's output guardrail answered `throwException`. */
export class ToolOutputGuardrailTripwireTriggered extends AgentsError {
  override readonly code = 'guardrail/tool-output-tripwire';
  result: ToolOutputGuardrailResult;
  constructor(message: string, result: ToolOutputGuardrailResult, state?: ErrorState) {
    super(message, state);
    this.result = result;
  }
}

/** Makes the verdicts of tool guardrails. `outputInfo` is for logs and traces. */
export const ToolGuardrailFunctionOutputFactory = {
  /** Go on. */
  allow(outputInfo?: unknown): ToolGuardrailFunctionOutput {
    return { behavior: { type: 'allow' }, outputInfo };
  },
  /** The model gets `message` in place of the tool's output; a rejected call does not run. */
  rejectContent(message: string, outputInfo?: unknown): ToolGuardrailFunctionOutput {
    return { behavior: { type: 'rejectContent', message }, outputInfo };
  },
  /** The run fails. */
  throwException(outputInfo?: unknown): ToolGuardrailFunctionOutput {
    return { behavior: { type: 'throwException' }, outputInfo };
  },
};

/** A check on a tool call, before the tool runs. @throws UserError without a name or a function */
export function defineToolInputGuardrail<TContext = unknown>(args: {
  name: string;
  run: ToolInputGuardrailFunction<TContext>;
}): ToolInputGuardrailDefinition<TContext> {
  checkInit('input', args);
  return { type: 'tool_input', name: args.name, run: args.run };
}

/** A check on a tool's output, after the tool ran. @throws UserError without a name or a function */
export function defineToolOutputGuardrail<TContext = unknown>(args: {
  name: string;
  run: ToolOutputGuardrailFunction<TContext>;
}): ToolOutputGuardrailDefinition<TContext> {
  checkInit('output', args);
  return { type: 'tool_output', name: args.name, run: args.run };
}

/** Definitions of what a tool's `inputGuardrails` option holds. */
export function resolveToolInputGuardrails<TContext = unknown>(
  guardrails: readonly ToolInputGuardrailInit<TContext>[] = [],
): ToolInputGuardrailDefinition<TContext>[] {
  checkList('input', guardrails);
  return guardrails.map((init) =>
    'type' in init && init.type === 'tool_input' ? init : defineToolInputGuardrail<TContext>(init),
  );
}

/** Definitions of what a tool's `outputGuardrails` option holds. */
export function resolveToolOutputGuardrails<TContext = unknown>(
  guardrails: readonly ToolOutputGuardrailInit<TContext>[] = [],
): ToolOutputGuardrailDefinition<TContext>[] {
  checkList('output', guardrails);
  return guardrails.map((init) =>
    'type' in init && init.type === 'tool_output' ? init : defineToolOutputGuardrail<TContext>(init),
  );
}

type RunInput<TContext> = {
  guardrails?: readonly ToolInputGuardrailDefinition<TContext>[];
  context: RunContext<TContext>;
  agent: ToolAgent;
  toolCall: FunctionCallItem;
  /** Hears each verdict, that of a tripped guardrail included. */
  onResult?: (result: ToolInputGuardrailResult) => void;
};

/**
 * Runs input guardrails in order.
 * @throws ToolInputGuardrailTripwireTriggered when one answers `throwException`; what a guardrail throws itself
 */
export async function runToolInputGuardrails<TContext>(
  args: RunInput<TContext>,
): Promise<{ type: 'allow' } | { type: 'reject'; message: string }> {
  const { guardrails = [], context, agent, toolCall, onResult } = args;
  for (const guardrail of guardrails) {
    const output = checkVerdict(guardrail, await guardrail.run({ context, agent, toolCall }));
    const result: ToolInputGuardrailResult = { guardrail: { type: 'tool_input', name: guardrail.name }, output };
    onResult?.(result);
    if (output.behavior.type === 'rejectContent') return { type: 'reject', message: output.behavior.message };
    if (output.behavior.type === 'throwException') {
      throw new ToolInputGuardrailTripwireTriggered(
        `Guardrail "${guardrail.name}" stopped the run before tool "${toolCall.name}".`,
        result,
      );
    }
  }
  return { type: 'allow' };
}

type RunOutput<TContext> = {
  guardrails?: readonly ToolOutputGuardrailDefinition<TContext>[];
  context: RunContext<TContext>;
  agent: ToolAgent;
  toolCall: FunctionCallItem;
  toolOutput: unknown;
  /** Hears each verdict, that of a tripped guardrail included. */
  onResult?: (result: ToolOutputGuardrailResult) => void;
};

/**
 * Runs output guardrails in order and returns the output: the tool's own, or the message of the one that rejected it.
 * @throws ToolOutputGuardrailTripwireTriggered when one answers `throwException`; what a guardrail throws itself
 */
export async function runToolOutputGuardrails<TContext>(args: RunOutput<TContext>): Promise<unknown> {
  const { guardrails = [], context, agent, toolCall, toolOutput, onResult } = args;
  for (const guardrail of guardrails) {
    const output = checkVerdict(guardrail, await guardrail.run({ context, agent, toolCall, output: toolOutput }));
    const result: ToolOutputGuardrailResult = { guardrail: { type: 'tool_output', name: guardrail.name }, output };
    onResult?.(result);
    if (output.behavior.type === 'rejectContent') return output.behavior.message;
    if (output.behavior.type === 'throwException') {
      throw new ToolOutputGuardrailTripwireTriggered(
        `Guardrail "${guardrail.name}" stopped the run after tool "${toolCall.name}".`,
        result,
      );
    }
  }
  return toolOutput;
}

function checkVerdict(guardrail: ToolGuardrailMetadata, output: unknown): ToolGuardrailFunctionOutput {
  const type = (output as Partial<ToolGuardrailFunctionOutput> | undefined)?.behavior?.type;
  if (type === 'allow' || type === 'rejectContent' || type === 'throwException')
    return output as ToolGuardrailFunctionOutput;
  // A verdict that nobody understands must not let a call pass.
  throw new UserError(
    `Tool guardrail '${guardrail.name}' returned no known behavior (got ${String(type)}). ` +
      'Return ToolGuardrailFunctionOutputFactory.allow(), .rejectContent(message) or .throwException().',
  );
}

function checkList(kind: 'input' | 'output', list: unknown): void {
  if (!Array.isArray(list)) {
    throw new UserError(`Tool option \`${kind}Guardrails\` must be an array of guardrails. Got ${typeof list}.`);
  }
}

function checkInit(kind: 'input' | 'output', init: unknown): void {
  const { name, run } = (typeof init === 'object' && init !== null ? init : {}) as { name?: unknown; run?: unknown };
  if (typeof name !== 'string' || name.trim() === '') {
    throw new UserError(
      `A tool ${kind} guardrail needs a \`name\` that is not blank. Got ${JSON.stringify(name) ?? typeof name}.`,
    );
  }
  if (typeof run !== 'function') {
    throw new UserError(
      `Tool ${kind} guardrail '${name}' needs a \`run\` function. Got ${run === null ? 'null' : typeof run}.`,
    );
  }
}
