/** Images, documents and sounds, by what the target takes. What it does not take becomes a line of text. */
import type { AudioContent, FunctionCallResultItem, InputFile, InputImage, InputText } from '../../protocol/items.ts';
import type { Context } from './target.ts';

/** Parts of a result as they travel: a list in the form of messages. */
export type MediaPart = InputText | InputImage | InputFile;

const ANTHROPIC_IMAGES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);
const ANTHROPIC_FILES = new Set(['application/pdf', 'text/plain']);
const DATA_URL = /^data:([^;,]*)[^,]*,/i;
const WEB = /^https?:/i;

/** The same part where the target takes it, else what stands in for it; `undefined` where nothing is in it. */
export function fitImage(part: InputImage, { can, target }: Context): InputImage | string | undefined {
  const { image } = part;
  if (image === undefined || image === '') return undefined;
  if (!can.images) return note('image', typeof image === 'string' && WEB.test(image) ? image : undefined);
  if (typeof image !== 'string') return fitsId(image.id, target.wire, 'image') ? part : note('image', image.id);
  if (target.wire !== 'anthropic') return part;
  const type = mediaTypeOf(image);
  if (type === undefined) return WEB.test(image) ? part : note('image', undefined);
  return ANTHROPIC_IMAGES.has(type) ? part : note(`image of the type ${type}`, undefined);
}

export function fitFile(part: InputFile, { can, target: { wire } }: Context): InputFile | string | undefined {
  const { file, filename } = part;
  if (file === undefined || file === '') return undefined;
  const web = typeof file === 'string' ? file : 'url' in file ? file.url : undefined;
  const url = web !== undefined && WEB.test(web) ? web : undefined;
  if (!can.files) return note('file', filename ?? url);
  if (url !== undefined) return wire === 'openai-chat' ? note('file', url) : part;
  if (typeof file !== 'string') return 'id' in file && fitsId(file.id, wire, 'file') ? part : note('file', filename);
  const type = mediaTypeOf(file);
  // Bare base64: only the Responses API guesses what it is.
  if (type === undefined) return wire === 'openai-responses' ? part : fitBare(part, file, wire);
  return wire === 'anthropic' && !isAnthropicFile(type) ? note(`file of the type ${type}`, filename) : part;
}

const isAnthropicFile = (type: string): boolean => ANTHROPIC_FILES.has(type) || ANTHROPIC_IMAGES.has(type);

const BASE64 = /^[A-Za-z0-9+/=\s]+$/;
const BY_ENDING: Record<string, string> = { pdf: 'application/pdf', txt: 'text/plain', md: 'text/plain' };

function fitBare(part: InputFile, data: string, wire: Context['target']['wire']): InputFile | string {
  const type = BY_ENDING[(part.filename ?? '').split('.').at(-1)?.toLowerCase() ?? ''];
  const usable = type !== undefined && BASE64.test(data) && (wire !== 'anthropic' || isAnthropicFile(type));
  return usable ? { ...part, file: `data:${type};base64,${data}` } : note('file', part.filename);
}

export function fitAudio(part: AudioContent, { can, target }: Context): AudioContent | string {
  const { audio, format, transcript } = part;
  const chat = target.wire !== 'openai-chat' || format === 'wav' || format === 'mp3';
  if (can.audio && typeof audio === 'string' && audio !== '' && chat) return part;
  return transcript?.trim() ? transcript : note('sound', undefined);
}

const note = (what: string, where: string | undefined): string =>
  where === undefined ? `[${what} left out: this model cannot take it]` : `[${what} left out: ${where}]`;

function mediaTypeOf(data: string): string | undefined {
  const match = DATA_URL.exec(data);
  return match ? (match[1] ?? '').toLowerCase() : undefined;
}

/** Ids of uploaded files are bound to who keeps the file; OpenAI writes `file-`, Anthropic `file_`. */
function fitsId(id: string, wire: Context['target']['wire'], kind: 'image' | 'file'): boolean {
  switch (wire) {
    case 'openai-responses':
      return id !== '' && !id.startsWith('file_01');
    case 'openai-chat':
      return id !== '' && kind === 'file' && !id.startsWith('file_01');
    case 'anthropic':
      return id.startsWith('file_');
    case 'gemini':
    case 'ai-sdk':
      return false;
  }
}

type Output = FunctionCallResultItem['output'];

/** A result as a list of parts, or `undefined` where it is text already. */
export function partsOf(output: Output): MediaPart[] | undefined {
  if (typeof output === 'string' || typeof output !== 'object' || output === null) return undefined;
  if (Array.isArray(output)) return output;
  switch (output.type) {
    case 'text':
      return undefined;
    case 'image':
      return [imagePart(output)];
    case 'file':
      return [filePart(output.file)];
  }
}

function imagePart({ image, detail }: Extract<Output, { type: 'image' }>): InputImage {
  const shared = { type: 'input_image' as const, ...(detail !== undefined && { detail }) };
  if (image === undefined) return shared;
  if (typeof image === 'string') return { ...shared, image };
  if ('url' in image) return { ...shared, image: image.url };
  if ('fileId' in image) return { ...shared, image: { id: image.fileId } };
  return { ...shared, image: dataUrl(image.data, image.mediaType ?? 'image/png') };
}

function filePart(file: Extract<Output, { type: 'file' }>['file']): InputFile {
  if (typeof file === 'string') return { type: 'input_file', file };
  const { filename } = file;
  const shared = { type: 'input_file' as const, ...(filename !== undefined && { filename }) };
  if ('data' in file) return { ...shared, file: dataUrl(file.data, file.mediaType) };
  return { ...shared, file: 'id' in file ? { id: file.id } : { url: file.url } };
}

function dataUrl(data: string | Uint8Array, mediaType: string): string {
  if (typeof data === 'string') return data.startsWith('data:') || WEB.test(data) ? data : prefix(mediaType) + data;
  let binary = '';
  for (let at = 0; at < data.length; at += 0x8000) binary += String.fromCharCode(...data.subarray(at, at + 0x8000));
  return prefix(mediaType) + btoa(binary);
}

const prefix = (mediaType: string): string => `data:${mediaType};base64,`;
