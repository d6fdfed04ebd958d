/** Conversation items as the prompt of an AI SDK model. They went through `projectHistory` before. */
import type {
  AgentInputItem,
  AssistantMessageItem,
  FunctionCallResultItem,
  ProviderData,
  UserContent,
} from '../../protocol/items.ts';
import { compact, isObject, isString, type Json } from './types.ts';

export type Spec = 'v3' | 'v4';
type Message = { role: 'system' | 'user' | 'assistant' | 'tool'; content: string | Json[] };

/** Builds the prompt; neighbours of one role become one message. */
export function toPrompt(items: readonly AgentInputItem[], spec: Spec): Message[] {
  const prompt: Message[] = [];
  const add = (role: Message['role'], parts: Json[]): void => {
    if (parts.length === 0) return;
    const last = prompt.at(-1);
    if (last?.role === role && Array.isArray(last.content)) last.content.push(...parts);
    else prompt.push({ role, content: [...parts] });
  };
  for (const item of items) {
    if ('role' in item && item.role === 'system') prompt.push({ role: 'system', content: item.content });
    else if ('role' in item && item.role === 'user') add('user', userParts(item.content, spec));
    else if (item.type === 'function_call_result') add('tool', [resultPart(item)]);
    else add('assistant', assistantParts(item));
  }
  return prompt;
}

/** Provider data is namespaced by provider already; what we keep for ourselves is under `aiSdk`. */
function options(providerData: ProviderData | undefined): Json {
  const given: Json = {};
  for (const [name, value] of Object.entries(providerData ?? {})) {
    if (name !== 'aiSdk' && isObject(value)) given[name] = value;
  }
  return Object.keys(given).length > 0 ? { providerOptions: given } : {};
}

function userParts(content: string | UserContent[], spec: Spec): Json[] {
  if (isString(content)) return [{ type: 'text', text: content }];
  return content.flatMap((part) => {
    const made = userPart(part, spec);
    return made ? [{ ...made, ...options(part.providerData) }] : [];
  });
}

function userPart(part: UserContent, spec: Spec): Json | undefined {
  switch (part.type) {
    case 'input_text':
      return { type: 'text', text: part.text };
    case 'input_image':
      return isString(part.image) ? file(part.image, { fallback: 'image/*', spec }) : undefined;
    case 'input_file': {
      const { file: source, filename } = part;
      const where = isString(source) ? source : source && 'url' in source ? source.url : undefined;
      if (where === undefined) return undefined;
      return compact({ ...file(where, { fallback: typeByEnding(filename ?? where), spec }), filename });
    }
    case 'audio':
      return isString(part.audio)
        ? file(`data:audio/${part.format === 'mp3' ? 'mpeg' : (part.format ?? 'wav')};base64,${part.audio}`, {
            fallback: 'audio/wav',
            spec,
          })
        : undefined;
  }
}

const ENDINGS: Record<string, string> = {
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
};
const DATA_URL = /^data:([^;,]*)((?:;[^,]*)?),(.*)$/s;

function typeByEnding(name: string): string {
  return ENDINGS[/\.(\w+)(?:\?|$)/.exec(name)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
}

/** The two versions write the same data differently. */
function file(source: string, { fallback, spec }: { fallback: string; spec: Spec }): Json {
  const [, type, coding = '', payload] = DATA_URL.exec(source) ?? [];
  if (payload === undefined) {
    const url = new URL(source);
    return { type: 'file', mediaType: fallback, data: spec === 'v4' ? { type: 'url', url } : url };
  }
  const base64 = coding.includes('base64') ? payload : btoa(unescapeBytes(payload));
  return { type: 'file', mediaType: type || fallback, data: spec === 'v4' ? { type: 'data', data: base64 } : base64 };
}

/** A percent-encoded payload as a string of bytes. */
const unescapeBytes = (payload: string): string =>
  String.fromCharCode(...new TextEncoder().encode(decodeURIComponent(payload)));

function resultPart({ callId, name, output, status, providerData }: FunctionCallResultItem): Json {
  const text = textOf(output);
  return {
    type: 'tool-result',
    toolCallId: callId,
    toolName: name,
    output: { type: status === 'incomplete' ? 'error-text' : 'text', value: text },
    ...options(providerData),
  };
}

/** Images went to a message of their own in the projection. */
function textOf(output: FunctionCallResultItem['output']): string {
  if (isString(output)) return output;
  if (Array.isArray(output))
    return output.flatMap((part) => (part.type === 'input_text' ? [part.text] : [])).join('\n');
  return output.type === 'text' ? output.text : JSON.stringify(output);
}

function assistantParts(item: AgentInputItem): Json[] {
  switch (item.type) {
    case 'function_call': {
      // An object on the way in, a string on the way out.
      const input: unknown = JSON.parse(item.arguments);
      const call = { type: 'tool-call', toolCallId: item.callId, toolName: item.name, input };
      return [{ ...call, ...options(item.providerData) }];
    }
    case 'reasoning':
      return [
        { type: 'reasoning', text: item.content.map(({ text }) => text).join(''), ...options(item.providerData) },
      ];
    case 'message':
    case undefined:
      return item.role === 'assistant' ? spoken(item) : [];
    default:
      return [];
  }
}

function spoken({ content }: AssistantMessageItem): Json[] {
  const given: unknown = content;
  if (isString(given)) return [{ type: 'text', text: given }];
  return content.flatMap((part) =>
    part.type === 'output_text' ? [{ type: 'text', text: part.text, ...options(part.providerData) }] : [],
  );
}
