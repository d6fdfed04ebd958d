/** Conversation items as the messages of Chat Completions. */
import { UserError } from '../../../protocol/errors.ts';
import type {
  AgentInputItem,
  AssistantMessageItem,
  FunctionCallItem,
  FunctionCallResultItem,
  ReasoningItem,
} from '../../../protocol/items.ts';
import { isObject, isString, omit, type Json } from '../json.ts';
import { userContent } from './content.ts';

/** What stands in for a tool's output that Chat Completions cannot carry. */
const OMITTED = '[tool output omitted]';

const MESSAGE_KEYS = new Set(['role', 'content', 'tool_calls', 'audio']);
const RESULT_KEYS = new Set(['role', 'content', 'tool_call_id']);
const CALL_KEYS = new Set(['id', 'type', 'function', 'role', 'content', 'tool_calls', 'audio']);
/** Members of an answered message that the published SDK keeps with its text. No server takes them back there. */
const PART_KEYS = new Set([
  'type',
  'text',
  'role',
  'content',
  'tool_calls',
  'refusal',
  'annotations',
  'audio',
  'function_call',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'thinking_blocks',
]);

export type MessageOptions = { strict?: boolean };

/** An assistant's message in the making: reasoning, text and calls are items of their own, but one message. */
type Draft = { message: Json; calls: Json[] };

/** The `messages` of a request, without the system instructions. */
export function toMessages(input: string | AgentInputItem[], options: MessageOptions = {}): Json[] {
  if (isString(input)) return [{ role: 'user', content: input }];
  const builder = new MessageBuilder(options);
  for (const item of input) builder.add(item);
  return builder.finish();
}

class MessageBuilder {
  readonly #messages: Json[] = [];
  readonly #strict: boolean;
  #draft: Draft | undefined;

  constructor({ strict = false }: MessageOptions) {
    this.#strict = strict;
  }

  finish(): Json[] {
    this.#flush();
    return this.#messages;
  }

  add(item: AgentInputItem): void {
    if (item.type === undefined || item.type === 'message') this.#addMessage(item);
    else if (item.type === 'function_call') this.#addCall(item);
    else if (item.type === 'function_call_result') this.#push(toolMessage(item, this.#strict));
    else if (item.type === 'reasoning') this.#addReasoning(item);
    else if (item.type === 'unknown') {
      // Only a message can stand here. Another API's item means nothing to this one.
      if (isString(item.providerData?.['role'])) this.#push({ ...item.providerData });
    } else throw unsupported(item.type);
  }

