/**
 * Errors as events hold them, and back: an event keeps name, message and data; the object itself rides beside it.
 */
import { InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered } from '../agent/index.ts';
import type { ErrorInfo } from '../kernel/index.ts';
import { type BudgetExceededDetails, BudgetExceededError } from '../model/index.ts';
import {
  AgentsError,
  GuardrailExecutionError,
  InvalidToolInputError,
  InvalidToolOutputError,
  MaxTurnsExceededError,
  ModelBehaviorError,
  ModelRefusalError,
  ModelTimeoutError,
  RunTimeoutError,
  SystemError,
  ToolCallError,
  ToolTimeoutError,
  UserError,
} from '../protocol/errors.ts';
import type { Json } from '../protocol/json.ts';
import { ToolInputGuardrailTripwireTriggered, ToolOutputGuardrailTripwireTriggered } from '../tools/index.ts';
import type { RunState } from './run-state.ts';

/** An error as plain data. */
export function errorInfo(error: unknown): ErrorInfo {
  if (!(error instanceof Error)) return { name: 'Error', message: textOf(error) };
  const data = dataOf(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { name: error.name, message: error.message, ...(code && { code }), ...(data !== undefined && { data }) };
}

/** What an error class needs to be made again. */
function dataOf(error: Error): Json | undefined {
  if (error instanceof ModelRefusalError) return { refusal: error.refusal };
  if (error instanceof BudgetExceededError) return { details: jsonOf(error.details) };
  if (error instanceof ModelTimeoutError || error instanceof RunTimeoutError) return { timeoutMs: error.timeoutMs };
  if (error instanceof ToolTimeoutError) return { toolName: error.toolName, timeoutMs: error.timeoutMs };
  if (error instanceof ToolCallError || error instanceof GuardrailExecutionError) {
    const { name, message, data } = errorInfo(error.error);
    return { error: { name, message, ...(isData(data) && data) } };
  }
  if (error instanceof InputGuardrailTripwireTriggered || error instanceof ToolInputGuardrailTripwireTriggered) {
    return { result: jsonOf(error.result) };
  }
  if (error instanceof ToolOutputGuardrailTripwireTriggered) return { result: jsonOf(error.result) };
  if (error instanceof OutputGuardrailTripwireTriggered) {
    const { guardrail, agentOutput, output } = error.result;
    return { result: jsonOf({ guardrail, agentOutput, output }) };
  }
  return undefined;
}

/** A value as JSON would keep it. */
export function jsonOf(value: unknown): Json {
  if (value === undefined) return null;
  try {
    const text = JSON.stringify(value);
    return text === undefined ? null : (JSON.parse(text) as Json);
  } catch {
    // Cyclic, or a bigint.
    return '[not JSON]';
  }
}

const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);
/** What was thrown that is no error, as text. */
const textOf = (thrown: unknown): string => (typeof thrown === 'string' ? thrown : JSON.stringify(jsonOf(thrown)));

type Data = { [key: string]: Json };
const isData = (value: Json | undefined): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The error that an event tells of, of the class that it had. */
export function rebuildError({ name, message, data }: ErrorInfo): Error {
  const known = isData(data) ? data : {};
  const timeoutMs = typeof known.timeoutMs === 'number' ? known.timeoutMs : 0;
  switch (name) {
    case 'MaxTurnsExceededError':
      return new MaxTurnsExceededError(message);
    case 'ModelBehaviorError':
      return new ModelBehaviorError(message);
    case 'ModelRefusalError':
      return new ModelRefusalError(text(known.refusal) ?? message.replace(REFUSAL, ''));
    case 'BudgetExceededError':
      // As `dataOf` wrote them.
      return new BudgetExceededError(message, (known.details ?? { reason: 'exceeded' }) as BudgetExceededDetails);
    case 'ModelTimeoutError':
      return new ModelTimeoutError({ timeoutMs });
    case 'RunTimeoutError':
      return new RunTimeoutError(timeoutMs);
    case 'UserError':
      return new UserError(message);
    case 'SystemError':
      return new SystemError(message);
    case 'InvalidToolOutputError':
      return new InvalidToolOutputError(message);
    case 'InvalidToolInputError':
      return new InvalidToolInputError(message);
    case 'ToolTimeoutError':
      return new ToolTimeoutError({ toolName: text(known.toolName) ?? '', timeoutMs });
    case 'ToolCallError':
      return new ToolCallError(message, innerError(known.error));
    case 'GuardrailExecutionError':
      return new GuardrailExecutionError(message, innerError(known.error));
    default:
      return rebuildTripwire(name, message, known) ?? rebuildNative(name, message);
  }
}

/** Results of guardrails come back as the JSON that was recorded. */
function rebuildTripwire(name: string, message: string, { result }: Data): Error | undefined {
  switch (name) {
    case 'InputGuardrailTripwireTriggered':
      return new InputGuardrailTripwireTriggered(message, result as never);
    case 'OutputGuardrailTripwireTriggered':
      return new OutputGuardrailTripwireTriggered(message, result as never);
    case 'ToolInputGuardrailTripwireTriggered':
      return new ToolInputGuardrailTripwireTriggered(message, result as never);
    case 'ToolOutputGuardrailTripwireTriggered':
      return new ToolOutputGuardrailTripwireTriggered(message, result as never);
    default:
      return undefined;
  }
}

/** What stands before a refusal in messages of this version and of older ones. */
const REFUSAL = /^(?:The model declined to answer\. It said|Model refused to produce output): /;

const NATIVE = [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];

function rebuildNative(name: string, message: string): Error {
  if (name === 'AbortError') return new DOMException(message, name);
  const Native = NATIVE.find((each) => each.name === name);
  return Native ? new Native(message) : Object.assign(new Error(message), { name });
}

function innerError(data: Json | undefined): Error {
  const { name, message, ...rest } = isData(data) ? data : {};
  return rebuildError({ name: text(name) ?? 'Error', message: text(message) ?? '', data: rest });
}

export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(textOf(error)));

/** What a tool, or who watches it, threw. */
export function toolCallError(thrown: unknown): ToolCallError {
  const error = asError(thrown);
  return new ToolCallError(`A tool ended the run: ${error.name}: ${error.message}`, error);
}

const states = new WeakMap<object, RunState>();

/** Ties an error to the run that it ended: on the error itself where it is ours, else beside it. */
export function attachState(error: unknown, state: RunState): void {
  if (typeof error !== 'object' || error === null) return;
  if (error instanceof AgentsError) error.state ??= state;
  states.set(error, state);
}

/**
 * The state of the run that ended with this error, also where the error is not one of ours (thrown by a model, a
 * callback, or the reason of an abort). `undefined` where no run ended with it.
 */
export function stateOfError(error: unknown): RunState | undefined {
  return typeof error === 'object' && error !== null ? states.get(error) : undefined;
}
