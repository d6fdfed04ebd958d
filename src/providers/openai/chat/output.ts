/** What Chat Completions answered, as conversation items. The same for whole and for streamed answers. */
import { ModelBehaviorError } from '../../../protocol/errors.ts';
import type { AgentOutputItem, AssistantContent, FunctionCallItem, ProviderData } from '../../../protocol/items.ts';
import { isObject, isString, omit, type Json } from '../json.ts';

const WITHHELD = "Response withheld by the provider's content filter.";
const EMPTY_LENGTH =
  'The answer reached its token limit before anything was said. ' +
  'Raise modelSettings.maxTokens; thinking counts too.';

/** What the items themselves say of a message. */
const MESSAGE_KEYS = new Set([
  'role',
  'content',
  'refusal',
  'audio',
  'tool_calls',
  'function_call',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'thinking_blocks',
]);
const CALL_KEYS = new Set(['id', 'index', 'type', 'function']);
const FUNCTION_KEYS = new Set(['name', 'arguments']);

/** An answered message and why it ended. `id` is the completion's. */
export type Answer = { id: string; message: Json; finishReason: unknown };

/** @throws ModelBehaviorError when the token limit was reached before anything came */
export function toOutput({ id, message, finishReason }: Answer): AgentOutputItem[] {
  const reasoning = reasoningItem(message);
  const calls = toolCalls(id, message['tool_calls']);
  const content = messageContent(message, calls.length > 0 || reasoning !== undefined);
  const nothing = calls.length === 0 && content.every((part) => part.type === 'output_text' && part.text === '');
  if (nothing && finishReason === 'content_filter')
    content.splice(0, content.length, { type: 'refusal', refusal: WITHHELD });
  else if (nothing && !reasoning && finishReason === 'length') throw new ModelBehaviorError(EMPTY_LENGTH);
  const items: AgentOutputItem[] = reasoning ? [reasoning] : [];
  if (content.length > 0) items.push({ id, type: 'message', role: 'assistant', content, status: 'completed' });
  items.push(...calls);
  return items;
}

function filled(data: Json): { providerData?: ProviderData } {
  for (const key of Object.keys(data)) {
    const value = data[key];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) delete data[key];
  }
  return Object.keys(data).length > 0 ? { providerData: data } : {};
}

/** Text comes as a string; some servers send a list of parts. */
function textOf(content: unknown): string | undefined {
  if (isString(content)) return content;
  if (!Array.isArray(content)) return undefined;
  return content.flatMap((part) => (isObject(part) && isString(part['text']) ? [part['text']] : [])).join('');
}

/** Empty text says something only where nothing else was said. */
function messageContent(message: Json, saidMore: boolean): AssistantContent[] {
  const content: AssistantContent[] = [];
  const text = textOf(message['content']);
  const { refusal, audio } = message;
  const refused = isString(refusal) && refusal !== '';
  const sounded = isObject(audio) && isString(audio['data']);
  if (text !== undefined && (text !== '' || !(saidMore || refused || sounded))) {
    content.push({ type: 'output_text', text, ...filled(omit(message, MESSAGE_KEYS)) });
  }
  if (refused) content.push({ type: 'refusal', refusal });
  if (sounded) {
    const { data, ...rest } = audio;
    content.push({ type: 'audio', audio: String(data), ...filled(rest) });
  }
  return content;
}

/**
 * Thoughts in the open: `reasoning` (vLLM, OpenRouter) or `reasoning_content` (DeepSeek and others). Which it was is
 * kept, because tool loops need it back under the same name. `thinking_blocks` (LiteLLM) are signed, and go back whole.
 */
function reasoningItem(message: Json): AgentOutputItem | undefined {
  const { reasoning, reasoning_content: content, reasoning_details: details, thinking_blocks: blocks } = message;
  const text = isString(reasoning) && reasoning !== '' ? reasoning : content;
  const hasDetails = [details, blocks].some((list) => Array.isArray(list) && list.length > 0);
  const hasText = isString(text) && text !== '';
  if (!hasText && !hasDetails) return undefined;
  return {
    type: 'reasoning',
    content: [],
    ...(hasText && { rawContent: [{ type: 'reasoning_text', text }] }),
    ...filled({
      reasoning_field: hasText && text === content && text !== reasoning ? 'reasoning_content' : undefined,
      reasoning_details: details,
      thinking_blocks: blocks,
    }),
  };
}

function toolCalls(id: string, calls: unknown): AgentOutputItem[] {
  if (!Array.isArray(calls)) return [];
  return calls.filter(isObject).map((call, at): AgentOutputItem => {
    const fn = call['function'];
    if (!isObject(fn)) return { type: 'unknown', providerData: { ...call } };
    return functionCall(id, { call, fn, at });
  });
}

function functionCall(id: string, { call, fn, at }: { call: Json; fn: Json; at: number }): FunctionCallItem {
  const callId = call['id'];
  const inner = omit(fn, FUNCTION_KEYS);
  return {
    id,
    type: 'function_call',
    // Some servers name no call. The result must find it again all the same.
    callId: isString(callId) && callId !== '' ? callId : `call_${id.replace(/[^A-Za-z0-9_-]/g, '').slice(-40)}_${at}`,
    name: isString(fn['name']) ? fn['name'] : '',
    arguments: argumentsOf(fn['arguments']),
    status: 'completed',
    ...filled({ ...omit(call, CALL_KEYS), ...(Object.keys(inner).length > 0 && { function: inner }) }),
  };
}

/** JSON text, whatever came: servers send objects, nothing, or an empty string for a tool without parameters. */
function argumentsOf(value: unknown): string {
  if (isString(value)) return value.trim() === '' ? '{}' : value;
  return value === undefined || value === null ? '{}' : JSON.stringify(value);
}
