/** An assistant message as the wire has it: one completion, or the chunks of a stream. */
import { createHash } from 'node:crypto';
import type { JsonObject } from './json.ts';
import type { AssistantMessage } from './recording.ts';
import type { ChatRequest } from './request-check.ts';

/** Facts about an answer that its content does not have. */
export type Answered = {
  readonly request: Pick<ChatRequest, 'model' | 'size' | 'includeUsage'>;
  readonly message: AssistantMessage;
  /** Names the place in the recording; the same place gets the same id. */
  readonly place: string;
  /** Unix time in seconds. */
  readonly created: number;
};

/** The body of a plain answer. */
export function completion(answered: Answered): JsonObject {
  const { message } = answered;
  const calls = message.calls.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));
  const said = {
    role: 'assistant',
    content: message.text,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
    refusal: null,
    annotations: [],
  };
  return {
    ...head(answered, 'chat.completion'),
    choices: [{ index: 0, message: said, logprobs: null, finish_reason: finishReason(message) }],
    usage: usage(answered),
  };
}

/** The chunks of a streamed answer, in order, without the closing `[DONE]`. */
export function completionChunks(answered: Answered): JsonObject[] {
  const { message, request } = answered;
  const shared = head(answered, 'chat.completion.chunk');
  const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
    ...shared,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(request.includeUsage ? { usage: null } : {}),
  });
  const chunks = [chunk({ role: 'assistant', content: message.text === null ? null : '', refusal: null })];
  for (const content of pieces(message.text ?? '')) chunks.push(chunk({ content }));
  message.calls.forEach(({ id, name, arguments: text }, index) => {
    chunks.push(chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }));
    for (const piece of pieces(text)) chunks.push(chunk({ tool_calls: [{ index, function: { arguments: piece } }] }));
  });
  chunks.push(chunk({}, finishReason(message)));
  if (request.includeUsage) chunks.push({ ...shared, choices: [], usage: usage(answered) });
  return chunks;
}

function head({ request, place, created }: Answered, object: string): JsonObject {
  const id = createHash('sha256').update(place).digest('base64url').replaceAll(/[-_]/g, '0').slice(0, 29);
  return {
    id: `chatcmpl-${id}`,
    object,
    created,
    model: request.model,
    service_tier: 'default',
    system_fingerprint: 'fp_a24b4d720c',
  };
}

const finishReason = (message: AssistantMessage): string => (message.calls.length > 0 ? 'tool_calls' : 'stop');

/** About four characters make a token. */
function usage({ request, message }: Answered): JsonObject {
  const said = [message.text ?? '', ...message.calls.flatMap((call) => [call.name, call.arguments])].join('');
  const prompt = Math.ceil(request.size / 4);
  const answer = Math.max(1, Math.ceil(said.length / 4));
  return {
    prompt_tokens: prompt,
    completion_tokens: answer,
    total_tokens: prompt + answer,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Cuts a text as tokens would: each piece is a word with what stands before it. */
const pieces = (text: string): string[] => text.match(/\s*[^\s]{1,8}|\s+$/gu) ?? [];
