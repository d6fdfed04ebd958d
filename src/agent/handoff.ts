/**
 * Handoffs: one agent gives the conversation to another. The model sees a handoff as a tool.
 */
import { ModelBehaviorError, UserError } from '../protocol/errors.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import type { JsonObjectSchema } from '../protocol/json.ts';
import { type InferOutput, type SchemaLike, toObjectSchema, validate } from '../schema/index.ts';
import type { RunContext } from '../tools/context.ts';
import type { Callback, ToolInputGuardrailDefinition, ToolOutputGuardrailDefinition } from '../tools/index.ts';
import type { Agent, AgentOutputType, AnyAgent } from './agent.ts';
import type { RunItem } from './items.ts';
import { identifier } from './names.ts';

/** What a handoff's filter gets and returns. */
export type HandoffInputData = {
  /** The input of the run. */
  inputHistory: string | AgentInputItem[];
  /** Items from before the turn of the handoff. */
  preHandoffItems: RunItem[];
  /** Items of the turn of the handoff, its call and output included. */
  newItems: RunItem[];
  runContext?: RunContext<unknown>;
};
export type HandoffInputFilter = (input: HandoffInputData) => HandoffInputData;

type EnabledArgs<TContext> = { runContext: RunContext<TContext>; agent: AnyAgent };
export type HandoffEnabledFunction<TContext = unknown> = Callback<
  [args: EnabledArgs<TContext>],
  Promise<boolean> | boolean
>;

/** `undefined` where no `inputType` was given. */
export type HandoffInput<TInput> = TInput extends SchemaLike ? InferOutput<TInput> : undefined;

export type HandoffConfig<TInput extends SchemaLike | undefined = undefined, TContext = unknown> = {
  /** @default `transfer_to_<agent's name>` */
  toolNameOverride?: string;
  toolDescriptionOverride?: string;
  /** What this agent is good for, in this handoff. @default the agent's `handoffDescription` */
  handoffDescription?: string;
  /** Called when the model hands over, before the new agent starts. */
  onHandoff?: Callback<[context: RunContext<TContext>, input: HandoffInput<TInput>], Promise<void> | void>;
  /** What the model must say when it hands over. Needs `onHandoff`. */
  inputType?: TInput;
  /** Rewrites what the new agent sees. */
  inputFilter?: HandoffInputFilter;
  /** Whether the model is offered this handoff. @default true */
  isEnabled?: boolean | HandoffEnabledFunction<TContext>;
  inputGuardrails?: ToolInputGuardrailDefinition<TContext>[];
  outputGuardrails?: ToolOutputGuardrailDefinition<TContext>[];
};

type Invoke<TContext, TOutput extends AgentOutputType> = Callback<
  [context: RunContext<TContext>, args: string],
  Promise<Agent<TContext, TOutput>> | Agent<TContext, TOutput>
>;

export type HandoffCloneOptions<TContext = unknown, TOutput extends AgentOutputType = AgentOutputType> = Partial<
  Pick<
    Handoff<TContext, TOutput>,
    | 'agent'
    | 'onInvokeHandoff'
    | 'agentName'
    | 'toolName'
    | 'toolDescription'
    | 'inputJsonSchema'
    | 'strictJsonSchema'
    | 'inputFilter'
    | 'isEnabled'
  >
>;

const NO_INPUT: JsonObjectSchema = { type: 'object', properties: {}, required: [], additionalProperties: false };
const always = (): boolean => true;

export class Handoff<TContext = unknown, TOutput extends AgentOutputType = AgentOutputType> {
  agent: Agent<TContext, TOutput>;
  agentName: string;
  toolName: string;
  toolDescription: string;
  inputJsonSchema: JsonObjectSchema = NO_INPUT;
  strictJsonSchema = true;
  onInvokeHandoff: Invoke<TContext, TOutput>;
  declare inputFilter?: HandoffInputFilter;
  isEnabled: HandoffEnabledFunction<TContext> = always;
  inputGuardrails: ToolInputGuardrailDefinition<TContext>[] = [];
  outputGuardrails: ToolOutputGuardrailDefinition<TContext>[] = [];
  /** Whether handing over calls nobody: there is no `onHandoff`. */
  readonly plain: boolean;

  constructor(agent: Agent<TContext, TOutput>, onInvokeHandoff: Invoke<TContext, TOutput>, plain = false) {
    this.agent = agent;
    this.agentName = agent.name;
    this.onInvokeHandoff = onInvokeHandoff;
    this.plain = plain;
    this.toolName = `transfer_to_${identifier(agent.name)}`;
    this.toolDescription = describe(agent.name, agent.handoffDescription);
  }

