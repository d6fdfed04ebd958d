/**
 * Guardrails: checks on what goes into a run and what comes out of it.
 */
import type { AgentOutputItem, ModelItem } from '../protocol/items.ts';
import { AgentsError, type ErrorState } from '../protocol/errors.ts';
import type { ModelResponse } from '../protocol/model.ts';
import type { RunContext } from '../tools/context.ts';
import type { AgentOutputType, AnyAgent, Callback, ResolvedAgentOutput } from './agent.ts';

/** What a guardrail found. */
export type GuardrailFunctionOutput = {
  /** Whether the run must stop. */
  tripwireTriggered: boolean;
  /** Anything that explains the verdict. It is recorded, so it must be JSON. */
  outputInfo?: unknown;
};

export type InputGuardrailFunctionArgs<TContext = unknown> = {
  agent: AnyAgent;
  /** The new input, as it was passed to the run. */
  input: string | ModelItem[];
  context: RunContext<TContext>;
};
export type InputGuardrailFunction<TContext = unknown> = Callback<
  [args: InputGuardrailFunctionArgs<TContext>],
  Promise<GuardrailFunctionOutput> | GuardrailFunctionOutput
>;

/**
 * A check on the input of a run; only those of the first agent and of the runner run.
 *
 * @example `{ name: 'On topic', runInParallel: false, execute: async ({ input }) => ({ tripwireTriggered: isOffTopic(input) }) }`
 */
export type InputGuardrail<TContext = unknown> = {
  name: string;
  execute: InputGuardrailFunction<TContext>;
  /** `true`: beside the first model call, for speed. `false`: before it, so that a trip costs no tokens. @default true */
  runInParallel?: boolean;
};
export type InputGuardrailMetadata = { type: 'input'; name: string };
export type InputGuardrailResult = { guardrail: InputGuardrailMetadata; output: GuardrailFunctionOutput };

export type OutputGuardrailFunctionArgs<TContext = unknown, TOutput extends AgentOutputType = 'text'> = {
  agent: AnyAgent;
  /** A copy of the final output. */
  agentOutput: ResolvedAgentOutput<TOutput>;
  context: RunContext<TContext>;
  details?: { modelResponse?: ModelResponse; output?: AgentOutputItem[] };
};
export type OutputGuardrailFunction<TOutput extends AgentOutputType = 'text', TContext = unknown> = Callback<
  [args: OutputGuardrailFunctionArgs<TContext, TOutput>],
  Promise<GuardrailFunctionOutput> | GuardrailFunctionOutput
>;
/** A check on the final output, of the agent that gave it and of the runner. All run at once. */
export type OutputGuardrail<TOutput extends AgentOutputType = 'text', TContext = unknown> = {
  name: string;
  execute: OutputGuardrailFunction<TOutput, TContext>;
};
export type OutputGuardrailMetadata = { type: 'output'; name: string };
export type OutputGuardrailResult<
  TMeta = OutputGuardrailMetadata,
  TOutput extends AgentOutputType = AgentOutputType,
> = {
  guardrail: TMeta;
  agentOutput: ResolvedAgentOutput<TOutput>;
  agent: AnyAgent;
  output: GuardrailFunctionOutput;
};

/** A guardrail that can also be run on its own. */
export type OutputGuardrailDefinition<
  TOutput extends AgentOutputType = 'text',
  TContext = unknown,
> = OutputGuardrailMetadata &
  OutputGuardrail<TOutput, TContext> & {
    guardrailFunction: OutputGuardrailFunction<TOutput, TContext>;
    run(
      args: OutputGuardrailFunctionArgs<TContext, TOutput>,
    ): Promise<OutputGuardrailResult<OutputGuardrailMetadata, TOutput>>;
  };

/** Makes an output guardrail that can be used in agents and runners, and be run on its own with `run(args)`. */
export function defineOutputGuardrail<TOutput extends AgentOutputType = 'text', TContext = unknown>({
  name,
  execute,
}: OutputGuardrail<TOutput, TContext>): OutputGuardrailDefinition<TOutput, TContext> {
  return {
    type: 'output',
    name,
    execute,
    guardrailFunction: execute,
    async run(args) {
      const output = await execute(args);
      return { guardrail: { type: 'output', name }, agent: args.agent, agentOutput: args.agentOutput, output };
    },
  };
}

/** An input guardrail stopped the run. `result` says which and why. */
export class InputGuardrailTripwireTriggered extends AgentsError {
  override readonly code = 'guardrail/input';
  result: InputGuardrailResult;
  constructor(message: string, result: InputGuardrailResult, state?: ErrorState) {
    super(message, state);
    this.result = result;
  }
}

/** An output guardrail stopped the run. `result` says which and why. */
export class OutputGuardrailTripwireTriggered extends AgentsError {
  override readonly code = 'guardrail/output';
  result: OutputGuardrailResult;
  constructor(message: string, result: OutputGuardrailResult, state?: ErrorState) {
    super(message, state);
    this.result = result;
  }
}
