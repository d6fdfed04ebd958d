/** What the fake server answers: the same reply as one JSON value or as a stream of events, on every wire. */
import type { Json } from './problem.ts';

export type FakeToolCall = {
  name: string;
  /** An object is written as JSON. @default {} */ arguments?: string | object;
  id?: string;
};
export type FakeUsage = {
  input?: number;
  output?: number;
  cached?: number;
  reasoning?: number;
  /** Messages only. */
  cacheWrite5m?: number;
  /** Messages only. */
  cacheWrite1h?: number;
};

export type FakeReplyContent = {
  text?: string;
  refusal?: string;
  /** Thoughts: a reasoning item on Responses, `reasoning_content` on Chat Completions, a thinking block on Messages. */
  reasoning?: string;
  toolCalls?: FakeToolCall[];
  usage?: FakeUsage;
  /** The reply's id. @default numbered by the server */
  id?: string;
  /** Chat and Messages. @default what fits the content */
  finishReason?: string;
  /** Responses and Messages: more output items or content blocks, as the wire writes them, before the text. */
  items?: object[];
};

/** One event of a stream, as the wire carries it. A string is sent as the event's data, untouched. */
export type FakeEvent = { event?: string; data: object | string };

/** A reply that knows both of its forms. `n` is the number of the request, from 1. */
export type RenderedReply = { json(n: number): object; events(n: number): FakeEvent[] };

export const asContent = (reply: string | FakeToolCall[] | FakeReplyContent): FakeReplyContent => {
  if (typeof reply === 'string') return { text: reply };
  return Array.isArray(reply) ? { toolCalls: reply } : reply;
};

const argumentsOf = ({ arguments: given = {} }: FakeToolCall): string =>
  typeof given === 'string' ? given : JSON.stringify(given);

/** Pieces of a text, so that a stream has more than one delta. Joined they are the text. */
export function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,8}/gu) ?? (text === '' ? [''] : []);
}

/**
 * A reply on Chat Completions: a text, tool calls, or both.
 * @example server.reply(chatReply([{ name: 'get_weather', arguments: { city: 'Oslo' } }]))
 */
export function chatReply(reply: string | FakeToolCall[] | FakeReplyContent): RenderedReply {
  const content = asContent(reply);
  return {
    json: (n) => chatCompletion(content, n),
    events: (n) => chatEvents(content, n),
  };
}

const chatHead = ({ id }: FakeReplyContent, n: number): Json => ({
  id: id ?? `chatcmpl-${n}`,
  created: 1_700_000_000,
  model: 'fake-model',
});

const finishOf = ({ finishReason, toolCalls }: FakeReplyContent): string =>
  finishReason ?? (toolCalls?.length ? 'tool_calls' : 'stop');

const chatCalls = (
  { toolCalls = [] }: FakeReplyContent,
  n: number,
): { id: string; name: string; arguments: string }[] =>
  toolCalls.map((call, at) => ({ id: call.id ?? `call_${n}_${at}`, name: call.name, arguments: argumentsOf(call) }));

function chatCompletion(content: FakeReplyContent, n: number): object {
  const { text = null, refusal = null, reasoning } = content;
  const calls = chatCalls(content, n).map(({ id, ...fn }) => ({ id, type: 'function', function: fn }));
  const message = {
    role: 'assistant',
    content: text,
    refusal,
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  return {
    ...chatHead(content, n),
    object: 'chat.completion',
    choices: [{ index: 0, logprobs: null, finish_reason: finishOf(content), message }],
    usage: chatUsage(content.usage),
  };
}

function chatEvents(content: FakeReplyContent, n: number): FakeEvent[] {
  const { text, refusal, reasoning } = content;
  const head = { ...chatHead(content, n), object: 'chat.completion.chunk' };
  const events: FakeEvent[] = [];
  const push = (delta: Json, finishReason: string | null = null): void => {
    events.push({ data: { ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }] } });
  };
  const pushText = (key: string, whole: string | undefined): void => {
    for (const piece of pieces(whole ?? '')) if (piece) push({ [key]: piece });
  };
  push({ role: 'assistant', content: text === undefined ? null : '', refusal: null });
  pushText('reasoning_content', reasoning);
  pushText('content', text);
  pushText('refusal', refusal);
  chatCalls(content, n).forEach(({ id, name, arguments: written }, index) => {
    push({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] });
    for (const piece of pieces(written)) push({ tool_calls: [{ index, function: { arguments: piece } }] });
  });
  push({}, finishOf(content));
  events.push({ data: { ...head, choices: [], usage: chatUsage(content.usage) } }, { data: '[DONE]' });
  return events;
}

