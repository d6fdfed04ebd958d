/** What can go wrong between us and a model's API, as two typed errors with the same facts. */
import { AgentsError, ModelBehaviorError } from '../protocol/errors.ts';

/** The cause, by what the caller can do about it. */
export type ModelErrorKind =
  | 'rate_limit'
  | 'quota_exhausted'
  | 'overloaded'
  | 'server'
  | 'network'
  | 'timeout'
  | 'truncated_stream'
  | 'auth'
  | 'permission'
  | 'not_found'
  | 'bad_request'
  | 'context_window'
  | 'content_policy'
  | 'incomplete'
  | 'cancelled'
  | 'unknown';

/** What is known about a failed model request. None of it holds a key, a prompt or an answer. */
export type ModelErrorFacts = {
  kind: ModelErrorKind;
  /** HTTP status; absent where no answer came, or where the error came inside a stream. */
  status?: number;
  /** The vendor's own code, such as `rate_limit_exceeded`. */
  providerCode?: string;
  /** The vendor's id of the request, for its support. */
  requestId?: string;
  /** Whether the same request may well succeed later. */
  retryable: boolean;
  /** How long the server asks to wait, in milliseconds. */
  retryAfterMs?: number;
  /** The server had begun to answer. */
  responseStarted?: boolean;
  /** The request cannot have reached the server, or the server says that it may be sent again. */
  replaySafe?: boolean;
};

const RETRYABLE: ReadonlySet<ModelErrorKind> = new Set([
  'rate_limit',
  'overloaded',
  'server',
  'network',
  'timeout',
  'truncated_stream',
]);

/** Whether a kind of error goes away by waiting. */
export function isRetryableKind(kind: ModelErrorKind): boolean {
  return RETRYABLE.has(kind);
}

/** A model request failed: refused by the server, lost on the network, timed out or cut off. */
export class ModelError extends AgentsError implements ModelErrorFacts {
  override readonly code: `model/${ModelErrorKind}`;
  readonly kind: ModelErrorKind;
  readonly retryable: boolean;
  declare readonly status?: number;
  declare readonly providerCode?: string;
  declare readonly requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly responseStarted?: boolean;
  declare readonly replaySafe?: boolean;

  constructor(message: string, facts: ModelErrorFacts, cause?: unknown) {
    super(message);
    this.code = `model/${facts.kind}`;
    this.kind = facts.kind;
    this.retryable = facts.retryable;
    setFacts(this, facts, cause);
  }
}

/**
 * The server answered, and the answer is that the response failed or is incomplete. A `ModelBehaviorError`, as in
 * `@openai/agents`, with the facts of `ModelError`.
 */
export class ModelResponseError extends ModelBehaviorError implements ModelErrorFacts {
  override readonly code: string;
  readonly kind: ModelErrorKind;
  readonly retryable: boolean;
  declare readonly status?: number;
  declare readonly providerCode?: string;
  declare readonly requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly responseStarted?: boolean;
  declare readonly replaySafe?: boolean;

  constructor(message: string, facts: ModelErrorFacts, cause?: unknown) {
    super(message);
    this.code = `model/${facts.kind}`;
    this.kind = facts.kind;
    this.retryable = facts.retryable;
    setFacts(this, facts, cause);
  }
}

/** Absent facts stay absent, so that a printed error shows only what is known. */
function setFacts(error: ModelErrorFacts & { cause?: unknown }, facts: ModelErrorFacts, cause: unknown): void {
  if (facts.status !== undefined) error.status = facts.status;
  if (facts.providerCode !== undefined) error.providerCode = facts.providerCode;
  if (facts.requestId !== undefined) error.requestId = facts.requestId;
  if (facts.retryAfterMs !== undefined) error.retryAfterMs = facts.retryAfterMs;
  if (facts.responseStarted !== undefined) error.responseStarted = facts.responseStarted;
  if (facts.replaySafe !== undefined) error.replaySafe = facts.replaySafe;
  if (cause !== undefined) error.cause = cause;
}

/** Whether an error is one of ours and carries the facts of a failed model request. */
export function isModelError(error: unknown): error is ModelError | ModelResponseError {
  return error instanceof ModelError || error instanceof ModelResponseError;
}
