/** Random histories, and the body that each wire's adapter makes of a projected one. */
import fc from 'fast-check';
import type { AgentInputItem, Origin, ProviderData } from '../../protocol/items.ts';
import { toMessages } from '../../providers/openai/chat/messages.ts';
import { toInput } from '../../providers/openai/responses/input.ts';
import { toPrompt } from '../../providers/ai-sdk/prompt.ts';
import { toConversation } from '../../providers/anthropic/messages.ts';
import type { HistoryTarget, HistoryWire } from './target.ts';

/** Stands in everything that only another origin can read. It must not reach the wire. */
export const FOREIGN = 'FOREIGN';

const MODELS: Record<HistoryWire, Omit<HistoryTarget, 'wire'>> = {
  'openai-responses': { provider: 'openai', model: 'gpt-5.4' },
  'openai-chat': { provider: 'openrouter', model: 'deepseek' },
  anthropic: { provider: 'anthropic', model: 'claude-opus-4-7' },
  gemini: { provider: 'google', model: 'gemini-3-pro' },
  'ai-sdk': { provider: 'mistral.chat', model: 'mistral-large' },
};
export const WIRES = Object.keys(MODELS) as HistoryWire[];
export const targetOf = (wire: HistoryWire): HistoryTarget => ({ wire, ...MODELS[wire] });

const KINDS = [
  'user',
  'user',
  'assistant',
  'assistant',
  'system',
  'call',
  'call',
  'call',
  'call',
  'result',
  'result',
  'result',
  'result',
  'reasoning',
  'reasoning',
  'hosted',
  'shell',
  'shell_result',
  'patch',
  'computer',
  'computer_result',
  'program',
  'program_result',
  'compaction',
  'tool_search',
  'unknown',
  'media',
  'media_result',
  'refusal',
  'sound',
] as const;
const IDS = ['call_1', 'call_1', 'call_2', 'c|3!', '', `long|${'x'.repeat(90)}`, `long|${'x'.repeat(90)}y`, 'toolu_4'];
const TEXTS = ['hello', '', '  ', 'Ünï ', 'a longer line of text'];
const NAMES = ['get_weather', 'a.b', 'search', 'n'.repeat(70)];
const ARGS = ['{}', '', '{"a":1}', '[1]', 'not json', '"x"'];
const OWNERS = ['own', 'foreign', 'foreign', 'none'] as const;

type Spec = {
  kind: (typeof KINDS)[number];
  owner: (typeof OWNERS)[number];
  id: string;
  text: string;
  name: string;
  args: string;
  n: number;
};

export const specs: fc.Arbitrary<Spec[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    owner: fc.constantFrom(...OWNERS),
    id: fc.constantFrom(...IDS),
    text: fc.constantFrom(...TEXTS),
    name: fc.constantFrom(...NAMES),
    args: fc.constantFrom(...ARGS),
    n: fc.nat(5),
  }),
  { maxLength: 24 },
);

/** The history that a spec means for a target: what is the target's own depends on who is asked. */
export function historyFor(list: readonly Spec[], target: HistoryTarget): AgentInputItem[] {
  return list.map((spec, at) => build(spec, { target, at }));
}

type Place = { target: HistoryTarget; at: number };

/** The marks of a model's item. */
function marks(
  { owner, n }: Spec,
  { target, at }: Place,
): { id?: string; origin?: Origin; providerData?: ProviderData } {
  if (owner === 'none') return {};
  if (owner === 'own') return { origin: { provider: target.provider, api: target.wire, model: target.model } };
  const wire = WIRES[n % WIRES.length] ?? 'anthropic';
  const { provider, model } = targetOf(wire);
  // Another model of the same provider is another origin too.
  const origin = { provider, api: wire, model: wire === target.wire ? `${FOREIGN}-other` : model };
  return {
    origin,
    id: `${['rs', 'fc', 'msg'][n % 3]}_${FOREIGN}${at}`,
    providerData: { secret: FOREIGN, type: FOREIGN },
  };
}

