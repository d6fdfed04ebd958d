/**
 * Calling a function tool: parse the arguments once, run, bound the time, make a result of an error.
 *
 * I1 The text of a call is parsed and validated once; approval, guardrails and execution share the outcome.
 * I2 A call without `timeoutMs` makes no timer, no listener and no AbortController.
 * I3 When a timeout was answered, what the tool does later reaches nobody: no error function, no rejection.
 */
import { InvalidToolInputError, InvalidToolOutputError, ToolTimeoutError } from '../protocol/errors.ts';
import type { Conversion, SchemaLike } from '../schema/index.ts';
import { validate } from '../schema/index.ts';
import type { RunContext } from './context.ts';
import type {
  FunctionTool,
  FunctionToolTimeoutBehavior,
  ToolCallDetails,
  ToolErrorFunction,
  ToolExecuteFunction,
  ToolTimeoutErrorFunction,
} from './types.ts';

export const MALFORMED_ARGUMENTS_TEXT =
  'The tool was not run: its arguments are not valid JSON. Call it again with valid JSON.';
export const TOOL_ERROR_TEXT = 'An error occurred while running the tool. Please try again.';

/** The arguments of a call, parsed and validated. */
export type PreparedArguments =
  | { readonly ok: true; readonly value: unknown }
  /** `malformed`: not JSON. `invalid`: JSON that does not fit the schema; `value` is that JSON. */
  | {
      readonly ok: false;
      readonly kind: 'malformed' | 'invalid';
      readonly value?: unknown;
      readonly error: InvalidToolInputError;
    };

/** What `tool()` knows about a tool, beyond its public members. Typed loosely: it belongs to tools of all types. */
export type Definition = {
  readonly name: string;
  readonly schema: SchemaLike | undefined;
  readonly conversion: Conversion | undefined;
  readonly outputSchema: SchemaLike | undefined;
  readonly execute: ToolExecuteFunction<never, never>;
  /** `null` raises. */
  readonly errorFunction: ToolErrorFunction<never, unknown> | null;
};

const DEFINITION: unique symbol = Symbol('tool definition');
type Invoke = (runContext: RunContext<never>, input: string, details?: ToolCallDetails) => Promise<unknown>;

/** Binds a definition to its `invoke`, so that copies of a tool (`{ ...tool }`, a namespace) keep it. */
export function withDefinition<F extends (...args: never[]) => unknown>(invoke: F, definition: Definition): F {
  Object.defineProperty(invoke, DEFINITION, { value: definition });
  return invoke;
}

function definitionOf(invoke: Invoke): Definition | undefined {
  return (invoke as Invoke & { [DEFINITION]?: Definition })[DEFINITION];
}

/**
 * Parses and validates the arguments of a call. For a tool made by hand: parses only, its `invoke` does the rest.
 */
export function prepareArguments(tool: Pick<FunctionTool<never>, 'invoke'>, json: string): PreparedArguments {
  return prepare(definitionOf(tool.invoke), json);
}

function prepare(definition: Definition | undefined, json: string): PreparedArguments {
  if (definition && definition.schema === undefined) return { ok: true, value: json };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The engine's own message quotes the text, which may be confidential.
    const cause = new SyntaxError(`The arguments, ${json.length} characters, are not valid JSON.`);
    return {
      ok: false,
      kind: 'malformed',
      error: invalidInput('The arguments of the call are not valid JSON.', cause),
    };
  }
  if (!definition?.schema) return { ok: true, value };
  // Only a `null` can mean "not given", so text without one needs no look at the optional properties.
  const result = validate(definition.schema, value, json.includes('null') ? definition.conversion : undefined);
  if (result.ok) return result;
  return { ok: false, kind: 'invalid', value, error: invalidInput(UNFIT, result.error) };
}

const UNFIT = 'The arguments of the call do not fit the parameters of the tool.';

const invalidInput = (message: string, cause: unknown): InvalidToolInputError =>
  new InvalidToolInputError(message, undefined, cause);

export type InvokeArgs<Context, Result> = {
  tool: FunctionTool<Context, never, Result>;
  runContext: RunContext<Context>;
  /** The arguments as JSON text, as the model wrote them. */
  input: string;
  details?: ToolCallDetails;
};

/**
 * Calls a function tool with its own time limit, be it made by `tool()` or by hand.
 * @returns what the tool returned, as it is; or the text of its error function or timeout
 * @throws what the tool throws where `errorFunction` is null; ToolTimeoutError with `timeoutBehavior: 'raise_exception'`
 */
export async function invokeFunctionTool<Context = unknown, Result = unknown>(
  args: InvokeArgs<Context, Result>,
): Promise<string | Result> {
  // The result type is that of the tool's own `invoke`.
  return invokePrepared(args) as Promise<string | Result>;
}

/** As {@link invokeFunctionTool}, for arguments that were prepared before: they are not parsed again. */
export function invokePrepared<Context>(
  args: InvokeArgs<Context, unknown> & {
    prepared?: PreparedArguments;
    /** Hears of an error or a timeout that becomes a result. */
    onError?: (error: unknown) => void;
  },
): Promise<unknown> {
  const { tool, runContext, input, prepared, onError } = args;
  const definition = definitionOf(tool.invoke);
  return timed(args, args.details, (details) =>
    definition
      ? call({ definition, runContext, input, prepared, details, onError })
      : tool.invoke(runContext, input, details),
  );
}

