/** Parts of messages and of tool outputs, as the Responses API takes them. */
import { UserError } from '../../../protocol/errors.ts';
import type {
  AssistantContent,
  FunctionCallResultItem,
  InputFile,
  InputImage,
  UserContent,
} from '../../../protocol/items.ts';
import { base64, compact, extra, isObject, isString, type Json } from '../json.ts';

const TEXT_KEYS = new Set(['type', 'text']);
const REFUSAL_KEYS = new Set(['type', 'refusal']);
const IMAGE_KEYS = new Set(['type', 'image_url', 'file_id', 'detail']);
const FILE_KEYS = new Set(['type', 'file_id', 'file_url', 'file_data', 'filename']);

/** One part of a user's message. */
export function userPart(part: UserContent): Json {
  const breakpoint = { prompt_cache_breakpoint: part.promptCacheBreakpoint };
  switch (part.type) {
    case 'input_text':
      return compact({ type: 'input_text', text: part.text, ...breakpoint, ...extra(part.providerData, TEXT_KEYS) });
    case 'input_image':
      return compact({
        type: 'input_image',
        detail: part.detail ?? 'auto',
        ...imageSource(part.image),
        ...breakpoint,
        ...extra(part.providerData, IMAGE_KEYS),
      });
    case 'input_file':
      return compact({
        type: 'input_file',
        ...fileSource(part),
        filename: part.filename,
        ...breakpoint,
        ...extra(part.providerData, FILE_KEYS),
      });
    case 'audio':
      throw new UserError('The Responses API takes no audio in messages. Use Chat Completions or send a transcript.');
    default:
      throw unknownPart(part, 'a user are input_text, input_image and input_file');
  }
}

/** One part of an assistant's message. */
export function assistantPart(part: AssistantContent): Json {
  switch (part.type) {
    case 'output_text':
      return compact({ type: 'output_text', text: part.text, annotations: [], ...extra(part.providerData, TEXT_KEYS) });
    case 'refusal':
      return compact({ type: 'refusal', refusal: part.refusal, ...extra(part.providerData, REFUSAL_KEYS) });
    case 'audio':
    case 'image':
      throw new UserError(`The Responses API takes no "${part.type}" in an assistant's message. Leave the part out.`);
    default:
      throw unknownPart(part, 'an assistant are output_text and refusal');
  }
}

function unknownPart(part: never, known: string): UserError {
  const { type }: { type?: unknown } = part;
  return new UserError(`A message has a part of the unknown type ${JSON.stringify(type)}. Parts of ${known}.`);
}

function imageSource(image: InputImage['image']): Json {
  if (image === undefined) return {};
  return isString(image) ? { image_url: image } : { file_id: image.id };
}

const BASE64 = /^[A-Za-z0-9+/=\s]*$/;

function fileSource({ file }: InputFile): Json {
  if (file === undefined) return {};
  if (!isString(file)) return 'id' in file ? { file_id: file.id } : { file_url: file.url };
  if (/^https?:/i.test(file)) return { file_url: file };
  if (file.startsWith('data:') || BASE64.test(file)) return { file_data: file };
  throw new UserError(
    `The file ${JSON.stringify(file.slice(0, 40))} is neither a data URL nor a web address. ` +
      `For an uploaded file, write file: { id: '…' }.`,
  );
}

/** A tool's output: text as a string, anything else as a list of parts. */
export function toolOutput(output: FunctionCallResultItem['output'], callId: string): unknown {
  if (isString(output)) return output;
  if (Array.isArray(output)) return output.map((part) => structuredPart(part, callId));
  if (!isObject(output)) return String(output);
  switch (output.type) {
    case 'text':
      return output.text;
    case 'image':
      return [compact({ type: 'input_image', ...toolImage(output.image), detail: output.detail })];
    case 'file':
      return [compact({ type: 'input_file', ...toolFile(output.file) })];
    default:
      throw new UserError(
        `The output of the tool call ${callId} has the unknown form ${JSON.stringify(Object.keys(output))}.`,
      );
  }
}

type Structured = Extract<FunctionCallResultItem['output'], unknown[]>[number];

function structuredPart(part: Structured, callId: string): Json {
  switch (part.type) {
    case 'input_text':
      return compact({ type: 'input_text', text: part.text });
    case 'input_image':
      return compact({ type: 'input_image', ...imageSource(part.image), detail: part.detail });
    case 'input_file':
      return compact({ type: 'input_file', ...fileSource(part), filename: part.filename });
    default: {
      const { type }: { type?: unknown } = part;
      throw new UserError(
        `The output of the tool call ${callId} has a part of the type ${JSON.stringify(type)}. ` +
          'Lists may hold input_text, input_image and input_file.',
      );
    }
  }
}

type ToolImage = Extract<FunctionCallResultItem['output'], { type: 'image' }>['image'];
type ToolFile = Extract<FunctionCallResultItem['output'], { type: 'file' }>['file'];

function dataOf(data: string | Uint8Array, mediaType: string | undefined): string {
  const text = isString(data) ? data : base64(data);
  return mediaType === undefined || text.startsWith('data:') ? text : `data:${mediaType};base64,${text}`;
}

function toolImage(image: ToolImage): Json {
  if (image === undefined) return {};
  if (isString(image)) return { image_url: image };
  if ('url' in image) return { image_url: image.url };
  return 'fileId' in image ? { file_id: image.fileId } : { image_url: dataOf(image.data, image.mediaType) };
}

function toolFile(file: ToolFile): Json {
  if (isString(file)) return file.startsWith('data:') ? { file_data: file } : { file_url: file };
  if ('data' in file) return { file_data: dataOf(file.data, file.mediaType), filename: file.filename };
  return { ...('id' in file ? { file_id: file.id } : { file_url: file.url }), filename: file.filename };
}
