/** A user's message as Chat Completions takes it. */
import { UserError } from '../../../protocol/errors.ts';
import type { AudioContent, InputFile, InputImage, UserContent } from '../../../protocol/items.ts';
import { compact, isString, omit, type Json } from '../json.ts';

const KEYS = {
  text: new Set(['type', 'text']),
  image: new Set(['type', 'image_url']),
  file: new Set(['type', 'file']),
  audio: new Set(['type', 'input_audio']),
};

/** The content of a user's message. */
export function userContent(content: string | UserContent[]): string | Json[] {
  return isString(content) ? content : content.map(userPart);
}

function userPart(part: UserContent): Json {
  const breakpoint = { prompt_cache_breakpoint: part.promptCacheBreakpoint };
  switch (part.type) {
    case 'input_text':
      return compact({ type: 'text', text: part.text, ...breakpoint, ...omit(part.providerData, KEYS.text) });
    case 'input_image':
      return compact({
        type: 'image_url',
        image_url: imageUrl(part),
        ...breakpoint,
        ...omit(part.providerData, KEYS.image),
      });
    case 'input_file':
      return compact({ type: 'file', file: file(part), ...breakpoint, ...omit(part.providerData, KEYS.file) });
    case 'audio':
      return compact({
        type: 'input_audio',
        input_audio: audio(part),
        ...breakpoint,
        ...omit(part.providerData, KEYS.audio),
      });
    default: {
      const { type }: { type?: unknown } = part;
      throw new UserError(
        `A message has a part of the unknown type ${JSON.stringify(type)}. Parts of a user are input_text, input_image, input_file and audio.`,
      );
    }
  }
}

function imageUrl({ image, detail }: InputImage): Json {
  if (isString(image)) return compact({ url: image, detail });
  throw new UserError(
    'Chat Completions takes images as a web address or a data URL only, not as the id of an uploaded file.',
  );
}

function file({ file: source, filename }: InputFile): Json {
  if (isString(source) && source.startsWith('data:')) return compact({ file_data: source, filename });
  if (source !== undefined && !isString(source) && 'id' in source) return compact({ file_id: source.id, filename });
  throw new UserError(
    'Chat Completions takes files as a data URL or as the id of an uploaded file, { id: "…" }. ' +
      'It fetches no web addresses; the Responses API does.',
  );
}

function audio({ audio: source, format }: AudioContent): Json {
  if (!isString(source)) throw new UserError('Chat Completions takes audio as base64 only, not as an id.');
  if (format === 'wav' || format === 'mp3') return { data: source, format };
  throw new UserError(`Audio input needs the format "wav" or "mp3". It is ${JSON.stringify(format)}.`);
}
