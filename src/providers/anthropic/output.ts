/** What the Messages API answered, as conversation items. The same for whole and for streamed answers. */
import type { AgentOutputItem, AssistantMessageItem, HostedToolCallItem, Origin } from '../../protocol/items.ts';
import { errorOfResponse } from '../../wire/index.ts';
import { PROVIDER } from './client.ts';
import { isObject, isString, omit, type Json } from './json.ts';

export type Answer = {
  content: readonly unknown[];
  stopReason: string | undefined;
  origin: Origin;
  /** The tool's name by the name that was sent. */
  toolName: (sent: string) => string;
};

const DECLINED = 'The model declined to answer.';
const CUT_OFF = new Set(['max_tokens', 'model_context_window_exceeded']);

/**
 * The output of a message.
 *
 * @throws ModelResponseError when the token limit left no room for an answer, or cut a tool call in two
 */
export function toOutput({ content, stopReason, origin, toolName }: Answer): AgentOutputItem[] {
  const blocks = content.filter(isObject);
  if (stopReason === 'refusal') return [refusal(blocks, origin)];
  const cut = stopReason !== undefined && CUT_OFF.has(stopReason);
  if (cut) checkCut(blocks, stopReason);
  const items: AgentOutputItem[] = [];
  for (const block of blocks) addBlock(items, block, { origin, toolName });
  const last = items.at(-1);
  if (cut && last?.type === 'message' && last.role === 'assistant')
    items[items.length - 1] = { ...last, status: 'incomplete' };
  return items;
}

/** What was said before a refusal is no answer; the vendor asks to drop it. */
function refusal(blocks: readonly Json[], origin: Origin): AgentOutputItem {
  const text = blocks.flatMap((block) => (isString(block['text']) ? [block['text']] : [])).join('');
  const said = text.trim() === '' ? DECLINED : text;
  return {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'refusal', refusal: said }],
    origin,
  };
}

function checkCut(blocks: readonly Json[], stopReason: string): void {
  const last = blocks.at(-1);
  const says = blocks.some(({ type, text }) => type === 'tool_use' || (type === 'text' && text !== ''));
  if (says && last?.['type'] !== 'tool_use') return;
  const what = says ? 'in the middle of a tool call' : 'before there was an answer';
  throw errorOfResponse({
    provider: PROVIDER,
    prefix: `${PROVIDER}'s answer was cut off (${stopReason}) ${what}. Raise modelSettings.maxTokens, or send less`,
    kind: stopReason === 'max_tokens' ? 'incomplete' : 'context_window',
    body: { code: stopReason },
    responseStarted: true,
  });
}

type Place = Pick<Answer, 'origin' | 'toolName'>;

const CALL_KEYS = new Set(['type', 'id', 'name', 'input']);

function addBlock(items: AgentOutputItem[], block: Json, { origin, toolName }: Place): void {
  switch (block['type']) {
    case 'text':
      addText(items, block, origin);
      return;
    case 'thinking':
    case 'redacted_thinking':
      items.push(thought(block, origin));
      return;
    case 'tool_use': {
      const extra = omit(block, CALL_KEYS);
      items.push({
        type: 'function_call',
        callId: String(block['id']),
        name: toolName(String(block['name'])),
        arguments: argumentsOf(block['input']),
        status: 'completed',
        origin,
        ...(Object.keys(extra).length > 0 && { providerData: { anthropic: extra } }),
      });
      return;
    }
    case 'server_tool_use':
    case 'mcp_tool_use':
      items.push(hosted(block, origin));
      return;
    default:
      if (!attachResult(items, block)) items.push({ type: 'unknown', providerData: { anthropic: { block } }, origin });
  }
}

const argumentsOf = (input: unknown): string => (isString(input) ? input : JSON.stringify(input ?? {}));

/** Cited text comes in pieces: neighbours are one message. */
function addText(items: AgentOutputItem[], { text, citations }: Json, origin: Origin): void {
  if (!isString(text) || text === '') return;
  const cited = Array.isArray(citations) && citations.length > 0;
  const part: AssistantMessageItem['content'][number] = {
    type: 'output_text',
    text,
    ...(cited && { providerData: { anthropic: { citations } } }),
  };
  const last = items.at(-1);
  if (last?.type === 'message' && last.role === 'assistant') last.content.push(part);
  else items.push({ type: 'message', role: 'assistant', status: 'completed', content: [part], origin });
}

function thought({ type, thinking, signature, data }: Json, origin: Origin): AgentOutputItem {
  if (type === 'redacted_thinking') {
    return { type: 'reasoning', content: [], providerData: { anthropic: { redacted: data } }, origin };
  }
  const said = isString(thinking) && thinking !== '';
  return {
    type: 'reasoning',
    content: said ? [{ type: 'input_text', text: thinking }] : [],
    ...(isString(signature) && signature !== '' && { providerData: { anthropic: { signature } } }),
    origin,
  };
}

function hosted(block: Json, origin: Origin): HostedToolCallItem {
  return {
    type: 'hosted_tool_call',
    ...(isString(block['id']) && { id: block['id'] }),
    name: String(block['name']),
    arguments: argumentsOf(block['input']),
    status: 'in_progress',
    providerData: { anthropic: { blocks: [block] } },
    origin,
  };
}

/** A result right behind its server tool's call becomes part of that item; one elsewhere keeps its place. */
function attachResult(items: AgentOutputItem[], block: Json): boolean {
  const last = items.at(-1);
  if (last?.type !== 'hosted_tool_call' || last.id === undefined || block['tool_use_id'] !== last.id) return false;
  const ours = last.providerData?.['anthropic'];
  const before: unknown = isObject(ours) ? ours['blocks'] : undefined;
  const failed = block['is_error'] === true || errorCode(block['content']) !== undefined;
  items[items.length - 1] = {
    ...last,
    status: failed ? 'failed' : 'completed',
    output: readable(block['content']),
    providerData: { anthropic: { blocks: [...(Array.isArray(before) ? before : []), block] } },
  };
  return true;
}

const errorCode = (content: unknown): string | undefined =>
  isObject(content) && isString(content['error_code']) ? content['error_code'] : undefined;

/** What people and other models can read of a server tool's result. Encrypted content stays with the block. */
function readable(content: unknown): string {
  if (isString(content)) return content;
  const parts = Array.isArray(content) ? content.filter(isObject) : isObject(content) ? [content] : [];
  const lines = parts.map((part) => {
    const { title, url, text, stdout, stderr, error_code: code } = part;
    return [title, url, text, stdout, stderr, code].filter((each) => isString(each) && each !== '').join(' ');
  });
  return lines.filter((line) => line !== '').join('\n');
}
