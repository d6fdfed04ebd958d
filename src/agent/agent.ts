/**
 * An agent: a model with instructions, tools, handoffs and guardrails. Data and small functions; it runs nothing.
 */
import { ModelBehaviorError, UserError } from '../protocol/errors.ts';
import type { JsonSchemaDefinition } from '../protocol/json.ts';
import type { Model, ModelSettings, Prompt, SerializedOutputType } from '../protocol/model.ts';
import { warn } from '../protocol/warn.ts';
import { checkTimeout, getDefaultModelSettings } from '../model/index.ts';
import { type InferOutput, type StandardSchemaWithJSON, toObjectSchema, validate } from '../schema/index.ts';
import type { RunContext } from '../tools/context.ts';
import {
  type Callback,
  enabledOf,
  type FunctionTool,
  type HostedTool,
  type ToolCallDetails,
  type ToolInputParameters,
} from '../tools/index.ts';
import { type AgentTool, type AgentToolOptions, type AgentToolParameters, agentAsTool } from './as-tool.ts';
import { checkLists, checkOutputType, checkTools, checkToolUse, notAHandoff } from './check-options.ts';
import type { InputGuardrail, OutputGuardrail } from './guardrail.ts';
import { getHandoff, Handoff } from './handoff.ts';
import { AgentHooks } from './hooks.ts';
import type { RunToolCallOutputItem } from './items.ts';

/** Names of the published API for the defaults of an agent's type parameters. */
export type TextOutput = 'text';
export type UnknownContext = unknown;

/** What an agent answers with: text, or a value that fits a schema. */
export type AgentOutputType = 'text' | StandardSchemaWithJSON | JsonSchemaDefinition;

/** The type of `finalOutput` for an output type. */
export type ResolvedAgentOutput<TOutput> = TOutput extends 'text'
  ? string
  : TOutput extends StandardSchemaWithJSON
    ? InferOutput<TOutput>
    : unknown;

/** Any agent, whatever its context and output. */
export type AnyAgent = Agent<unknown, AgentOutputType>;

/** What an agent can use. */
export type Tool<TContext = unknown> = FunctionTool<TContext> | HostedTool;

/** What an agent of this context can use: a tool that asks for more of its context is refused. */
export type UsableTool<TContext> =
  | HostedTool
  | (FunctionTool<TContext> & {
      // A property, not a method: its parameters are compared one way only.
      invoke: (runContext: RunContext<TContext>, input: string, details?: ToolCallDetails) => Promise<unknown>;
    });

/** The result of a function tool, as `toolUseBehavior` sees it. */
export type FunctionToolResult<
  TContext = unknown,
  TParameters extends ToolInputParameters = ToolInputParameters,
  Result = unknown,
> = {
  type: 'function_output';
  tool: FunctionTool<TContext, TParameters, Result>;
  /** What the tool returned: the value itself while the process lives, else its text. */
  output: unknown;
  runItem: RunToolCallOutputItem;
};

export type ToolUseBehaviorFlags = 'run_llm_again' | 'stop_on_first_tool';
export type ToolsToFinalOutputResult =
  | { isFinalOutput: false; isInterrupted?: undefined }
  | { isFinalOutput: true; isInterrupted?: undefined; finalOutput: string };
export type ToolToFinalOutputFunction = Callback<
  [context: RunContext<unknown>, toolResults: FunctionToolResult[]],
  ToolsToFinalOutputResult | Promise<ToolsToFinalOutputResult>
>;
export type ToolUseBehavior = ToolUseBehaviorFlags | { stopAtToolNames: string[] } | ToolToFinalOutputFunction;

type Dynamic<TContext, T> = T | Callback<[runContext: RunContext<TContext>, agent: AnyAgent], T | Promise<T>>;

