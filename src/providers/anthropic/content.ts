/** Parts of messages and of tool results as content blocks. What the wire cannot take was replaced by the projection. */
import type {
  AssistantContent,
  FunctionCallResultItem,
  InputFile,
  InputImage,
  InputText,
  UserContent,
} from '../../protocol/items.ts';
import { compact, isObject, isString, ours, type Json } from './json.ts';

/** A user's part. `providerData.anthropic` is laid on top: citations, title, context, cache_control. */
export function userBlock(part: UserContent): Json[] {
  const block = mediaBlock(part);
  if (!block) return [];
  const mark = part.promptCacheBreakpoint ? { cache_control: { type: 'ephemeral' } } : {};
  return [{ ...block, ...mark, ...ours(part.providerData) }];
}

function mediaBlock(part: UserContent): Json | undefined {
  switch (part.type) {
    case 'input_text':
      return { type: 'text', text: part.text };
    case 'input_image':
      return image(part);
    case 'input_file':
      return document(part);
    case 'audio':
      return part.transcript ? { type: 'text', text: part.transcript } : undefined;
    default:
      return undefined;
  }
}

const DATA_URL = /^data:([^;,]*)((?:;[^,]*)?),(.*)$/s;

function imageSource(source: string): Json {
  const [, mediaType, , data] = DATA_URL.exec(source) ?? [];
  return data === undefined
    ? { type: 'url', url: source }
    : { type: 'base64', media_type: mediaType?.toLowerCase(), data };
}

function image({ image: source }: InputImage): Json | undefined {
  if (source === undefined) return undefined;
  return { type: 'image', source: isString(source) ? imageSource(source) : { type: 'file', file_id: source.id } };
}

function document({ file, filename }: InputFile): Json | undefined {
  if (file === undefined) return undefined;
  const shared = { type: 'document', ...(filename !== undefined && { title: filename }) };
  if (!isString(file))
    return { ...shared, source: 'id' in file ? { type: 'file', file_id: file.id } : { type: 'url', url: file.url } };
  const [, type = '', coding = '', data] = DATA_URL.exec(file) ?? [];
  const mediaType = type.toLowerCase();
  if (data === undefined) return { ...shared, source: { type: 'url', url: file } };
  if (mediaType.startsWith('image/')) return { type: 'image', source: { type: 'base64', media_type: mediaType, data } };
  if (mediaType !== 'text/plain') return { ...shared, source: { type: 'base64', media_type: mediaType, data } };
  const text = coding.includes('base64') ? decodeBase64(data) : decodeURIComponent(data);
  return { ...shared, source: { type: 'text', media_type: 'text/plain', data: text } };
}

function decodeBase64(data: string): string {
  const binary = atob(data);
  return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
}

/** An assistant's part. Citations go back as they came. */
export function assistantBlock(part: AssistantContent): Json[] {
  switch (part.type) {
    case 'output_text': {
      const { citations } = ours(part.providerData);
      return [compact({ type: 'text', text: part.text, citations: Array.isArray(citations) ? citations : undefined })];
    }
    case 'refusal':
      return [{ type: 'text', text: part.refusal }];
    default:
      return [];
  }
}

/** A tool's result. */
export function resultBlock(item: FunctionCallResultItem): Json {
  const { callId, output, status, providerData } = item;
  return {
    type: 'tool_result',
    tool_use_id: callId,
    content: resultContent(output),
    ...(status === 'incomplete' && { is_error: true }),
    ...ours(providerData),
  };
}

type Output = FunctionCallResultItem['output'];
type Parts = (InputText | InputImage | InputFile)[];

function resultContent(output: Output): unknown {
  if (isString(output)) return output;
  if (Array.isArray(output)) return (output as Parts).flatMap(userBlock);
  // Images and files came out of the projection as lists.
  return isObject(output) && output.type === 'text' ? output.text : JSON.stringify(output);
}
