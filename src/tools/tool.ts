/** `tool()`: a function of yours, as something that a model may call. */
import { UserError } from '../protocol/errors.ts';
import type { SerializedFunctionTool } from '../protocol/model.ts';
import type { Conversion } from '../schema/index.ts';
import { convert, isStandardSchema } from '../schema/index.ts';
import { resolveToolInputGuardrails, resolveToolOutputGuardrails } from './guardrails.ts';
import { makeInvoke, TOOL_ERROR_TEXT } from './invoke.ts';
import type { Definition } from './invoke.ts';
import { namespaceOf } from './namespace.ts';
import { checkOptions, resolveName } from './options.ts';
import type { ToolOptions } from './options.ts';
import type {
  FunctionTool,
  FunctionToolTimeoutBehavior,
  ToolEnabledFunction,
  ToolInputParameters,
  ToolOutputSchema,
  ToolResult,
} from './types.ts';

// One function each for all tools, so that what is decided can be seen without asking.
const never = async (): Promise<boolean> => false;
const always = async (): Promise<boolean> => true;
const enabled: ToolEnabledFunction = async () => true;
const disabled: ToolEnabledFunction = async () => false;

const defaultError = (): string => TOOL_ERROR_TEXT;
const NO_PARAMETERS = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;

/**
 * Makes a tool of a function.
 *
 * @example
 * const getWeather = tool({
 *   name: 'get_weather',
 *   description: 'The weather in a city, in degrees Celsius.',
 *   parameters: z.object({ city: z.string() }),
 *   execute: async ({ city }) => `${city}: 21 °C`,
 * });
 *
 * @throws UserError that names the option, its value and the remedy
 */
export function tool<
  TParameters extends ToolInputParameters = undefined,
  Context = unknown,
  Result = unknown,
  TOutputSchema extends ToolOutputSchema | undefined = undefined,
>(
  options: ToolOptions<TParameters, Context, TOutputSchema, Result>,
): FunctionTool<Context, TParameters, ToolResult<TOutputSchema, Result>> {
  const { parameters, outputSchema, strict = true, errorFunction, needsApproval, isEnabled } = options;
  const name = resolveName(options.name, options.execute);
  checkOptions(name, options);
  const subject = `Tool "${name}"`;
  const conversion = parameters === undefined ? undefined : convert(parameters, { name: subject, strict });
  const output = outputSchema === undefined ? undefined : convertOutput(outputSchema, subject);
  const limits = resolveLimits(name, options, outputSchema !== undefined);
  const definition: Definition = {
    name,
    schema: parameters,
    conversion,
    outputSchema,
    execute: options.execute,
    errorFunction: errorFunction === undefined ? (outputSchema === undefined ? defaultError : null) : errorFunction,
  };

  const made = {
    type: 'function',
    name,
    description: options.description,
    parameters: conversion?.schema ?? { ...NO_PARAMETERS, properties: {}, required: [] },
    strict,
    deferLoading: options.deferLoading ?? false,
    providerData: options.providerData,
    ...(options.allowedCallers && { allowedCallers: options.allowedCallers }),
    ...(output && { outputSchema: output, errorFunction: errorFunction ?? null }),
    invoke: makeInvoke<Context>(definition, limits),
    needsApproval: typeof needsApproval === 'function' ? askEach(needsApproval) : needsApproval ? always : never,
    timeoutMs: limits.timeoutMs,
    timeoutBehavior: limits.timeoutBehavior,
    timeoutErrorFunction: limits.timeoutErrorFunction,
    isEnabled: typeof isEnabled === 'function' ? askAgent(isEnabled) : isEnabled === false ? disabled : enabled,
    inputGuardrails: resolveToolInputGuardrails(options.inputGuardrails),
    outputGuardrails: resolveToolOutputGuardrails(options.outputGuardrails),
    customDataExtractor: options.customDataExtractor,
    ...(options.effect && { effect: options.effect }),
    ...(options.onUncertain && { onUncertain: options.onUncertain }),
    ...(options.askTimeoutMs !== undefined && { askTimeoutMs: options.askTimeoutMs }),
    ...(options.reconcile && { reconcile: options.reconcile }),
  } satisfies FunctionTool<Context, TParameters>;
  return made as FunctionTool<Context, TParameters, ToolResult<TOutputSchema, Result>>;
}

function askEach<Args extends unknown[]>(
  decide: (...args: Args) => boolean | Promise<boolean>,
): (...args: Args) => Promise<boolean> {
  return async (...args) => Boolean(await decide(...args));
}

function askAgent<Context>(
  decide: Exclude<ToolOptions<undefined, Context>['isEnabled'], boolean | undefined>,
): ToolEnabledFunction<Context> {
  return async (runContext, agent) => Boolean(await decide({ runContext, agent }));
}

function convertOutput(schema: ToolOutputSchema, subject: string): Conversion['schema'] {
  // A plain JSON Schema is sent as it is; nothing here checks results against it.
  const strict = isStandardSchema(schema);
  return convert(schema, { name: `${subject} outputSchema`, strict, io: 'output' }).schema;
}

type LimitOptions<Context> = Pick<FunctionTool<Context>, 'timeoutMs' | 'timeoutBehavior' | 'timeoutErrorFunction'>;

function resolveLimits<Context>(name: string, options: LimitOptions<Context>, structured: boolean) {
  const { timeoutMs, timeoutBehavior, timeoutErrorFunction } = options;
  const byDefault: FunctionToolTimeoutBehavior = structured ? 'raise_exception' : 'error_as_result';
  if (structured && timeoutBehavior === 'error_as_result' && timeoutErrorFunction === undefined) {
    throw new UserError(
      `Tool "${name}" has an outputSchema, which the usual text for a timeout does not fit. ` +
        "Add a timeoutErrorFunction that returns what fits, or use timeoutBehavior: 'raise_exception'.",
    );
  }
  return { name, timeoutMs, timeoutBehavior: timeoutBehavior ?? byDefault, timeoutErrorFunction };
}

/**
 * Whether calls need approval, where that is known without asking: `never` and `always` for a boolean,
 * `dynamic` for a function and for a tool made by hand.
 */
export function approvalOf(tool: Pick<FunctionTool<never>, 'needsApproval'>): 'never' | 'always' | 'dynamic' {
  const decide: unknown = tool.needsApproval;
  return decide === never ? 'never' : decide === always ? 'always' : 'dynamic';
}

/** Whether a tool is offered, where that is known without asking; `dynamic` for a function and for a tool made by hand. */
export function enabledOf(tool: Pick<FunctionTool<never>, 'isEnabled'>): boolean | 'dynamic' {
  const decide: unknown = tool.isEnabled;
  return decide === enabled ? true : decide === disabled ? false : 'dynamic';
}

/** The tool as a model request carries it. */
export function serializeFunctionTool(tool: FunctionTool<never>): SerializedFunctionTool {
  const { name, description, strict, deferLoading, providerData, allowedCallers, outputSchema } = tool;
  const namespace = namespaceOf(tool);
  return {
    type: 'function',
    name,
    description,
    // A tool made by hand may leave keywords out; the request takes it as it is.
    parameters: tool.parameters as SerializedFunctionTool['parameters'],
    strict,
    ...(deferLoading !== undefined && { deferLoading }),
    ...(providerData && { providerData }),
    ...(allowedCallers && { allowedCallers: [...allowedCallers] }),
    ...(outputSchema && { outputSchema: outputSchema as SerializedFunctionTool['parameters'] }),
    ...(namespace && { namespace: namespace.name, namespaceDescription: namespace.description }),
  };
}