  #push(message: Json): void {
    this.#flush();
    this.#messages.push(message);
  }

  #flush(): void {
    const draft = this.#draft;
    this.#draft = undefined;
    if (!draft) return;
    const { message, calls } = draft;
    if (calls.length > 0) message['tool_calls'] = calls;
    const { content } = message;
    const empty = content === null || (Array.isArray(content) && content.length === 0);
    // A message without anything in it is refused by every server.
    if (empty && Object.keys(message).length === 2) return;
    if (empty) message['content'] = null;
    this.#messages.push(message);
  }

  #ensureDraft(): Draft {
    return (this.#draft ??= { message: { role: 'assistant', content: null }, calls: [] });
  }

  #addMessage(item: Extract<AgentInputItem, { role: string }>): void {
    switch (item.role) {
      case 'assistant':
        this.#addAssistant(item);
        return;
      case 'user':
        this.#push({ role: 'user', content: userContent(item.content), ...omit(item.providerData, MESSAGE_KEYS_USER) });
        return;
      case 'system':
        this.#push({ role: 'system', content: item.content, ...omit(item.providerData, MESSAGE_KEYS_USER) });
        return;
      default: {
        const { role }: { role?: unknown } = item;
        throw new UserError(
          `A message has the unknown role ${JSON.stringify(role)}. Roles are user, system and assistant.`,
        );
      }
    }
  }

  #addAssistant(item: AssistantMessageItem): void {
    if (this.#draft && this.#draft.message['content'] !== null) this.#flush();
    const { message } = this.#ensureDraft();
    Object.assign(message, assistantContent(item.content), omit(item.providerData, MESSAGE_KEYS));
  }

  #addCall(item: FunctionCallItem): void {
    if (item.namespace !== undefined) {
      throw new UserError(
        `The call of "${item.namespace}.${item.name}" has a namespace, which Chat Completions does not know. ` +
          'Use the Responses API.',
      );
    }
    if (item.caller?.type === 'program') throw unsupported('program');
    const data = item.providerData ?? {};
    const inner = isObject(data['function']) ? data['function'] : {};
    this.#ensureDraft().calls.push({
      ...omit(data, CALL_KEYS),
      id: item.callId,
      type: 'function',
      function: { ...inner, name: item.name, arguments: item.arguments },
    });
  }

  #addReasoning({ rawContent, providerData = {} }: ReasoningItem): void {
    const { reasoning_details: details, reasoning_field: field, thinking_blocks: blocks } = providerData;
    const text = rawContent?.[0]?.text;
    if (text === undefined && !Array.isArray(details) && !Array.isArray(blocks)) return;
    if (this.#draft && this.#draft.message['content'] !== null) this.#flush();
    const { message } = this.#ensureDraft();
    // Under the name under which it came: servers ignore the other one.
    if (text !== undefined) message[isString(field) ? field : 'reasoning'] = text;
    if (Array.isArray(details)) message['reasoning_details'] = details;
    if (Array.isArray(blocks)) message['thinking_blocks'] = blocks;
  }
}

const MESSAGE_KEYS_USER = new Set(['role', 'content']);

function unsupported(type: string): UserError {
  return new UserError(
    `Chat Completions cannot carry the history item "${type}". ` +
      'Use the Responses API, or leave such items out of the input.',
  );
}

function assistantContent(content: AssistantMessageItem['content'] | string): Json {
  if (isString(content)) return { content };
  const parts: Json[] = [];
  let audio: Json | undefined;
  for (const part of content) {
    if (part.type === 'output_text')
      parts.push({ type: 'text', text: part.text, ...omit(part.providerData, PART_KEYS) });
    else if (part.type === 'refusal') {
      parts.push({ type: 'refusal', refusal: part.refusal, ...omit(part.providerData, PART_KEYS) });
    } else if (part.type === 'audio') {
      // An earlier answer in sound is named by its id; without one there is nothing to name.
      const id = part.providerData?.['id'] ?? (isObject(part.audio) ? part.audio.id : undefined);
      if (isString(id)) audio = { ...part.providerData, id };
    }
  }
  return { content: parts, ...(audio && { audio }) };
}

function toolMessage(item: FunctionCallResultItem, strict: boolean): Json {
  return {
    role: 'tool',
    tool_call_id: item.callId,
    content: toolText(item, strict),
    ...omit(item.providerData, RESULT_KEYS),
  };
}

function toolText({ output, callId }: FunctionCallResultItem, strict: boolean): string {
  if (isString(output)) return output;
  const parts: readonly { type?: unknown; text?: unknown }[] = Array.isArray(output) ? output : [output];
  const known = ['text', 'image', 'file', 'input_text', 'input_image', 'input_file'];
  for (const { type } of parts) {
    if (known.includes(String(type))) continue;
    throw new UserError(
      `The output of the tool call ${callId} has a part of the unknown type ${JSON.stringify(type)}.`,
    );
  }
  const texts = parts.flatMap(({ text }) => (isString(text) ? [text] : []));
  if (texts.length > 0) return texts.join('');
  if (!strict) return OMITTED;
  throw new UserError(
    `The output of the tool call ${callId} has no text, and Chat Completions carries nothing else. ` +
      'Return text, or use the Responses API.',
  );
}