function build(spec: Spec, place: Place): AgentInputItem {
  const { kind, id, text, name, args } = spec;
  const mark = marks(spec, place);
  switch (kind) {
    case 'user':
      return spec.n % 2
        ? { role: 'user', content: text }
        : user(
            [
              { type: 'input_text', text },
              { type: 'input_text', text: 'more' },
            ],
            spec,
          );
    case 'system':
      return { role: 'system', content: text };
    case 'assistant':
      return {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text }],
        ...mark,
      };
    case 'refusal':
      return {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'refusal', refusal: text }],
        ...mark,
      };
    case 'sound':
      return {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [
          { type: 'audio', audio: 'AAAA', transcript: text },
          { type: 'image', image: 'data:image/png;base64,AA==' },
        ],
        ...mark,
      };
    case 'call':
      return { type: 'function_call', callId: id, name, arguments: args, ...ownCall(spec, place), ...mark };
    case 'result':
      return {
        type: 'function_call_result',
        callId: id,
        name,
        status: 'completed',
        output: spec.n % 2 ? text : { type: 'text', text },
      };
    case 'media':
      return user(MEDIA, spec);
    case 'media_result':
      return {
        type: 'function_call_result',
        callId: id,
        name,
        status: 'completed',
        output:
          spec.n % 2
            ? [
                { type: 'input_text', text },
                { type: 'input_image', image: PNG },
              ]
            : { type: 'image', image: { data: new Uint8Array([1, 2, 3]), mediaType: 'image/png' } },
      };
    case 'reasoning':
      return (
        ownReasoning(spec, place) ?? {
          type: 'reasoning',
          content: [{ type: 'input_text', text: FOREIGN, providerData: { secret: FOREIGN } }],
          ...mark,
          providerData: { ...mark.providerData, encrypted_content: FOREIGN },
        }
      );
    default:
      return special(spec, place);
  }
}

const PNG = 'data:image/png;base64,iVBORw0KGgo=';
type Content = Exclude<Extract<AgentInputItem, { role: 'user' }>['content'], string>;
const MEDIA: Content = [
  { type: 'input_image', image: PNG },
  { type: 'input_image', image: 'https://x.test/a.png' },
  { type: 'input_image', image: 'data:image/tiff;base64,AA==' },
  { type: 'input_image', image: { id: 'file-abc' } },
  { type: 'input_image', image: { id: 'file_011' } },
  { type: 'input_image' },
  { type: 'input_file', file: 'data:application/pdf;base64,AA==', filename: 'a.pdf' },
  { type: 'input_file', file: { url: 'https://x.test/a.pdf' } },
  { type: 'input_file', file: { id: 'file_011' } },
  { type: 'input_file', file: 'AAAA', filename: 'a.bin' },
  { type: 'input_file', file: 'aGk=', filename: 'a.txt' },
  { type: 'audio', audio: 'AAAA', format: 'wav' },
  { type: 'audio', audio: 'AAAA', format: 'ogg', transcript: 'spoken' },
];

const user = (content: Content, { n }: Spec): AgentInputItem => ({
  role: 'user',
  content: content.slice(n % content.length),
});

function ownCall({ owner, n }: Spec, { target, at }: Place): object {
  if (owner !== 'own' || target.wire !== 'openai-responses') return {};
  return { id: `fc_${at}`, providerData: { type: 'function_call' }, ...(n === 0 && { namespace: 'space' }) };
}

function ownReasoning({ owner, text }: Spec, { target, at }: Place): AgentInputItem | undefined {
  if (owner === 'none') return { type: 'reasoning', content: [{ type: 'input_text', text: FOREIGN }] };
  if (owner !== 'own') return undefined;
  const { wire, provider, model } = target;
  const shared = { type: 'reasoning' as const, origin: { provider, api: wire, model } };
  switch (wire) {
    case 'openai-responses':
      return { ...shared, id: `rs_${at}`, content: [], providerData: { encrypted_content: `enc_${at}` } };
    case 'openai-chat':
      return {
        ...shared,
        content: [],
        rawContent: [{ type: 'reasoning_text', text: `kept-${at} ${text}` }],
        providerData: { reasoning_field: 'reasoning_content' },
      };
    case 'anthropic':
      return {
        ...shared,
        content: [{ type: 'input_text', text: `kept-${at}` }],
        providerData: { anthropic: { signature: `sig_${at}` } },
      };
    case 'ai-sdk':
    case 'gemini':
      return {
        ...shared,
        content: [{ type: 'input_text', text: `kept-${at}` }],
        providerData: { google: { thoughtSignature: `sig_${at}` } },
      };
  }
}

