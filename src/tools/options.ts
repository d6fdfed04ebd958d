/**
 * The options of `tool()`, and what is wrong with them if something is.
 */
import { UserError } from '../protocol/errors.ts';
import { MAX_TIMER_MS } from '../protocol/timers.ts';
import type { ToolInputGuardrailInit, ToolOutputGuardrailInit } from './guardrails.ts';
import type { RunContext } from './context.ts';
import { checkRecovery, type ToolEffect, type ToolOnUncertain, type ToolReconcileFunction } from './recovery.ts';
import type {
  FunctionToolCustomDataExtractor,
  FunctionToolTimeoutBehavior,
  ToolAgent,
  ToolAllowedCallers,
  ToolApprovalFunction,
  ToolErrorFunction,
  ToolExecuteArgument,
  ToolExecuteFunction,
  ToolInputParameters,
  ToolOutputSchema,
  ToolResult,
  ToolTimeoutErrorFunction,
} from './types.ts';

type Fallback<TOutputSchema extends ToolOutputSchema | undefined> = [TOutputSchema] extends [undefined]
  ? unknown
  : ToolResult<TOutputSchema, unknown>;

export type ToolOptions<
  TParameters extends ToolInputParameters = ToolInputParameters,
  Context = unknown,
  TOutputSchema extends ToolOutputSchema | undefined = undefined,
  Result = unknown,
> = {
  /**
   * Unique within an agent. Characters other than letters, digits and `_` become `_`.
   * @default the name of `execute`
   */
  name?: string;
  /** Tells the model what the tool does and when to use it. */
  description: string;
  /** zod or another Standard Schema: arguments are validated. JSON Schema: parsed only. Absent: given as text. */
  parameters?: TParameters;
  /** Whether the provider must make arguments follow the schema. @default true */
  strict?: boolean;
  /** Runs the tool. Return text, any JSON value, `{ type: 'text' | 'image' | 'file' }` or a list of those. */
  execute: ToolExecuteFunction<
    TParameters,
    Context,
    [TOutputSchema] extends [undefined] ? Result : ToolResult<TOutputSchema, unknown>
  >;
  /**
   * Makes what the model is told of an error; `null` raises it instead, which fails the run.
   * @default a fixed text without details; with `outputSchema`, `null`
   */
  errorFunction?: ToolErrorFunction<Context, Fallback<TOutputSchema>> | null;
  /** Whether a person must approve a call. @default false */
  needsApproval?: boolean | ToolApprovalFunction<TParameters, Context>;
  /** Whether models are offered the tool. Asked once a model call. @default true */
  isEnabled?: boolean | ((args: { runContext: RunContext<Context>; agent: ToolAgent }) => boolean | Promise<boolean>);
  /** Milliseconds that one call may take, from above 0 to 2147483647. @default no limit */
  timeoutMs?: number;
  /** What a timeout is: a text for the model, or an error that fails the run. With `outputSchema`, an error. @default 'error_as_result' */
  timeoutBehavior?: FunctionToolTimeoutBehavior;
  /** Makes what the model is told of a timeout. @default "Tool \"name\" was stopped: it had no result within 100 ms (timeoutMs)." */
  timeoutErrorFunction?: ToolTimeoutErrorFunction<Context, Fallback<TOutputSchema>>;
  /** Run before the tool. They may reject the call or stop the run. */
  inputGuardrails?: readonly ToolInputGuardrailInit<Context>[];
  /** Run after the tool. They may replace its output or stop the run. */
  outputGuardrails?: readonly ToolOutputGuardrailInit<Context>[];
  /** OpenAI Responses only: hide the tool until a tool search loads it. @default false */
  deferLoading?: boolean;
  /** Sent with the definition, as it is. */
  providerData?: Record<string, unknown>;
  /** OpenAI Responses only: who may call it. @default direct calls only */
  allowedCallers?: ToolAllowedCallers;
  /** Schema of the result. zod and other Standard Schemas check each result; the output is always JSON text. */
  outputSchema?: TOutputSchema;
  /** Data of yours for the output item. Models never see it. */
  customDataExtractor?: FunctionToolCustomDataExtractor<Context>;
  /**
   * What a call changes in the world, for durable runs: `read` nothing; `idempotent` the same under one
   * `details.idempotencyKey`; `once` must not happen twice.
   * @default counts as 'once', with a warning in durable runs
   */
  effect?: ToolEffect;
  /**
   * What becomes of a call that a crash cut off after it began.
   * @default 'retry' for `read` and `idempotent`, 'ask' (a person) for `once`
   */
  onUncertain?: ToolOnUncertain;
  /**
   * How long a person may be asked about such a call, in milliseconds; after that the run fails, because nobody knows.
   * It is settled by whoever looks next: `recover()`, `resume()`, or a decision that comes too late.
   * @default for ever
   */
  askTimeoutMs?: number;
  /** Of a `once` tool: finds out whether a call that was cut off did happen, before a person is asked. */
  reconcile?: ToolReconcileFunction<
    ToolExecuteArgument<TParameters>,
    Context,
    [TOutputSchema] extends [undefined] ? Result : ToolResult<TOutputSchema, unknown>
  >;
};
export type ToolOptionsWithGuardrails<
  TParameters extends ToolInputParameters,
  Context = unknown,
  TOutputSchema extends ToolOutputSchema | undefined = undefined,
