/**
 * Agents as tools. The tool is data: what it runs and how its result is taken. The run room carries it out as a
 * run of its own; this room never imports it.
 */
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem, FunctionCallItem } from '../protocol/items.ts';
import type { JsonObjectSchema } from '../protocol/json.ts';
import type { InferOutput, SchemaLike, StandardSchemaWithJSON } from '../schema/index.ts';
import type { RunContext } from '../tools/context.ts';
import {
  type Callback,
  type FunctionTool,
  tool,
  type ToolInputGuardrailDefinition,
  type ToolOutputGuardrailDefinition,
} from '../tools/index.ts';
import type { Agent, AgentOutputType, AnyAgent, ResolvedAgentOutput } from './agent.ts';
import { identifier } from './names.ts';
import type { RunStreamEvent } from './stream-events.ts';

export type AgentToolParameters = SchemaLike;

/** Which call of which tool a sub-agent's run answers. */
export type AgentToolInvocation = Readonly<{ toolName: string; toolCallId?: string; toolArguments?: string }>;

export type StructuredToolInputBuilderOptions<TParams = unknown> = {
  params: TParams;
  summary?: string;
  jsonSchema?: JsonObjectSchema;
};
export type StructuredToolInputBuilder<TParams = unknown> = Callback<
  [options: StructuredToolInputBuilderOptions<TParams>],
  string | AgentInputItem[] | Promise<string | AgentInputItem[]>
>;

/** What a sub-agent's run is to an extractor: the members of a result that do not depend on the run room. */
export interface AgentToolResult<TOutput = unknown> {
  readonly finalOutput: TOutput;
  readonly agentToolInvocation: AgentToolInvocation;
}

/** A sub-agent's event, with the call that it belongs to. */
export type AgentToolStreamEvent = { event: RunStreamEvent; agent: AnyAgent; toolCall?: FunctionCallItem };
export type AgentToolEventHandler = (event: AgentToolStreamEvent) => void | Promise<void>;
export type AgentToolEventName = RunStreamEvent['type'] | '*';

/** Run config and options for the sub-agent's run; the run room declares their members. */
export interface AgentToolRunConfig {}
export interface AgentToolRunOptions {}

type Params<TParameters> = TParameters extends SchemaLike ? InferOutput<TParameters> : { input: string };

export type AgentToolOptions<
  TContext,
  TOutput extends AgentOutputType,
  TParameters extends AgentToolParameters | undefined = undefined,
> = {
  /** @default the agent's name, made safe for a function */
  toolName?: string;
  /** What the tool does and when to use it. @default '' */
  toolDescription?: string;
  /** Makes the tool's output of the sub-agent's result. @default the last text, else the final output */
  customOutputExtractor?: Callback<[output: AgentToolResult<ResolvedAgentOutput<TOutput>>], string | Promise<string>>;
  /** Whether a person must approve each call. @default false */
  needsApproval?:
    | boolean
    | Callback<
        [context: RunContext<TContext>, input: Params<TParameters>, callId?: string],
        Promise<boolean> | boolean
      >;
  /** The schema of the tool's arguments. @default `{ input: string }` */
  parameters?: TParameters;
  /** Makes the sub-agent's input of the arguments. */
  inputBuilder?: StructuredToolInputBuilder<Params<TParameters>>;
  /** Whether the sub-agent is shown the full JSON Schema of its arguments. @default false */
  includeInputSchema?: boolean;
  /** Run config of the sub-agent's run, over that of the caller. */
  runConfig?: AgentToolRunConfig;
  /** Run options of the sub-agent's run. */
  runOptions?: AgentToolRunOptions;
  /** What becomes of the saved context when a saved run is resumed. @default 'merge' */
  resumeState?: { contextStrategy?: 'merge' | 'replace' | 'preferSerialized' };
  /** Whether the model is offered the tool. @default true */
  isEnabled?:
    | boolean
    | Callback<[args: { runContext: RunContext<TContext>; agent: AnyAgent }], boolean | Promise<boolean>>;
  /** Gets the sub-agent's stream events as they come. */
  onStream?: AgentToolEventHandler;
  /** How many events may wait for a slow `onStream`; more fail the call. `null`: any number. @default 1024 */
  onStreamMaxPendingEvents?: number | null;
  /** Whether the sub-agent's events show in the caller's stream, as `agent_tool_stream_event`. @default false */
  forwardEvents?: boolean;
  inputGuardrails?: ToolInputGuardrailDefinition<TContext>[];
  outputGuardrails?: ToolOutputGuardrailDefinition<TContext>[];
};

