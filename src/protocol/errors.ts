/**
 * The error classes. Names and `instanceof` behave as in `@openai/agents`; each error also has a stable `code`.
 *
 * An error never holds a live run, an agent or a key. `state` is data: the run's log and what follows from it.
 */

/** What `error.state` is. The run room declares its members, so that this floor needs no import from above. */
export interface ErrorState {}

/** Base of all errors of this SDK. */
export abstract class AgentsError extends Error {
  /** Stable, for programs: `area/what`. */
  readonly code: string = 'agents/error';
  /** The state of the run that failed. It can be resumed where the cause allows it. */
  declare state?: ErrorState;

  constructor(message: string, state?: ErrorState) {
    super(message);
    this.name = new.target.name;
    if (state !== undefined) this.state = state;
  }
}

/** Something inside the SDK or its surroundings is broken. */
export class SystemError extends AgentsError {
  override readonly code: string = 'agents/system';
}

/** The run needed more model calls than `maxTurns`. Resume its `state` with a higher limit. */
export class MaxTurnsExceededError extends AgentsError {
  override readonly code = 'run/max-turns';
}

/** The model did what it must not: an unknown tool, an answer of the wrong form. */
export class ModelBehaviorError extends AgentsError {
  override readonly code: string = 'model/behavior';
}

/** The model declined to answer. */
export class ModelRefusalError extends AgentsError {
  override readonly code = 'model/refusal';
  refusal: string;
  constructor(refusal: string, state?: ErrorState) {
    super(`The model declined to answer. It said: ${refusal}`, state);
    this.refusal = refusal;
  }
}

/** A model request took longer than `modelSettings.timeoutMs`. */
export class ModelTimeoutError extends AgentsError {
  override readonly code = 'ETIMEDOUT' as string as 'ETIMEDOUT';
  readonly timeoutMs: number;
  constructor({ timeoutMs, cause }: { timeoutMs: number; cause?: unknown }) {
    super(`The model had no answer within ${timeoutMs} ms. Raise modelSettings.timeoutMs if it needs longer.`);
    this.timeoutMs = timeoutMs;
    if (cause !== undefined) this.cause = cause;
  }
}

/** The arguments of a tool call are not valid JSON or do not fit the tool's schema. */
export class InvalidToolInputError extends ModelBehaviorError {
  override readonly code = 'tool/invalid-input';
  originalError?: unknown;
  constructor(message: string, state?: ErrorState, originalError?: unknown) {
    super(message, state);
    if (originalError !== undefined) this.originalError = originalError;
  }
}

/** The SDK is used in a way that cannot work. The message names the option, the value and the remedy. */
export class UserError extends AgentsError {
  override readonly code: string = 'user/error';
}

/** A tool returned a value that does not fit its `outputSchema`. */
export class InvalidToolOutputError extends UserError {
  override readonly code = 'tool/invalid-output';
  originalError?: unknown;
  constructor(message: string, state?: ErrorState, originalError?: unknown) {
    super(message, state);
    if (originalError !== undefined) this.originalError = originalError;
  }
}

/** A guardrail threw instead of returning a verdict. */
export class GuardrailExecutionError extends AgentsError {
  override readonly code = 'guardrail/execution';
  error: Error;
  constructor(message: string, error: Error, state?: ErrorState) {
    super(message, state);
    this.error = error;
  }
}

/** A tool failed and its `errorFunction` is `null`. */
export class ToolCallError extends AgentsError {
  override readonly code = 'tool/call';
  error: Error;
  constructor(message: string, error: Error, state?: ErrorState) {
    super(message, state);
    this.error = error;
  }
}

/** A tool took longer than its `timeoutMs`. */
export class ToolTimeoutError extends AgentsError {
  override readonly code = 'tool/timeout';
  toolName: string;
  timeoutMs: number;
  constructor({ toolName, timeoutMs, state }: { toolName: string; timeoutMs: number; state?: ErrorState }) {
    super(`Tool "${toolName}" was stopped: it had no result within ${timeoutMs} ms (timeoutMs).`, state);
    this.toolName = toolName;
    this.timeoutMs = timeoutMs;
  }
}

/** A run took longer than its `timeoutMs`. What was done is kept; its `state` can be resumed. */
export class RunTimeoutError extends AgentsError {
  override readonly code = 'run/timeout';
  readonly timeoutMs: number;
  constructor(timeoutMs: number, state?: ErrorState) {
    super(`The run took longer than timeoutMs (${timeoutMs}). Resume its state, or give it more time.`, state);
    this.timeoutMs = timeoutMs;
  }
}
