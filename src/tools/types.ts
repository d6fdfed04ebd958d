/**
 * What a tool is, as data and callbacks. Names and members as in `@openai/agents`.
 */
import type { ToolTimeoutError } from '../protocol/errors.ts';
import type { FunctionCallItem, FunctionCallResultItem } from '../protocol/items.ts';
import type { JsonObjectSchema, JsonSchema } from '../protocol/json.ts';
import type { ToolAllowedCaller } from '../protocol/model.ts';
import type { InferOutput, JsonSchemaInput, StandardSchemaWithJSON } from '../schema/index.ts';
import type { RunContext } from './context.ts';
import type { ToolEffect, ToolOnUncertain, ToolReconcileFunction } from './recovery.ts';
import type { ToolInputGuardrailDefinition, ToolOutputGuardrailDefinition } from './guardrails.ts';

type MaybePromise<T> = T | Promise<T>;

/**
 * A function whose parameters are compared both ways, so that agents and tools of different contexts fit into one
 * list: the one that needs more is accepted where the one that needs less is asked for, but never an unrelated one.
 */
export type Callback<Args extends unknown[], Result> = { call(...args: Args): Result }['call'];
type BothWays<F extends (...args: never[]) => unknown> = Callback<Parameters<F>, ReturnType<F>>;

/** The agent that callbacks of tools see. The agent room declares its further members by module augmentation. */
export interface ToolAgent {
  readonly name: string;
}

/** Schema of a tool's arguments. `undefined`: no schema; `execute` gets the text that the model wrote. */
export type ToolInputParameters = undefined | StandardSchemaWithJSON | JsonSchemaInput;
/** Schema of what a tool returns. */
export type ToolOutputSchema = StandardSchemaWithJSON | JsonSchemaInput;

/** What `execute` gets: the validated value, `unknown` for plain JSON Schema, the raw text without a schema. */
export type ToolExecuteArgument<TParameters extends ToolInputParameters> = TParameters extends undefined
  ? string
  : InferOutput<TParameters>;

/** What a tool with this output schema returns. */
export type ToolResult<TOutputSchema extends ToolOutputSchema | undefined, Result> = [TOutputSchema] extends [undefined]
  ? Result
  : InferOutput<TOutputSchema>;

export type ToolAllowedCallers = readonly [ToolAllowedCaller, ...ToolAllowedCaller[]];
export type FunctionToolTimeoutBehavior = 'error_as_result' | 'raise_exception';

/** What a tool learns about the call that it answers. */
export type ToolCallDetails = {
  toolCall?: FunctionCallItem;
  /** The state of a nested run that is resumed, for tools that run agents. */
  resumeState?: string;
  /** Fires when the run is aborted, a sibling failed for good, or the tool's own `timeoutMs` is over. */
  signal?: AbortSignal;
  /** Inside a run: the same for each attempt of one call, and for no other call anywhere. For systems that take one. */
  idempotencyKey?: string;
  /** Inside a run: which attempt of the call it is, from 1. Above 1 a crash cut off the one before. */
  attempt?: number;
  /** Inside a durable run: grows with each worker that takes the run over. A system that compares it can refuse older ones. */
  fence?: number | undefined;
};

export type ToolExecuteFunction<TParameters extends ToolInputParameters, Context = unknown, Result = unknown> = (
  input: ToolExecuteArgument<TParameters>,
  context: RunContext<Context>,
  details?: ToolCallDetails,
) => MaybePromise<Result>;

/** Decides whether a call needs a person's approval. Gets its own copy of the validated arguments. */
export type ToolApprovalFunction<TParameters extends ToolInputParameters = ToolInputParameters, Context = unknown> = (
  runContext: RunContext<Context>,
  input: ToolExecuteArgument<TParameters>,
  callId?: string,
) => MaybePromise<boolean>;

export type ToolEnabledFunction<Context = unknown> = (
  runContext: RunContext<Context>,
  agent: ToolAgent,
) => Promise<boolean>;
export type ToolErrorFunction<Context = unknown, Result = string> = (
  context: RunContext<Context>,
  error: unknown,
  details?: ToolCallDetails,
) => MaybePromise<Result>;
export type ToolTimeoutErrorFunction<Context = unknown, Result = string> = (
  context: RunContext<Context>,
  error: ToolTimeoutError,
  details?: ToolCallDetails,
) => MaybePromise<Result>;

/** Data of yours on a tool's output item. Models never see it. */
export type ToolOutputCustomData = Record<string, unknown>;
export type FunctionToolCustomDataContext<Context = unknown> = {
  runContext: RunContext<Context>;
  tool: FunctionTool<Context>;
  toolCall: FunctionCallItem;
  /** The validated arguments; a copy. */
  input: unknown;
  /** What the tool returned, as it is. */
  output: unknown;
  rawItem: FunctionCallResultItem;
};
export type FunctionToolCustomDataExtractor<Context = unknown> = (
  context: FunctionToolCustomDataContext<Context>,
) => MaybePromise<ToolOutputCustomData | null | undefined>;

/**
 * A function that a model may call. Made by `tool()`, or by hand with the same members.
 *
 * Its callbacks are compared both ways, so that tools with different arguments and contexts fit into one list.
 */
export type FunctionTool<
  Context = unknown,
  TParameters extends ToolInputParameters = ToolInputParameters,
  Result = unknown,
> = {
  type: 'function';
  name: string;
  description: string;
  /** JSON Schema of the arguments. */
  parameters: JsonObjectSchema | JsonSchema;
  /** Whether the provider must make arguments follow the schema. */
  strict: boolean;
  /** OpenAI Responses only: hidden until a tool search loads it. */
  deferLoading?: boolean;
  /** Sent with the definition, as it is. */
  providerData?: Record<string, unknown>;
  /** OpenAI Responses only: who may call it. */
  allowedCallers?: ToolAllowedCallers;
  /** OpenAI Responses only: schema of the JSON that the tool returns. */
  outputSchema?: JsonObjectSchema | JsonSchema;
  /** Calls the tool with the JSON text that the model wrote. */
  invoke: Callback<
    [runContext: RunContext<Context>, input: string, details?: ToolCallDetails],
    Promise<string | Result>
  >;
  /** Only on tools with an output schema: makes a result of an error, `null` raises it. */
  errorFunction?: BothWays<ToolErrorFunction<Context, unknown>> | null;
  needsApproval: Callback<
    [runContext: RunContext<Context>, input: ToolExecuteArgument<TParameters>, callId?: string],
    Promise<boolean>
  >;
  /** Milliseconds that one call may take. */
  timeoutMs?: number;
  timeoutBehavior?: FunctionToolTimeoutBehavior;
  timeoutErrorFunction?: BothWays<ToolTimeoutErrorFunction<Context, unknown>>;
  isEnabled: BothWays<ToolEnabledFunction<Context>>;
  inputGuardrails?: ToolInputGuardrailDefinition<Context>[];
  outputGuardrails?: ToolOutputGuardrailDefinition<Context>[];
  customDataExtractor?: BothWays<FunctionToolCustomDataExtractor<Context>>;
  /** What a call changes, for durable runs. Absent counts as `once`. */
  effect?: ToolEffect;
  onUncertain?: ToolOnUncertain;
  askTimeoutMs?: number;
  reconcile?: BothWays<ToolReconcileFunction<never, Context>>;
};

/** A tool that the provider runs, such as a web search. */
export type HostedTool = { type: 'hosted_tool'; name: string; providerData?: Record<string, unknown> };
