/** Conversation items as the messages of the Messages API. They went through `projectHistory` before. */
import type { AgentInputItem, AssistantMessageItem, ReasoningItem } from '../../protocol/items.ts';
import { assistantBlock, resultBlock, userBlock } from './content.ts';
import { isObject, isString, ours, type Json } from './json.ts';

export type Conversation = {
  /** Texts of system messages at the start. */
  system: string[];
  messages: { role: 'user' | 'assistant'; content: Json[] }[];
};

/** Builds system text and messages; neighbours of one role become one message. */
export function toConversation(items: readonly AgentInputItem[]): Conversation {
  const conversation: Conversation = { system: [], messages: [] };
  const add = (role: 'user' | 'assistant', blocks: Json[]): void => {
    if (blocks.length === 0) return;
    const last = conversation.messages.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else conversation.messages.push({ role, content: [...blocks] });
  };
  for (const item of items) {
    if ('role' in item && item.role === 'system') conversation.system.push(item.content);
    else if (item.type === 'function_call_result') add('user', [resultBlock(item)]);
    else if ('role' in item && item.role === 'user')
      add('user', isString(item.content) ? [{ type: 'text', text: item.content }] : item.content.flatMap(userBlock));
    else add('assistant', assistantBlocks(item));
  }
  return conversation;
}

function assistantBlocks(item: AgentInputItem): Json[] {
  switch (item.type) {
    case 'function_call':
      return [
        {
          type: 'tool_use',
          id: item.callId,
          name: item.name,
          input: inputOf(item.arguments),
          ...ours(item.providerData),
        },
      ];
    case 'reasoning':
      return thinking(item);
    case 'hosted_tool_call': {
      const { blocks } = ours(item.providerData);
      return Array.isArray(blocks) ? blocks.filter(isObject).map((block) => ({ ...block })) : [];
    }
    case 'unknown': {
      const { block } = ours(item.providerData);
      return isObject(block) ? [{ ...block }] : [];
    }
    case 'message':
    case undefined:
      return item.role === 'assistant' ? spoken(item) : [];
    default:
      return [];
  }
}

function spoken({ content }: AssistantMessageItem): Json[] {
  // Seeded histories may hold a bare string.
  const given: unknown = content;
  return isString(given) ? [{ type: 'text', text: given }] : content.flatMap(assistantBlock);
}

function inputOf(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** Verbatim, or not at all: without its signature the API refuses it. */
function thinking({ content, providerData }: ReasoningItem): Json[] {
  const { signature, redacted } = ours(providerData);
  if (isString(redacted)) return [{ type: 'redacted_thinking', data: redacted }];
  if (!isString(signature)) return [];
  return [{ type: 'thinking', thinking: content.map(({ text }) => text).join(''), signature }];
}