type Call<Context> = {
  definition: Definition;
  runContext: RunContext<Context>;
  input: string;
  /** What a run prepared. Without it, `input` is parsed here. */
  prepared?: PreparedArguments | undefined;
  details: ToolCallDetails | undefined;
  onError?: ((error: unknown) => void) | undefined;
};

/** Runs the tool without a time limit. */
async function call<Context>(args: Call<Context>): Promise<unknown> {
  const { definition, input, prepared, details } = args;
  const context = args.runContext as RunContext<never>;
  try {
    const parsed = prepared ?? prepare(definition, input);
    if (!parsed.ok) throw prepared ? rejectedInput(definition, parsed) : parsed.error;
    const output = await definition.execute(parsed.value as never, context, details);
    return definition.outputSchema ? checkOutput(definition, output) : output;
  } catch (error) {
    const { errorFunction } = definition;
    args.onError?.(error);
    if (errorFunction === null || isGivenUp(details?.signal, error)) throw error;
    const output = await errorFunction(context, error, details);
    return definition.outputSchema ? checkOutput(definition, output) : output;
  }
}

/** Whether the tool did not fail, but left off because it was told to: `fetch` with the signal throws its reason. */
function isGivenUp(signal: AbortSignal | undefined, error: unknown): boolean {
  if (!signal?.aborted) return false;
  if (signal.reason instanceof ToolTimeoutError || error === signal.reason) return true;
  return error instanceof Error && error.name === 'AbortError';
}

/** Inside a run the error names the tool, unless an error function is asked about arguments that are JSON. */
function rejectedInput(
  { name, errorFunction }: Definition,
  args: PreparedArguments & { ok: false },
): InvalidToolInputError {
  if (errorFunction !== null && args.kind === 'invalid') return args.error;
  const what = args.kind === 'malformed' ? 'are not valid JSON' : 'do not fit its parameters';
  const message = `The arguments that the model gave tool "${name}" ${what}.`;
  return new InvalidToolInputError(message, undefined, args.error.originalError);
}

function checkOutput(definition: Definition, output: unknown): unknown {
  if (definition.outputSchema === undefined) return output;
  const result = validate(definition.outputSchema, output);
  if (result.ok) return result.value;
  throw new InvalidToolOutputError(
    `What tool "${definition.name}" returned does not fit its outputSchema.`,
    undefined,
    result.error,
  );
}

type Limits<Context> = {
  readonly name: string;
  readonly timeoutMs?: number;
  readonly timeoutBehavior?: FunctionToolTimeoutBehavior;
  readonly timeoutErrorFunction?: ToolTimeoutErrorFunction<Context, unknown>;
};

type Timed<Context> = {
  tool: Limits<Context>;
  runContext: RunContext<Context>;
  onError?: ((error: unknown) => void) | undefined;
};

type Work<Result> = (details: ToolCallDetails | undefined) => Promise<Result>;

function timed<Context, Result>(
  limits: Timed<Context>,
  details: ToolCallDetails | undefined,
  work: Work<Result>,
): Promise<Result | string> {
  const { timeoutMs } = limits.tool;
  return timeoutMs === undefined ? work(details) : bounded({ ...limits, timeoutMs, details, work });
}

type Bounded<Context, Result> = Timed<Context> & {
  timeoutMs: number;
  details: ToolCallDetails | undefined;
  work: Work<Result>;
};

async function bounded<Context, Result>(args: Bounded<Context, Result>): Promise<Result | string> {
  const { tool, runContext, onError, timeoutMs, details, work } = args;
  const controller = new AbortController();
  const parent = details?.signal;
  const follow = (): void => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  parent?.addEventListener('abort', follow, { once: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<ToolTimeoutError>((resolve) => {
    timer = setTimeout(() => resolve(new ToolTimeoutError({ toolName: tool.name, timeoutMs })), timeoutMs);
  });
  try {
    const running = work(within(details, controller.signal));
    // The race also hears a rejection that comes after the timeout, so it is never unhandled.
    const outcome = await Promise.race([running.then((value) => ({ value })), limit]);
    if (!(outcome instanceof ToolTimeoutError)) return outcome.value;
    controller.abort(outcome);
    onError?.(outcome);
    if (tool.timeoutBehavior === 'raise_exception') throw outcome;
    // With a result type of its own, the caller declared that this function returns it.
    return tool.timeoutErrorFunction
      ? ((await tool.timeoutErrorFunction(runContext, outcome, details)) as Result)
      : outcome.message;
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener('abort', follow);
  }
}

/** The details of a call with a signal of its own. What is made when it is looked at stays so. */
function within(details: ToolCallDetails | undefined, signal: AbortSignal): ToolCallDetails {
  const copy: ToolCallDetails = { ...details, signal };
  for (const key of ['idempotencyKey', 'attempt', 'fence'] as const) {
    Object.defineProperty(copy, key, { get: () => details?.[key] });
  }
  return copy;
}

/** The `invoke` of a tool with this definition and these limits. */
export function makeInvoke<Context>(definition: Definition, limits: Limits<Context>): FunctionTool<Context>['invoke'] {
  const invoke = (runContext: RunContext<Context>, input: string, details?: ToolCallDetails): Promise<unknown> =>
    timed({ tool: limits, runContext }, details, (d) => call({ definition, runContext, input, details: d }));
  return withDefinition(invoke, definition);
}