  /** The handoff as the model sees it. */
  getHandoffAsFunctionTool(): {
    type: 'function';
    name: string;
    description: string;
    parameters: JsonObjectSchema;
    strict: boolean;
  } {
    return {
      type: 'function',
      name: this.toolName,
      description: this.toolDescription,
      parameters: this.inputJsonSchema,
      strict: this.strictJsonSchema,
    };
  }

  /** A copy with some members replaced. */
  clone(overrides: HandoffCloneOptions<TContext, TOutput> = {}): Handoff<TContext, TOutput> {
    const agent = overrides.agent ?? this.agent;
    const invoke = overrides.onInvokeHandoff ?? (overrides.agent ? () => agent : this.onInvokeHandoff);
    const copy = new Handoff(agent, invoke, this.plain && !overrides.onInvokeHandoff);
    const { plain } = copy;
    return Object.assign(copy, this, overrides, { agent, plain, onInvokeHandoff: invoke });
  }
}

const describe = (name: string, description: string): string =>
  `Hands the conversation over to the agent "${name}". ${description}`.trimEnd();

/**
 * Makes a handoff with options. An agent in `handoffs` is the same as `handoff(agent)`.
 *
 * @throws UserError where `inputType` comes without `onHandoff`, or a name or schema cannot be used.
 */
export function handoff<
  TContext = unknown,
  TOutput extends AgentOutputType = AgentOutputType,
  TInput extends SchemaLike | undefined = undefined,
>(agent: Agent<TContext, TOutput>, config: HandoffConfig<TInput, TContext> = {}): Handoff<TContext, TOutput> {
  const { onHandoff, inputType, inputFilter, isEnabled, handoffDescription } = config;
  if (inputType && !onHandoff) {
    throw new UserError(
      `Handoff to "${agent.name}": inputType needs onHandoff, which gets the input. Add onHandoff or leave inputType out.`,
    );
  }
  const invoke = async (context: RunContext<TContext>, args: string): Promise<Agent<TContext, TOutput>> => {
    if (inputType) await onHandoff?.(context, parseInput(inputType, result.toolName, args) as HandoffInput<TInput>);
    else await onHandoff?.(context, undefined as HandoffInput<TInput>);
    return agent;
  };
  const result = new Handoff(agent, invoke, !onHandoff);
  if (handoffDescription !== undefined) result.toolDescription = describe(agent.name, handoffDescription);
  if (config.toolNameOverride !== undefined) result.toolName = config.toolNameOverride;
  if (config.toolDescriptionOverride !== undefined) result.toolDescription = config.toolDescriptionOverride;
  if (inputFilter) result.inputFilter = inputFilter;
  if (isEnabled !== undefined) result.isEnabled = typeof isEnabled === 'function' ? isEnabled : () => isEnabled;
  if (config.inputGuardrails) result.inputGuardrails = config.inputGuardrails;
  if (config.outputGuardrails) result.outputGuardrails = config.outputGuardrails;
  if (inputType) {
    result.inputJsonSchema = toObjectSchema(inputType, { name: result.toolName, strict: true, io: 'input' });
  }
  return result;
}

function parseInput(inputType: SchemaLike, name: string, args: string): unknown {
  if (!args) throw new ModelBehaviorError(`The model called "${name}" without the input that its inputType asks for.`);
  let value: unknown;
  try {
    value = JSON.parse(args);
  } catch (error) {
    throw Object.assign(new ModelBehaviorError(`The input that the model gave "${name}" is not JSON.`), {
      cause: error,
    });
  }
  const parsed = validate(inputType, value);
  if (parsed.ok) return parsed.value;
  const text = `The input that the model gave "${name}" does not fit its inputType.`;
  throw Object.assign(new ModelBehaviorError(text), { cause: parsed.error });
}

/** The handoff of an agent; a handoff is returned as it is. */
export function getHandoff<TContext, TOutput extends AgentOutputType>(
  target: Agent<TContext, TOutput> | Handoff<TContext, TOutput>,
): Handoff<TContext, TOutput> {
  return target instanceof Handoff ? target : handoff(target);
}

/** What the model is told after a handoff. */
export const getTransferMessage = (agent: { readonly name: string }): string =>
  JSON.stringify({ assistant: agent.name });