export type AgentConfiguration<TContext = unknown, TOutput extends AgentOutputType = 'text'> = {
  /** Names the agent in handoffs, traces and errors. Must not be blank. */
  name: string;
  /** What the agent is told to be and do: a text, or a function that makes it anew for each model call. @default '' */
  instructions: Dynamic<TContext, string>;
  /** A prompt kept by the provider (OpenAI Responses only). */
  prompt?: Dynamic<TContext, Prompt>;
  /** What the agent is good for, told to agents that can hand over to it. @default '' */
  handoffDescription: string;
  /** Agents that this one can hand over to. @default [] */
  handoffs: (AnyAgent | Handoff)[];
  /** Whether to warn when agents of a handoff have different output types. @default true */
  handoffOutputTypeWarningEnabled?: boolean;
  /** A model, or the name of one. @default the runner's model, else the default model */
  model: string | Model;
  /** @default what the model needs, else {} */
  modelSettings: ModelSettings;
  /** @default [] */
  tools: UsableTool<TContext>[];
  /** Checks on the input, where this agent is the first of a run. @default [] */
  inputGuardrails: InputGuardrail<TContext>[];
  /** Checks on the final output, where this agent gives it. @default [] */
  outputGuardrails: OutputGuardrail<TOutput, TContext>[];
  /** What the agent answers with. @default 'text' */
  outputType: TOutput;
  /** How often a model whose answer does not fit `outputType` is told so and asked again. @default 1 */
  outputRetries: number;
  /** What becomes of the results of function tools. @default 'run_llm_again' */
  toolUseBehavior: ToolUseBehavior;
  /** Whether a forced `toolChoice` is dropped once the agent has used a tool, so that it can answer. @default true */
  resetToolChoice: boolean;
};

/** Options of an agent: all but the name have a default. */
export type AgentOptions<TContext = unknown, TOutput extends AgentOutputType = 'text'> = Pick<
  AgentConfiguration<TContext, TOutput>,
  'name'
> &
  Partial<AgentConfiguration<TContext, TOutput>>;

type OutputOf<T> = T extends { outputType: infer O extends AgentOutputType }
  ? O
  : T extends Handoff<unknown, infer O>
    ? O
    : never;
export type HandoffsOutputUnion<Handoffs extends readonly (AnyAgent | Handoff)[]> = OutputOf<Handoffs[number]>;
export type AgentConfigWithHandoffs<
  TOutput extends AgentOutputType,
  Handoffs extends readonly (AnyAgent | Handoff)[],
> = Omit<AgentOptions<unknown, TOutput>, 'handoffs' | 'outputType' | 'outputGuardrails'> & {
  handoffs?: Handoffs;
  outputType?: TOutput;
  outputGuardrails?: OutputGuardrail<TOutput | HandoffsOutputUnion<Handoffs>>[];
};

/**
 * An agent.
 *
 * @example
 * const agent = new Agent({ name: 'Support', instructions: 'Help with orders.', tools: [findOrder] });
 * const result = await run(agent, 'Where is my order?');
 */
export class Agent<TContext = unknown, TOutput extends AgentOutputType = 'text'> extends AgentHooks<TContext> {
  static DEFAULT_MODEL_PLACEHOLDER = '';

  name: string;
  instructions: AgentConfiguration<TContext, TOutput>['instructions'];
  declare prompt?: AgentConfiguration<TContext, TOutput>['prompt'];
  handoffDescription: string;
  handoffs: (AnyAgent | Handoff)[];
  model: string | Model;
  modelSettings: ModelSettings;
  tools: Tool<TContext>[];
  inputGuardrails: InputGuardrail<TContext>[];
  outputGuardrails: OutputGuardrail<TOutput, TContext>[];
  outputType: TOutput;
  outputRetries: number;
  toolUseBehavior: ToolUseBehavior;
  resetToolChoice: boolean;
  readonly #explicit: { tools: boolean; modelSettings: boolean };
  #outputDefinition: { type: AgentOutputType; definition: SerializedOutputType } | undefined;