function chatUsage({ input = 10, output = 5, cached = 0, reasoning = 0 }: FakeUsage = {}): Json {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

/**
 * A reply on Responses: a text, tool calls, or both.
 * @example server.reply(responsesReply('Hello'))
 */
export function responsesReply(reply: string | FakeToolCall[] | FakeReplyContent): RenderedReply {
  const content = asContent(reply);
  return {
    json: (n) => responseObject(content, n, 'completed'),
    events: (n) => responseEvents(content, n),
  };
}

function outputItems({ text, refusal, reasoning, toolCalls = [], items = [] }: FakeReplyContent, n: number): Json[] {
  const output: Json[] = [];
  if (reasoning !== undefined) {
    output.push({ type: 'reasoning', id: `rs_${n}`, summary: [{ type: 'summary_text', text: reasoning }] });
  }
  for (const item of items) output.push({ ...item });
  const parts: Json[] = [];
  if (text !== undefined) parts.push({ type: 'output_text', text, annotations: [], logprobs: [] });
  if (refusal !== undefined) parts.push({ type: 'refusal', refusal });
  if (parts.length > 0)
    output.push({ type: 'message', id: `msg_${n}`, role: 'assistant', status: 'completed', content: parts });
  toolCalls.forEach((call, at) => {
    const id = call.id ?? `call_${n}_${at}`;
    output.push({
      type: 'function_call',
      id: `fc_${n}_${at}`,
      call_id: id,
      name: call.name,
      arguments: argumentsOf(call),
      status: 'completed',
    });
  });
  return output;
}

function responseObject(content: FakeReplyContent, n: number, status: 'completed' | 'in_progress'): Json {
  const { input = 10, output = 5, cached = 0, reasoning = 0 } = content.usage ?? {};
  const done = status === 'completed';
  return {
    id: content.id ?? `resp_${n}`,
    object: 'response',
    created_at: 1_700_000_000,
    status,
    model: 'fake-model',
    error: null,
    incomplete_details: null,
    output: done ? outputItems(content, n) : [],
    usage: done
      ? {
          input_tokens: input,
          input_tokens_details: { cached_tokens: cached },
          output_tokens: output,
          output_tokens_details: { reasoning_tokens: reasoning },
          total_tokens: input + output,
        }
      : null,
  };
}

function responseEvents(content: FakeReplyContent, n: number): FakeEvent[] {
  const events: FakeEvent[] = [];
  const push = (type: string, members: Json): void => {
    events.push({ event: type, data: { type, sequence_number: events.length, ...members } });
  };
  push('response.created', { response: responseObject(content, n, 'in_progress') });
  push('response.in_progress', { response: responseObject(content, n, 'in_progress') });
  outputItems(content, n).forEach((item, at) => {
    const place = { item_id: item['id'], output_index: at };
    push('response.output_item.added', { output_index: at, item: unfinished(item) });
    if (item['type'] === 'function_call') {
      for (const delta of pieces(String(item['arguments'])))
        push('response.function_call_arguments.delta', { ...place, delta });
      push('response.function_call_arguments.done', { ...place, arguments: item['arguments'] });
    }
    if (item['type'] === 'message') {
      (item['content'] as Json[]).forEach((part, index) => {
        const kind = part['type'] === 'refusal' ? 'refusal' : 'output_text';
        const text = String(part['refusal'] ?? part['text']);
        const inPart = { ...place, content_index: index };
        push('response.content_part.added', {
          ...inPart,
          part: { ...part, [kind === 'refusal' ? 'refusal' : 'text']: '' },
        });
        for (const delta of pieces(text)) push(`response.${kind}.delta`, { ...inPart, delta, logprobs: [] });
        push(`response.${kind}.done`, { ...inPart, [kind === 'refusal' ? 'refusal' : 'text']: text });
        push('response.content_part.done', { ...inPart, part });
      });
    }
    push('response.output_item.done', { output_index: at, item });
  });
  push('response.completed', { response: responseObject(content, n, 'completed') });
  return events;
}

function unfinished(item: Json): Json {
  const started = { ...item, status: 'in_progress' };
  if (item['type'] === 'message') return { ...started, content: [] };
  return item['type'] === 'function_call' ? { ...started, arguments: '' } : item;
}
