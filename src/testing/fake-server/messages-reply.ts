/** Replies on Anthropic's Messages API, whole and streamed. */
import type { Json } from './problem.ts';
import type { FakeEvent, FakeReplyContent, FakeToolCall, RenderedReply } from './reply.ts';
import { asContent, pieces } from './reply.ts';

/**
 * A reply on Anthropic Messages: a text, tool calls, or both. `reasoning` becomes a signed thinking block, `items` are
 * more content blocks before the text, `finishReason` is the stop reason.
 *
 * @example server.reply(messagesReply('Hello'))
 */
export function messagesReply(reply: string | FakeToolCall[] | FakeReplyContent): RenderedReply {
  const content = asContent(reply);
  return { json: (n) => message(content, n), events: (n) => messageEvents(content, n) };
}

function blocksOf({ text, refusal, reasoning, toolCalls = [], items = [] }: FakeReplyContent, n: number): Json[] {
  const blocks: Json[] = [];
  if (reasoning !== undefined) blocks.push({ type: 'thinking', thinking: reasoning, signature: `sig_${n}` });
  for (const item of items) blocks.push({ ...item });
  const said = text ?? refusal;
  if (said !== undefined) blocks.push({ type: 'text', text: said });
  toolCalls.forEach(({ id, name, arguments: given = {} }, at) => {
    const input: unknown = typeof given === 'string' ? JSON.parse(given === '' ? '{}' : given) : given;
    blocks.push({ type: 'tool_use', id: id ?? `toolu_${n}_${at}`, name, input });
  });
  return blocks;
}

function stopReason({ finishReason, toolCalls, refusal }: FakeReplyContent): string {
  if (finishReason !== undefined) return finishReason;
  return refusal !== undefined ? 'refusal' : toolCalls?.length ? 'tool_use' : 'end_turn';
}

/** Here `input` is what was not read from a cache and not written to one, as the vendor counts. */
function usageOf({ usage = {} }: FakeReplyContent): Json {
  const { input = 10, output = 5, cached = 0, cacheWrite5m = 0, cacheWrite1h = 0 } = usage;
  return {
    input_tokens: input,
    cache_creation_input_tokens: cacheWrite5m + cacheWrite1h,
    cache_read_input_tokens: cached,
    cache_creation: { ephemeral_5m_input_tokens: cacheWrite5m, ephemeral_1h_input_tokens: cacheWrite1h },
    output_tokens: output,
    service_tier: 'standard',
  };
}

function message(content: FakeReplyContent, n: number): Json {
  return {
    id: content.id ?? `msg_${n}`,
    type: 'message',
    role: 'assistant',
    model: 'fake-model',
    content: blocksOf(content, n),
    stop_reason: stopReason(content),
    stop_sequence: null,
    usage: usageOf(content),
  };
}

function messageEvents(content: FakeReplyContent, n: number): FakeEvent[] {
  const events: FakeEvent[] = [];
  const push = (type: string, members: Json): void => void events.push({ event: type, data: { type, ...members } });
  const whole = message(content, n);
  const usage = usageOf(content);
  push('message_start', {
    message: { ...whole, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  });
  push('ping', {});
  blocksOf(content, n).forEach((block, index) => {
    push('content_block_start', { index, content_block: started(block) });
    for (const delta of deltasOf(block)) push('content_block_delta', { index, delta });
    push('content_block_stop', { index });
  });
  push('message_delta', { delta: { stop_reason: whole['stop_reason'], stop_sequence: null }, usage });
  push('message_stop', {});
  return events;
}

const GROWS: Record<string, Json> = {
  text: { text: '', citations: undefined },
  thinking: { thinking: '', signature: '' },
  tool_use: { input: {} },
  server_tool_use: { input: {} },
  mcp_tool_use: { input: {} },
};

const started = (block: Json): Json => ({ ...block, ...GROWS[String(block['type'])] });

function deltasOf(block: Json): Json[] {
  switch (block['type']) {
    case 'text': {
      const citations = Array.isArray(block['citations']) ? block['citations'] : [];
      return [
        ...pieces(String(block['text'])).map((text) => ({ type: 'text_delta', text })),
        ...citations.map((citation: unknown) => ({ type: 'citations_delta', citation })),
      ];
    }
    case 'thinking':
      return [
        ...pieces(String(block['thinking'])).map((thinking) => ({ type: 'thinking_delta', thinking })),
        { type: 'signature_delta', signature: block['signature'] },
      ];
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use': {
      const json = JSON.stringify(block['input']);
      // A tool without parameters gets no text at all.
      const parts = json === '{}' ? [''] : ['', ...pieces(json)];
      return parts.map((partial_json) => ({ type: 'input_json_delta', partial_json }));
    }
    default:
      return [];
  }
}
