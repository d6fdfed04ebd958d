/**
 * What a tool returned, as the model is told: text as it is, other values as JSON text,
 * `{ type: 'text' | 'image' | 'file' }` and lists of those as content.
 */
import type {
  FunctionCallItem,
  FunctionCallResultItem,
  ProviderData,
  ToolCallStructuredOutput,
} from '../protocol/items.ts';

type Bytes = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;
type Fields = { readonly [key: string]: unknown };

const SHOWN_BYTES = 20;

function isBytes(value: unknown): value is Bytes {
  return (
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer === 'function' && value instanceof SharedArrayBuffer)
  );
}

function toBytes(value: Bytes): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

function describeBytes(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => `0x${byte.toString(16).padStart(2, '0')}`);
  const parts = [...shown, ...(bytes.length > SHOWN_BYTES ? ['…'] : []), `(${bytes.length} bytes)`];
  return `[byte array ${parts.join(' ')}]`;
}

/**
 * Any value as text: strings as they are, objects as JSON (bytes inside are only described), the rest as `String` does.
 * Never throws: what JSON cannot hold becomes `[object with circular references]`.
 */
export function toSmartString(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  if (isBytes(value)) return describeBytes(toBytes(value));
  try {
    return JSON.stringify(value, replaceBytes) ?? 'undefined';
  } catch {
    // The text that users of the original know; it also stands for other values that JSON refuses, such as bigint.
    return '[object with circular references]';
  }
}

function replaceBytes(this: unknown, key: string, value: unknown): unknown {
  // A Buffer has turned itself into plain JSON before a replacer sees it, so look at the owner.
  const original: unknown = (this as Fields)[key];
  if (isBytes(original)) return describeBytes(toBytes(original));
  return isBufferJson(value) ? describeBytes(Uint8Array.from(value.data)) : value;
}

function isBufferJson(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return (
    isFields(value) &&
    value.type === 'Buffer' &&
    Array.isArray(value.data) &&
    value.data.every((byte) => typeof byte === 'number')
  );
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The output part of a tool's result. With `text`, structured content is told as JSON text too. */
export function toolOutput(
  value: unknown,
  { text = false }: { text?: boolean } = {},
): FunctionCallResultItem['output'] {
  const content = text ? undefined : toContent(value);
  return content ?? { type: 'text', text: toSmartString(value) };
}

/** The result item of a call. With `text`, structured content is told as JSON text (tools with an output schema). */
export function functionCallResult(
  call: FunctionCallItem,
  value: unknown,
  options: { text?: boolean } = {},
): FunctionCallResultItem {
  const { name, namespace, callId, caller } = call;
  return {
    type: 'function_call_result',
    name,
    ...(namespace !== undefined && { namespace }),
    callId,
    status: 'completed',
    output: toolOutput(value, options),
    ...(caller && { caller }),
  };
}

function toContent(value: unknown): ToolCallStructuredOutput[] | undefined {
  if (!Array.isArray(value)) {
    const part = toPart(value);
    return part && [part];
  }
  const parts: ToolCallStructuredOutput[] = [];
  for (const entry of value) {
    const part = toPart(entry);
    if (!part) return undefined;
    parts.push(part);
  }
  return parts.length > 0 ? parts : undefined;
}

function toPart(value: unknown): ToolCallStructuredOutput | undefined {
  if (!isFields(value)) return undefined;
  const providerData = isFields(value.providerData) ? { providerData: value.providerData satisfies ProviderData } : {};
  if (value.type === 'text') {
    return typeof value.text === 'string' ? { type: 'input_text', text: value.text, ...providerData } : undefined;
  }
  if (value.type === 'image') {
    const image = toImage(value);
    const detail = typeof value.detail === 'string' ? { detail: value.detail } : {};
    return image === undefined ? undefined : { type: 'input_image', ...detail, image, ...providerData };
  }
  if (value.type === 'file') {
    const file = toFile(value.file);
    return file && { type: 'input_file', ...file, ...providerData };
  }
  return undefined;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function toImage(value: Fields): string | { id: string } | undefined {
  const { image } = value;
  if (typeof image === 'string') return text(image);
  // Without `image`, the members may stand on the value itself: an older form that is still in use.
  const source: Fields = isFields(image) && !isBytes(image) ? image : image === undefined ? value : {};
  const url = text(source.url) ?? text(source.imageUrl);
  if (url !== undefined) return url;
  const data = toData(source);
  if (data !== undefined) return data;
  const id = text(source.fileId);
  return id === undefined ? undefined : { id };
}

function toFile(file: unknown): { file: string | { id: string } | { url: string }; filename?: string } | undefined {
  if (typeof file === 'string') return text(file) === undefined ? undefined : { file };
  if (!isFields(file)) return undefined;
  const named = text(file.filename);
  const filename = named === undefined ? {} : { filename: named };
  const url = text(file.url);
  if (url !== undefined) return { file: { url }, ...filename };
  const id = text(file.id) ?? text(file.fileId);
  if (id !== undefined) return { file: { id }, ...filename };
  if (named === undefined || text(file.mediaType) === undefined) return undefined;
  const data = toData(file);
  return data === undefined ? undefined : { file: data, filename: named };
}

/** A data URL where the media type is known (MCP calls it `mimeType`); otherwise base64 as it was given. */
function toData({ data, mediaType, mimeType }: Fields): string | undefined {
  const base64 = isBytes(data) ? toBase64(toBytes(data)) : text(data);
  if (base64 === undefined || base64.startsWith('data:')) return base64;
  const media = text(mediaType) ?? text(mimeType);
  return media === undefined ? base64 : `data:${media};base64,${base64}`;
}

function toBase64(bytes: Uint8Array): string {
  // `btoa` is everywhere, Buffer is not. In chunks, since arguments of a call are limited.
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}