function special(spec: Spec, place: Place): AgentInputItem {
  const { kind, id, text } = spec;
  const mark = spec.owner === 'own' ? {} : marks(spec, place);
  switch (kind) {
    case 'hosted':
      return { type: 'hosted_tool_call', name: 'web_search_call', arguments: '{"q":1}', output: text, ...mark };
    case 'shell':
      return { type: 'shell_call', callId: id, action: { commands: ['ls'] }, ...mark };
    case 'shell_result':
      return {
        type: 'shell_call_output',
        callId: id,
        output: [{ stdout: text, stderr: '', outcome: { type: 'timeout' } }],
        ...mark,
      };
    case 'patch':
      return {
        type: 'apply_patch_call',
        callId: id,
        status: 'completed',
        operation: { type: 'delete_file', path: 'a' },
        ...mark,
      };
    case 'computer':
      return { type: 'computer_call', callId: id, status: 'completed', action: { type: 'screenshot' }, ...mark };
    case 'computer_result':
      return { type: 'computer_call_result', callId: id, output: { type: 'computer_screenshot', data: PNG }, ...mark };
    case 'program':
      return { type: 'program', callId: id, code: '1', fingerprint: 'f', ...mark };
    case 'program_result':
      return { type: 'program_output', callId: id, output: text, status: 'completed', ...mark };
    case 'compaction':
      return {
        type: 'compaction',
        encrypted_content: FOREIGN,
        ...mark,
        origin: { provider: 'x', api: 'x', model: 'x' },
      };
    case 'tool_search':
      return { type: 'tool_search_call', arguments: {}, ...mark, origin: { provider: 'x', api: 'x', model: 'x' } };
    default:
      return { type: 'unknown', providerData: { type: FOREIGN }, origin: { provider: 'x', api: 'x', model: 'x' } };
  }
}

/** The body of a request with these items. */
export function bodyFor(items: AgentInputItem[], { wire, model }: HistoryTarget): Record<string, unknown> {
  switch (wire) {
    case 'openai-responses':
      return { model, input: toInput(items) };
    case 'openai-chat':
      return { model, messages: toMessages(items) };
    case 'anthropic': {
      const { system, messages } = toConversation(items);
      return { model, max_tokens: 100, messages, ...(system.length > 0 && { system: system.join('\n') }) };
    }
    case 'gemini':
      return geminiBody(items);
    case 'ai-sdk':
      return { prompt: toPrompt(items, 'v4') };
  }
}

type Part = Record<string, unknown>;

/** As an AI SDK model of Google writes it: the documented mapping, no more. */
function geminiBody(items: AgentInputItem[]): Record<string, unknown> {
  const contents: { role: string; parts: Part[] }[] = [];
  const system: Part[] = [];
  const add = (role: string, ...parts: Part[]): void => {
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else if (parts.length > 0) contents.push({ role, parts });
  };
  for (const item of items) {
    if ('role' in item && item.role === 'system') {
      if (contents.length > 0)
        throw new Error('system messages are only supported at the beginning of the conversation');
      system.push({ text: item.content });
    } else if ('role' in item && item.role === 'user') add('user', ...userParts(item.content));
    else if ('role' in item && item.role === 'assistant')
      add('model', ...item.content.flatMap((part) => (part.type === 'output_text' ? [{ text: part.text }] : [{}])));
    else if (item.type === 'function_call') {
      const google = item.providerData?.['google'];
      add('model', { functionCall: { name: item.name, args: JSON.parse(item.arguments) }, ...(google as object) });
    } else if (item.type === 'function_call_result')
      add('user', { functionResponse: { name: item.name, response: { output: item.output } } });
    else if (item.type === 'reasoning')
      add('model', {
        text: item.content.map(({ text }) => text).join(''),
        thought: true,
        ...(item.providerData?.['google'] as object),
      });
    else throw new Error(`nothing on this wire for ${String(item.type)}`);
  }
  return { contents, ...(system.length > 0 && { systemInstruction: { parts: system } }) };
}

function userParts(content: string | Content): Part[] {
  if (typeof content === 'string') return [{ text: content }];
  return content.map((part) => {
    if (part.type === 'input_text') return { text: part.text };
    const source = part.type === 'input_image' ? part.image : part.type === 'input_file' ? part.file : part.audio;
    if (typeof source === 'object' && !('url' in source)) throw new Error('ids of files mean nothing here');
    return { inlineData: { data: typeof source === 'string' ? source : source?.url } };
  });
}
