/** What an AI SDK model answered, as conversation items. The same for whole and for streamed answers. */
import type {
  AgentOutputItem,
  AssistantContent,
  HostedToolCallItem,
  Origin,
  ProviderData,
} from '../../protocol/items.ts';
import type { UsageData } from '../../protocol/model.ts';
import { errorOfResponse } from '../../wire/index.ts';
import { isObject, isString, type Json } from './types.ts';

export type Finish = { unified: string; raw?: string };

export function finishOf(value: unknown): Finish {
  if (isString(value)) return { unified: value };
  if (!isObject(value)) return { unified: 'other' };
  const { unified, raw } = value;
  return { unified: isString(unified) ? unified : 'other', ...(isString(raw) && { raw }) };
}

export type Answer = {
  content: readonly unknown[];
  finish: Finish;
  origin: Origin;
  toolName: (sent: string) => string;
};

const DECLINED = "Response withheld by the provider's content filter.";

/** @throws ModelResponseError when the answer did not come to a good end: nothing of it counts, no call is made */
export function toOutput(answer: Answer): AgentOutputItem[] {
  const { content, finish, origin } = answer;
  checkFinish(answer);
  const items: AgentOutputItem[] = [];
  for (const part of content) if (isObject(part)) addPart(items, part, answer);
  if (finish.unified !== 'content-filter') return items;
  const text = items.flatMap((item) => (item.type === 'message' && item.role === 'assistant' ? item.content : []));
  const said = text.map((part) => (part.type === 'output_text' ? part.text : '')).join('');
  return [message([{ type: 'refusal', refusal: said.trim() === '' ? DECLINED : said }], origin)];
}

function checkFinish({ content, finish, origin }: Answer): void {
  const { unified, raw = unified } = finish;
  const last = content.findLast(isObject);
  const cutCall = unified === 'length' && (last?.['type'] === 'tool-call' || content.length === 0);
  if (unified !== 'error' && unified !== 'interrupted' && !cutCall) return;
  throw errorOfResponse({
    provider: origin.provider,
    prefix: `${origin.provider}'s answer did not come to a good end (${raw})`,
    kind: cutCall ? 'incomplete' : unified === 'interrupted' ? 'truncated_stream' : 'server',
    body: { code: raw },
    responseStarted: true,
  });
}

function message(content: AssistantContent[], origin: Origin): AgentOutputItem {
  return { type: 'message', role: 'assistant', status: 'completed', content, origin };
}

function metadata({ providerMetadata }: Json, ours?: Json): { providerData?: ProviderData } {
  const data = { ...(isObject(providerMetadata) ? providerMetadata : {}), ...(ours && { aiSdk: ours }) };
  return Object.keys(data).length > 0 ? { providerData: data } : {};
}

type Place = Pick<Answer, 'origin' | 'toolName'>;

function addPart(items: AgentOutputItem[], part: Json, { origin, toolName }: Place): void {
  switch (part['type']) {
    case 'text': {
      const { text, citations } = part;
      const ours = Array.isArray(citations) && citations.length > 0 ? { citations } : undefined;
      if (isString(text) && text !== '') say(items, { type: 'output_text', text, ...metadata(part, ours) }, origin);
      return;
    }
    case 'reasoning': {
      const { text } = part;
      const content = isString(text) && text !== '' ? [{ type: 'input_text' as const, text }] : [];
      items.push({ type: 'reasoning', content, ...metadata(part), origin });
      return;
    }
    case 'tool-call':
      items.push(part['providerExecuted'] === true ? hosted(part, origin) : call(part, { origin, toolName }));
      return;
    case 'tool-result':
      attachResult(items, part);
      return;
    case 'file': {
      const image = imageOf(part);
      if (image !== undefined) say(items, { type: 'image', image, ...metadata(part) }, origin);
      else items.push({ type: 'unknown', providerData: { aiSdk: part }, origin });
      return;
    }
    case 'custom':
      // A provider's own news, such as the start of its message. It is among the raw events.
      return;
    default:
      items.push({ type: 'unknown', providerData: { aiSdk: part }, origin });
  }
}

function say(items: AgentOutputItem[], content: AssistantContent, origin: Origin): void {
  const last = items.at(-1);
  if (last?.type === 'message' && last.role === 'assistant') last.content.push(content);
  else items.push(message([content], origin));
}

const argumentsOf = (input: unknown): string =>
  isString(input) ? (input.trim() === '' ? '{}' : input) : JSON.stringify(input ?? {});

function call(part: Json, { origin, toolName }: Place): AgentOutputItem {
  return {
    type: 'function_call',
    callId: String(part['toolCallId']),
    name: toolName(String(part['toolName'])),
    arguments: argumentsOf(part['input']),
    status: 'completed',
    ...metadata(part),
    origin,
  };
}

function hosted(part: Json, origin: Origin): HostedToolCallItem {
  const { toolCallId, toolName, input } = part;
  const shared = { id: String(toolCallId), name: String(toolName), arguments: argumentsOf(input) };
  return { type: 'hosted_tool_call', ...shared, status: 'in_progress', ...metadata(part), origin };
}

function attachResult(items: AgentOutputItem[], { toolCallId, result, isError, preliminary }: Json): void {
  if (preliminary === true) return;
  const at = items.findIndex((item) => item.type === 'hosted_tool_call' && item.id === toolCallId);
  const item = items[at];
  if (item?.type !== 'hosted_tool_call') return;
  const output = isString(result) ? result : JSON.stringify(result);
  items[at] = { ...item, status: isError === true ? 'failed' : 'completed', output };
}

/** V3 writes base64 or bytes, V4 an object around them. */
function imageOf({ mediaType, data }: Json): string | undefined {
  if (!isString(mediaType) || !mediaType.startsWith('image/')) return undefined;
  const given: unknown = isObject(data) && !(data instanceof Uint8Array) ? (data['data'] ?? data['url']) : data;
  if (isString(given)) return `data:${mediaType};base64,${given}`;
  if (given instanceof URL) return given.href;
  if (!(given instanceof Uint8Array)) return undefined;
  let binary = '';
  for (let at = 0; at < given.length; at += 0x8000) binary += String.fromCharCode(...given.subarray(at, at + 0x8000));
  return `data:${mediaType};base64,${btoa(binary)}`;
}

const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

type Counts = Required<Pick<UsageData, 'inputTokens' | 'outputTokens' | 'totalTokens'>> & {
  inputTokensDetails: Record<string, number>;
  outputTokensDetails: Record<string, number>;
};

/** Input details: `cached_tokens` and `cacheRead` (the same count), `cacheWrite`. Absent counts are zero. */
export function usageOf(usage: unknown): Counts {
  const { inputTokens, outputTokens } = isObject(usage) ? usage : {};
  const input: Json = isObject(inputTokens) ? inputTokens : { total: inputTokens };
  const output: Json = isObject(outputTokens) ? outputTokens : { total: outputTokens };
  const [read, written] = [number(input['cacheRead']), number(input['cacheWrite'])];
  const totalIn = number(input['total'] ?? number(input['noCache']) + read + written);
  const totalOut = number(output['total'] ?? number(output['text']) + number(output['reasoning']));
  return {
    inputTokens: totalIn,
    outputTokens: totalOut,
    totalTokens: totalIn + totalOut,
    inputTokensDetails: { cached_tokens: read, cacheRead: read, cacheWrite: written },
    outputTokensDetails: { reasoning_tokens: number(output['reasoning']) },
  };
}
