/** Answers and errors of a model as data, and back. */
import type { ErrorInfo } from '../kernel/index.ts';
import { ModelTimeoutError, UserError } from '../protocol/errors.ts';
import type { AgentOutputItem, AssistantMessageItem } from '../protocol/items.ts';
import type { Json } from '../protocol/json.ts';
import type { ModelResponse, StreamEvent, UsageData } from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import { errorInfo, jsonOf, rebuildError } from '../run/errors.ts';
import { isModelError, ModelError, type ModelErrorFacts, ModelResponseError } from '../wire/index.ts';
import { isMembers, type Members, type ModelEntry, type StoredError } from './types.ts';

type Done = Extract<StreamEvent, { type: 'response_done' }>['response'];
/** A stored answer, as far as it is relied on; `output` was checked when the file was read. */
type Stored = Omit<ModelResponse, 'usage'> & { usage?: UsageData };

const members = (value: object): Members => {
  const copy = jsonOf(value);
  return isMembers(copy) ? copy : {};
};

/** A whole answer as data. */
export const storedResponse = (response: ModelResponse): Members => members(response);

/** The answer at the end of a stream as data, in the same form. */
export function storedDone({ id, ...rest }: Done): Members {
  return members({ responseId: id, ...rest });
}

/** The answer of an entry, new each time: a run keeps its items. */
export function toResponse(response: Members): ModelResponse {
  const { usage, ...rest } = structuredClone(response) as unknown as Stored;
  return { ...rest, usage: new Usage(usage ?? { inputTokens: 0, outputTokens: 0 }) };
}

/** The events of an entry; of one that was not streamed, what a stream would say at least. */
export function* toEvents({ events, response }: ModelEntry): Generator<StreamEvent, void> {
  const stored = response && (structuredClone(response) as unknown as Stored);
  for (const event of events ?? madeUpEvents(stored?.output ?? [])) {
    // What was recorded is what a model said: no other check is made of it now than then.
    const copy = structuredClone(event) as unknown as StreamEvent;
    if (copy.type !== 'response_done') yield copy;
    else if (stored) yield { ...copy, response: doneOf(stored) };
  }
}

function doneOf({ responseId = '', usage, ...rest }: Stored): Done {
  return { ...rest, id: responseId, usage: usage ?? { inputTokens: 0, outputTokens: 0, totalTokens: 0 } };
}

function madeUpEvents(output: readonly AgentOutputItem[]): Json[] {
  const texts = output.flatMap((item) => (isAssistant(item) ? textsOf(item) : []));
  return [{ type: 'response_started' }, ...texts, { type: 'response_done' }];
}

const isAssistant = (item: AgentOutputItem): item is AssistantMessageItem =>
  'role' in item && item.role === 'assistant';

function textsOf({ id, content }: AssistantMessageItem): Json[] {
  return content.flatMap((part) =>
    part.type === 'output_text'
      ? [{ type: 'output_text_delta', delta: part.text, ...(id !== undefined && { itemId: id }) }]
      : [],
  );
}

/** An error as data. */
export function storedError(error: unknown): StoredError {
  const stored: StoredError = errorInfo(error);
  if (isModelError(error)) return { ...stored, facts: factsOf(error) };
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? { ...stored, status } : stored;
}

const FACTS = [
  'kind',
  'status',
  'providerCode',
  'requestId',
  'retryable',
  'retryAfterMs',
  'responseStarted',
  'replaySafe',
] as const satisfies readonly (keyof ModelErrorFacts)[];

function factsOf(error: ModelErrorFacts): Members {
  return members(Object.fromEntries(FACTS.map((fact) => [fact, error[fact]])));
}

/** The error of an entry, of the class that it had. */
export function toError({ facts, status, ...info }: StoredError): Error {
  if (facts) {
    const known = facts as unknown as ModelErrorFacts;
    const Class = info.name === 'ModelResponseError' ? ModelResponseError : ModelError;
    return new Class(info.message, known);
  }
  const error = rebuildError(info satisfies ErrorInfo);
  if (error instanceof DOMException) return error;
  return Object.assign(error, {
    ...(info.code !== undefined && !('code' in error) && { code: info.code }),
    ...(status !== undefined && { status }),
  });
}

/**
 * Whether an error says something about the request, so that a replay should fail the same way. One that says that
 * the model was not reached, or that the caller did something wrong, would spoil the cassette.
 */
export function isAnAnswer(error: unknown): boolean {
  if (error instanceof UserError || error instanceof ModelTimeoutError) return false;
  if (!isModelError(error)) return true;
  switch (error.kind) {
    case 'auth':
    case 'permission':
    case 'cancelled':
      return false;
    case 'network':
    case 'timeout':
      return error.responseStarted === true;
    case 'rate_limit':
    case 'quota_exhausted':
    case 'overloaded':
    case 'server':
    case 'truncated_stream':
    case 'not_found':
    case 'bad_request':
    case 'context_window':
    case 'content_policy':
    case 'incomplete':
    case 'unknown':
      return true;
  }
}