  constructor(config: AgentOptions<TContext, TOutput>) {
    super();
    if (typeof config?.name !== 'string' || config.name.trim() === '') {
      throw new UserError(
        `An agent was given the name ${JSON.stringify(config?.name)}. Give it one that is not blank.`,
      );
    }
    this.name = config.name;
    checkLists(this.name, config as Readonly<Record<string, unknown>>);
    this.instructions = config.instructions ?? '';
    if (config.prompt !== undefined) this.prompt = config.prompt;
    this.handoffDescription = config.handoffDescription ?? '';
    this.handoffs = config.handoffs ?? [];
    this.model = config.model ?? '';
    this.modelSettings = config.modelSettings ?? implicitSettings(this.model);
    this.tools = config.tools ?? [];
    this.inputGuardrails = config.inputGuardrails ?? [];
    this.outputGuardrails = config.outputGuardrails ?? [];
    // Without an output type the type parameter is its default.
    this.outputType = config.outputType ?? ('text' as TOutput);
    this.outputRetries = config.outputRetries ?? 1;
    this.toolUseBehavior = config.toolUseBehavior ?? 'run_llm_again';
    this.resetToolChoice = config.resetToolChoice ?? true;
    checkTimeout(this.modelSettings.timeoutMs);
    checkToolUse(this.name, this.toolUseBehavior);
    checkOutputType(this.name, this.outputType);
    this.#explicit = { tools: config.tools !== undefined, modelSettings: config.modelSettings !== undefined };
    checkTools(this.name, this.#self.tools);
    for (const target of this.handoffs)
      if (!(target instanceof Agent) && !(target instanceof Handoff)) throw notAHandoff(this.name, target);
    if (config.handoffOutputTypeWarningEnabled !== false) warnOfOutputTypes(this.name, this.outputType, this.handoffs);
  }

  /** Makes an agent whose output type is the union of its own and those of its handoffs. */
  static create<TOutput extends AgentOutputType = 'text', const Handoffs extends readonly (AnyAgent | Handoff)[] = []>(
    config: AgentConfigWithHandoffs<TOutput, Handoffs>,
  ): Agent<unknown, TOutput | HandoffsOutputUnion<Handoffs>> {
    const options = { ...config, handoffOutputTypeWarningEnabled: false } as AgentOptions<
      unknown,
      TOutput | HandoffsOutputUnion<Handoffs>
    >;
    return new Agent(options);
  }

  /** A copy with other options. Lists are shared unless they are given; `undefined` sets an option back. */
  clone(config: Partial<AgentConfiguration<TContext, TOutput>>): Agent<TContext, TOutput> {
    const { modelSettings } = this.#explicit;
    const own: Partial<AgentConfiguration<TContext, TOutput>> = {
      instructions: this.instructions,
      ...(this.prompt !== undefined && { prompt: this.prompt }),
      handoffDescription: this.handoffDescription,
      handoffs: this.handoffs,
      model: this.model,
      ...(modelSettings && { modelSettings: this.modelSettings }),
      tools: this.tools,
      inputGuardrails: this.inputGuardrails,
      outputGuardrails: this.outputGuardrails,
      outputType: this.outputType,
      outputRetries: this.outputRetries,
      toolUseBehavior: this.toolUseBehavior,
      resetToolChoice: this.resetToolChoice,
      handoffOutputTypeWarningEnabled: false,
    };
    return new Agent({ ...own, ...config, name: config.name ?? this.name });
  }

  /**
   * Makes a tool of this agent, for another agent to call. The call is a run of its own, within the caller's run.
   *
   * @example `researcher.tools.push(summarizer.asTool({ toolName: 'summarize', toolDescription: 'Summarizes text.' }))`
   */
  asTool<TParameters extends AgentToolParameters | undefined = undefined>(
    options: AgentToolOptions<TContext, TOutput, TParameters> = {},
  ): AgentTool<TContext, TOutput> {
    return agentAsTool<TContext, TOutput, TParameters>(this, options);
  }

  /** The instructions for a run: the text, or what the function makes of the context. */
  async getSystemPrompt(runContext: RunContext<TContext>): Promise<string | undefined> {
    return typeof this.instructions === 'function' ? this.instructions(runContext, this.#self) : this.instructions;
  }

  async getPrompt(runContext: RunContext<TContext>): Promise<Prompt | undefined> {
    return typeof this.prompt === 'function' ? this.prompt(runContext, this.#self) : this.prompt;
  }

  /** @internal The tools, where all are enabled in every context. */
  get fixedTools(): Tool<TContext>[] | undefined {
    for (const tool of this.tools) if (tool.type === 'function' && enabledOf(tool) !== true) return undefined;
    return this.tools;
  }

  /** The tools that are enabled in this context. */
  async getAllTools(runContext: RunContext<TContext>): Promise<Tool<TContext>[]> {
    const fixed = this.fixedTools;
    if (fixed) return fixed;
    const enabled = await Promise.all(
      this.tools.map(async (tool) => {
        if (tool.type !== 'function') return true;
        const known = enabledOf(tool);
        return known === 'dynamic' ? tool.isEnabled(runContext, this.#self) : known;
      }),
    );
    return this.tools.filter((_, n) => enabled[n]);
  }

  /** Itself, without its type parameters: callbacks get agents of any kind. */
  get #self(): AnyAgent {
    return this;
  }

  /** Whether a tools list was given, be it empty. */
  hasExplicitToolConfig(): boolean {
    return this.#explicit.tools;
  }

  /** Whether model settings were given, rather than implied by the model. */
  hasExplicitModelSettings(): boolean {
    return this.#explicit.modelSettings;
  }

  /** The handoffs that are enabled in this context. */
  async getEnabledHandoffs(runContext: RunContext<TContext>): Promise<Handoff[]> {
    const handoffs = this.handoffs.map((target) => getHandoff(target));
    const enabled = await Promise.all(handoffs.map(async (each) => each.isEnabled({ runContext, agent: this.#self })));
    return handoffs.filter((_, n) => enabled[n]);
  }

  /** `text`, or the name of the schema that the provider is told. */
  get outputSchemaName(): string {
    const outputType: AgentOutputType = this.outputType;
    if (outputType === 'text') return 'text';
    if (isDefinition(outputType)) return outputType.name;
    return outputType['~standard'].vendor === 'zod' ? 'ZodOutput' : 'StandardSchemaOutput';
  }

  /** The output type as a provider gets it. */
  get outputDefinition(): SerializedOutputType {
    const outputType: AgentOutputType = this.outputType;
    if (outputType === 'text') return 'text';
    if (isDefinition(outputType)) return outputType;
    if (this.#outputDefinition?.type === outputType) return this.#outputDefinition.definition;
    const schema = toObjectSchema(outputType, { name: `output of agent "${this.name}"`, strict: true, io: 'output' });
    const definition: SerializedOutputType = { type: 'json_schema', name: 'output', strict: true, schema };
    this.#outputDefinition = { type: outputType, definition };
    return definition;
  }

  /**
   * The value of a final output's text.
   *
   * @throws ModelBehaviorError where the text does not fit the output type.
   */
  processFinalOutput(output: string): ResolvedAgentOutput<TOutput> {
    const outputType: AgentOutputType = this.outputType;
    // What follows is checked at run time; the compiler cannot follow a conditional type.
    if (outputType === 'text') return output as ResolvedAgentOutput<TOutput>;
    let value: unknown;
    try {
      value = JSON.parse(output);
    } catch (error) {
      throw withCause(
        new ModelBehaviorError(`The answer does not fit outputType: it is not JSON (${messageOf(error)}).`),
        error,
      );
    }
    if (isDefinition(outputType)) return value as ResolvedAgentOutput<TOutput>;
    const parsed = validate(outputType, value);
    if (parsed.ok) return parsed.value as ResolvedAgentOutput<TOutput>;
    const issues = parsed.issues
      .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
      .join('; ');
    throw withCause(new ModelBehaviorError(`The answer does not fit outputType: ${issues}`), parsed.error);
  }

  toJSON(): { name: string } {
    return { name: this.name };
  }
}

declare module '../tools/types.ts' {
  interface ToolAgent extends AnyAgent {}
}

const isDefinition = (type: Exclude<AgentOutputType, 'text'>): type is JsonSchemaDefinition => !('~standard' in type);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const withCause = <E extends Error>(error: E, cause: unknown): E => Object.assign(error, { cause });

const implicitSettings = (model: string | Model): ModelSettings =>
  typeof model === 'string' ? getDefaultModelSettings(model === '' ? undefined : model) : {};

function warnOfOutputTypes(name: string, own: AgentOutputType, handoffs: readonly (AnyAgent | Handoff)[]): void {
  const types = new Set<unknown>([
    own,
    ...handoffs.map((each) => (each instanceof Handoff ? each.agent : each).outputType),
  ]);
  if (types.size <= 1) return;
  warn(
    `Agent "${name}" and its handoffs have different output types. ` +
      'Make it with Agent.create() to get the union as type of finalOutput, ' +
      'or set handoffOutputTypeWarningEnabled to false.',
  );
}
