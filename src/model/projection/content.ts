/** What messages and results hold: no empty part, no part that the target refuses, system text where it may stand. */
import type {
  AgentInputItem,
  AssistantContent,
  AssistantMessageItem,
  FunctionCallResultItem,
  OutputText,
  SystemMessageItem,
  UserContent,
  UserMessageItem,
} from '../../protocol/items.ts';
import { fitAudio, fitFile, fitImage, partsOf, type MediaPart } from './media.ts';
import type { Context, Entry } from './target.ts';

/** What a result without output says: several wires refuse to hear nothing. */
export const NO_OUTPUT = '(no output)';
const SOUND = '[sound left out: this model cannot take it]';

/** Fits the content of every item to the target; items that have nothing to say vanish. */
export function settleContent(entries: readonly Entry[], context: Context): Entry[] {
  const kept: Entry[] = [];
  for (const { item, index } of entries) {
    const fitted = fitItem(item, { context, index, first: kept.every((entry) => isSystem(entry.item)) });
    if (fitted) kept.push({ item: fitted, index });
    else context.warn('empty_dropped', index, 'A message with nothing in it was left out.');
  }
  return kept;
}

export const isSystem = (item: AgentInputItem): item is SystemMessageItem => 'role' in item && item.role === 'system';

type Place = { context: Context; index: number; first: boolean };

function fitItem(item: AgentInputItem, place: Place): AgentInputItem | undefined {
  if (item.type === 'function_call_result') return fitResult(item, place);
  if (item.type !== undefined && item.type !== 'message') return item;
  switch (item.role) {
    case 'user':
      return fitUser(item, place);
    case 'assistant':
      return fitAssistant(item, place);
    case 'system':
      return fitSystem(item, place);
    default:
      return item;
  }
}

function fitSystem(item: SystemMessageItem, { context, index, first }: Place): AgentInputItem | undefined {
  if (isBlank(item.content)) return undefined;
  if (first || context.can.lateSystem) return item;
  context.warn('system_moved', index, 'A late system message is sent as a note of the user.');
  // Tagged, so that a reader of the history sees that the user did not say it.
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text: `<system>${item.content}</system>` }] };
}

const isBlank = (text: unknown): boolean => typeof text !== 'string' || text.trim() === '';

/** Replaces parts one by one. The same list where nothing changed. */
function fitParts<P extends { type: string }>(parts: P[], fit: (part: P) => P | undefined): P[] {
  const fitted: P[] = [];
  let changed = false;
  for (const part of parts) {
    const now = fit(part);
    if (now !== part) changed = true;
    if (now) fitted.push(now);
  }
  return changed ? fitted : parts;
}

function fitUser(item: UserMessageItem, place: Place): AgentInputItem | undefined {
  if (typeof item.content === 'string') return isBlank(item.content) ? undefined : item;
  const content = fitParts<UserContent>(item.content, (part) => fitUserPart(part, place));
  if (content.length === 0) return undefined;
  return content === item.content ? item : { ...item, content };
}

function fitUserPart(part: UserContent, { context, index }: Place): UserContent | undefined {
  switch (part.type) {
    case 'input_text':
      return isBlank(part.text) ? undefined : part;
    case 'audio':
      return asText(fitAudio(part, context), { context, index });
    default:
      return fitMedia(part, { context, index });
  }
}

function fitMedia(part: MediaPart, place: Pick<Place, 'context' | 'index'>): MediaPart | undefined {
  switch (part.type) {
    case 'input_text':
      return isBlank(part.text) ? undefined : part;
    case 'input_image':
      return asText(fitImage(part, place.context), place);
    case 'input_file':
      return asText(fitFile(part, place.context), place);
    default:
      return part;
  }
}

function asText<P extends { type: string }>(
  fitted: P | string | undefined,
  { context, index }: Pick<Place, 'context' | 'index'>,
): P | { type: 'input_text'; text: string } | undefined {
  if (typeof fitted !== 'string') return fitted;
  context.warn('media_replaced', index, `A part that the target cannot take is sent as text: ${fitted.slice(0, 100)}`);
  return { type: 'input_text', text: fitted };
}

function fitAssistant(item: AssistantMessageItem, place: Place): AgentInputItem | undefined {
  // Seeded histories of the published SDK may hold a bare string here.
  const given: unknown = item.content;
  if (typeof given === 'string') return isBlank(given) ? undefined : item;
  const content = fitParts<AssistantContent>(item.content, (part) => fitAssistantPart(part, place));
  if (content.length === 0) return undefined;
  return content === item.content ? item : { ...item, content };
}

function fitAssistantPart(part: AssistantContent, { context, index }: Place): AssistantContent | undefined {
  const { wire } = context.target;
  const openai = wire === 'openai-responses' || wire === 'openai-chat';
  const text = (said: string): OutputText => ({ type: 'output_text', text: said });
  switch (part.type) {
    case 'output_text':
      return isBlank(part.text) ? undefined : part;
    case 'refusal':
      if (isBlank(part.refusal)) return undefined;
      return openai ? part : text(part.refusal);
    case 'audio':
      // Chat Completions names an earlier sound by its id, as long as it is its own.
      if (wire === 'openai-chat' && typeof part.providerData?.['id'] === 'string') return part;
      context.warn('media_replaced', index, 'Sound of an earlier answer is sent as its transcript.');
      return text(isBlank(part.transcript) ? SOUND : String(part.transcript));
    case 'image':
      context.warn('media_replaced', index, 'An image of an earlier answer was left out.');
      return text('[image left out: this model cannot take it]');
    default:
      return part;
  }
}

function fitResult(item: FunctionCallResultItem, place: Place): FunctionCallResultItem {
  const { output } = item;
  const parts = partsOf(output);
  if (!parts) return fitTextResult(item, place);
  const fitted = fitParts<MediaPart>(parts, (part) => fitMedia(part, place));
  if (fitted.length === 0) return { ...item, output: NO_OUTPUT };
  // In the form in which it came, where nothing had to change.
  if (fitted === parts && (Array.isArray(output) || place.context.native)) return item;
  return { ...item, output: fitted };
}

function fitTextResult(item: FunctionCallResultItem, { context }: Place): FunctionCallResultItem {
  const { output } = item;
  const text: unknown = typeof output === 'object' && output !== null && 'text' in output ? output.text : output;
  const openai = context.target.wire === 'openai-chat' || context.native;
  if (typeof text === 'string' && (openai || text.trim() !== '')) return item;
  return { ...item, output: typeof text === 'string' || text === undefined ? NO_OUTPUT : JSON.stringify(text) };
}