/** Options of an agent tool that takes `{ input: string }`. */
export type AgentToolOptionsWithDefault<TContext, TOutput extends AgentOutputType> = Omit<
  AgentToolOptions<TContext, TOutput>,
  'parameters'
> & { parameters?: undefined };

/** Options of an agent tool with parameters of its own. */
export type AgentToolOptionsWithParameters<
  TContext,
  TOutput extends AgentOutputType,
  TParameters extends AgentToolParameters,
> = AgentToolOptions<TContext, TOutput, TParameters> & { parameters: TParameters };

/** What the run room needs to carry out an agent tool. */
export type AgentToolSpec = {
  readonly agent: AnyAgent;
  readonly parameters: AgentToolParameters | undefined;
  readonly options: Omit<
    AgentToolOptions<unknown, AgentOutputType, undefined>,
    'parameters' | 'inputBuilder' | 'needsApproval' | 'isEnabled' | 'customOutputExtractor'
  > & {
    inputBuilder?: StructuredToolInputBuilder;
    customOutputExtractor?: Callback<[output: AgentToolResult], string | Promise<string>>;
  };
  readonly handlers: { readonly name: AgentToolEventName; readonly handler: AgentToolEventHandler }[];
};

const SPEC = Symbol('baton.agent-tool');

/** A tool that is an agent. */
export type AgentTool<
  TContext = unknown,
  TOutput extends AgentOutputType = AgentOutputType,
> = FunctionTool<TContext> & {
  /** Watches the sub-agent's stream events: those of one type, or all with `*`. */
  on(name: AgentToolEventName, handler: AgentToolEventHandler): AgentTool<TContext, TOutput>;
};

/** What an agent tool runs; `undefined` for other tools. */
export function agentToolSpec(candidate: object): AgentToolSpec | undefined {
  return (candidate as { [SPEC]?: AgentToolSpec })[SPEC];
}

const DEFAULT_SCHEMA: JsonObjectSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
  additionalProperties: false,
};

/** `{ input: string }` as a Standard Schema. */
const DEFAULT_PARAMETERS: StandardSchemaWithJSON<{ input: string }> = {
  '~standard': {
    version: 1,
    vendor: 'baton',
    validate(value: unknown) {
      const input = typeof value === 'object' && value !== null && 'input' in value ? value.input : undefined;
      if (typeof input === 'string') return { value: { input } };
      return { issues: [{ message: 'expected a string', path: ['input'] }] };
    },
    jsonSchema: { input: () => DEFAULT_SCHEMA, output: () => DEFAULT_SCHEMA },
  },
};

export function agentAsTool<
  TContext,
  TOutput extends AgentOutputType,
  TParameters extends AgentToolParameters | undefined,
>(
  agent: Agent<TContext, TOutput>,
  options: AgentToolOptions<TContext, TOutput, TParameters>,
): AgentTool<TContext, TOutput> {
  const { toolName = identifier(agent.name), toolDescription = '', parameters, needsApproval, isEnabled } = options;
  checkPending(toolName, options.onStreamMaxPendingEvents);
  const base = tool<SchemaLike, TContext>({
    name: toolName,
    description: toolDescription,
    parameters: parameters ?? DEFAULT_PARAMETERS,
    strict: true,
    // It gets what `parameters` validated.
    needsApproval: needsApproval as boolean | undefined,
    isEnabled,
    inputGuardrails: options.inputGuardrails,
    outputGuardrails: options.outputGuardrails,
    execute() {
      throw new UserError(
        `Agent tool "${toolName}" can only be called inside a run. Put it into an agent's tools, or use run(agent, input).`,
      );
    },
  });
  const handlers: AgentToolSpec['handlers'] = options.onStream ? [{ name: '*', handler: options.onStream }] : [];
  // The spec is read by the run room only, which gives each callback what its types promise.
  const spec: AgentToolSpec = { agent, parameters, options, handlers };
  const result: AgentTool<TContext, TOutput> = Object.assign(base, {
    [SPEC]: spec,
    on(name: AgentToolEventName, handler: AgentToolEventHandler) {
      handlers.push({ name, handler });
      return result;
    },
  });
  return result;
}

function checkPending(tool: string, value: number | null | undefined): void {
  if (value === undefined || value === null || (Number.isSafeInteger(value) && value > 0)) return;
  throw new UserError(`Tool "${tool}": onStreamMaxPendingEvents is ${value}. Give a whole number above 0, or null.`);
}