> = ToolOptions<TParameters, Context, TOutputSchema>;

/** What was given, for an error: text in quotes, other things by their kind. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
}

/** A name that every provider takes: letters, digits and underscores. */
export function toFunctionToolName(name: string): string {
  return name.replaceAll(/\s/g, '_').replaceAll(/[^a-zA-Z0-9_]/g, '_');
}

/** The tool's name from the `name` option or the function's own. */
export function resolveName(name: unknown, execute: unknown): string {
  if (name !== undefined && typeof name !== 'string') {
    throw new UserError(`tool() option \`name\` must be a string. Got ${shown(name)}.`);
  }
  const own = typeof execute === 'function' ? execute.name : '';
  const given = name ?? own;
  if (given.trim() === '') {
    throw new UserError(
      `A tool has no name: got ${shown(name)}${name === undefined ? ' and an `execute` without a name' : ''}. ` +
        'Give the `name` option of tool(), such as "get_weather".',
    );
  }
  const safe = toFunctionToolName(given);
  if (!/[a-zA-Z0-9]/.test(safe)) {
    throw new UserError(
      `Tool name ${shown(given)} has no letter or digit that a model could call it by. ` +
        'Use letters, digits and underscores, such as "get_weather".',
    );
  }
  return safe;
}

/** Checks options by value, since JavaScript callers have no types. */
export function checkOptions(name: string, options: { [option: string]: unknown }): void {
  const { execute, errorFunction, needsApproval, isEnabled, customDataExtractor, strict } = options;
  const wrong = (option: string, expected: string): UserError =>
    new UserError(`Tool "${name}" was given ${option}: ${shown(options[option])}. Give ${expected}.`);
  if (typeof execute !== 'function') throw wrong('execute', 'a function');
  if (strict !== undefined && typeof strict !== 'boolean') throw wrong('strict', 'a boolean');
  if (errorFunction !== undefined && errorFunction !== null && typeof errorFunction !== 'function') {
    throw wrong('errorFunction', 'a function, or null to raise errors');
  }
  for (const [option, value] of Object.entries({ needsApproval, isEnabled })) {
    if (value !== undefined && typeof value !== 'boolean' && typeof value !== 'function') {
      throw wrong(option, 'a boolean or a function');
    }
  }
  if (customDataExtractor !== undefined && typeof customDataExtractor !== 'function') {
    throw wrong('customDataExtractor', 'a function');
  }
  checkTimeout(name, options);
  checkRecovery(name, options);
  checkCallers(name, options.allowedCallers);
}

export function checkTimeout(name: string, options: { [option: string]: unknown }): void {
  const { timeoutMs, timeoutBehavior, timeoutErrorFunction } = options;
  const wrong = (rule: string): UserError =>
    new UserError(`Tool "${name}" was given timeoutMs: ${shown(timeoutMs)}. Give ${rule}.`);
  if (timeoutMs !== undefined) {
    if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) throw wrong('milliseconds as a number');
    if (timeoutMs <= 0) throw wrong('a number above 0');
    if (timeoutMs === Infinity) throw wrong('a number that ends, or none for no limit');
    if (timeoutMs > MAX_TIMER_MS) throw wrong(`at most ${MAX_TIMER_MS}, the longest time of a timer`);
  }
  if (timeoutBehavior !== undefined && timeoutBehavior !== 'error_as_result' && timeoutBehavior !== 'raise_exception') {
    throw new UserError(
      `Tool "${name}" was given timeoutBehavior: ${shown(timeoutBehavior)}. Give 'error_as_result' or 'raise_exception'.`,
    );
  }
  if (timeoutErrorFunction !== undefined && typeof timeoutErrorFunction !== 'function') {
    throw new UserError(
      `Tool "${name}" was given timeoutErrorFunction: ${shown(timeoutErrorFunction)}. Give a function, or leave it out.`,
    );
  }
}

export function checkCallers(name: string, callers: unknown): void {
  if (callers === undefined) return;
  if (!Array.isArray(callers) || callers.length === 0) {
    throw new UserError(
      `Tool "${name}" was given allowedCallers: ${shown(callers)}, so that nobody could call it. Give ['direct'], ['programmatic'] or both.`,
    );
  }
  for (const caller of callers) {
    if (caller !== 'direct' && caller !== 'programmatic') {
      throw new UserError(
        `Tool "${name}" has "${String(caller)}" in allowedCallers. Callers are 'direct' and 'programmatic'.`,
      );
    }
  }
  if (new Set(callers).size !== callers.length) {
    throw new UserError(
      `Tool "${name}" names a caller twice in allowedCallers: ${callers.join(', ')}. Name each once.`,
    );
  }
}
