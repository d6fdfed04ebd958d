/**
 * Conversations of any wire as the messages of OpenTelemetry's GenAI conventions: a role, and parts.
 *
 * Spans hold what a model was asked in the shape that its provider knows: items of this SDK, items of the Responses
 * API, or messages of Chat Completions. All of it is content of others, so nothing here trusts its shape.
 */

/** Of the conventions' JSON schemas for input and output messages. A part that they do not know keeps its type. */
export type MessagePart =
  | { type: 'text'; content: string }
  | { type: 'reasoning'; content: string }
  | { type: 'tool_call'; id?: string; name: string; arguments?: unknown }
  | { type: 'tool_call_response'; id?: string; response: unknown };
export type Message = { role: string; parts: (MessagePart | Record<string, unknown>)[]; finish_reason?: string };

type Json = Record<string, unknown>;

/** Messages of a text, of one item, or of a list of items. Calls that follow each other share a message. */
export function toMessages(input: unknown): Message[] {
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : Array.isArray(input) ? input : [input];
  const messages: Message[] = [];
  for (const item of items) {
    if (!isJson(item)) continue;
    const message = toMessage(item);
    const last = messages.at(-1);
    if (last?.role === 'assistant' && message.role === 'assistant' && isCall(item)) last.parts.push(...message.parts);
    else messages.push(message);
  }
  return messages;
}

/** Messages that a model answered, with the reason why it stopped. */
export function toOutputMessages(output: unknown): Message[] {
  return toMessages(output).map((message) => ({
    ...message,
    finish_reason: message.parts.some((part) => part.type === 'tool_call') ? 'tool_call' : 'stop',
  }));
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const isCall = (item: Json): boolean => item['type'] === 'function_call';

function toMessage(item: Json): Message {
  const id = text(item['callId'] ?? item['call_id'] ?? item['tool_call_id']);
  switch (item['type']) {
    case 'function_call':
      return { role: 'assistant', parts: [callPart(id, item)] };
    case 'function_call_result':
    case 'function_call_output':
      return {
        role: 'tool',
        parts: [{ type: 'tool_call_response', ...(id !== undefined && { id }), response: answer(item['output']) }],
      };
    case 'reasoning':
      return { role: 'assistant', parts: contentParts(item['content'] ?? item['summary'], 'reasoning') };
    default:
      return plainMessage(item, id);
  }
}

function plainMessage(item: Json, id: string | undefined): Message {
  // A hosted tool's call, or an item of a kind that is not known.
  const role = text(item['role']);
  if (role === undefined) return { role: 'assistant', parts: [{ ...item, type: text(item['type']) ?? 'unknown' }] };
  if (role === 'tool') {
    return {
      role,
      parts: [{ type: 'tool_call_response', ...(id !== undefined && { id }), response: answer(item['content']) }],
    };
  }
  const calls = Array.isArray(item['tool_calls']) ? item['tool_calls'].filter(isJson) : [];
  const parts = [
    ...contentParts(item['content'], 'text'),
    ...calls.map((call) => callPart(text(call['id']), isJson(call['function']) ? call['function'] : call)),
  ];
  return { role, parts };
}

/** What a tool answered: a text as a text, and not as the part that wraps it. */
function answer(output: unknown): unknown {
  const only: unknown = Array.isArray(output) && output.length === 1 ? output[0] : output;
  if (!isJson(only) || !TEXT_PARTS.has(only['type'])) return output;
  return text(only['text']) ?? output;
}

const TEXT_PARTS: ReadonlySet<unknown> = new Set(['text', 'input_text', 'output_text']);

function callPart(id: string | undefined, call: Json): MessagePart {
  return {
    type: 'tool_call',
    ...(id !== undefined && { id }),
    name: text(call['name']) ?? '',
    arguments: parsed(call['arguments']),
  };
}

/** Arguments are JSON in a text; what a model wrote wrongly stays a text. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function contentParts(content: unknown, type: 'text' | 'reasoning'): (MessagePart | Json)[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type, content }];
  if (!Array.isArray(content)) return [];
  return content.filter(isJson).map((part) => {
    const words = text(part['text']) ?? text(part['refusal']) ?? text(part['transcript']);
    return words === undefined ? { ...part } : { type, content: words };
  });
}
