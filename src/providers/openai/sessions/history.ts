/** Items that the API keeps or gives back as a history: what users said is among them. */
import type { AgentInputItem, UserContent } from '../../../protocol/items.ts';
import { isObject, isString, omit, type Json } from '../json.ts';
import { toOutputItem } from '../responses/output.ts';

/** Which of OpenAI's APIs keeps a session's items. */
export const OPENAI_SESSION_API: unique symbol = /* @__PURE__ */ Symbol.for('baton.openai.sessionApi');
export type OpenAISessionAPI = 'responses' | 'conversations';

/** Items of a stored history as conversation items. */
export function toHistory(items: unknown): AgentInputItem[] {
  return Array.isArray(items) ? items.filter(isObject).map(toHistoryItem) : [];
}

export function toHistoryItem(item: Json): AgentInputItem {
  const { type, role, id, content } = item;
  if ((type !== undefined && type !== 'message') || !isString(role) || role === 'assistant') return toOutputItem(item);
  const shared = { ...(isString(id) && { id }), type: 'message' as const };
  const providerData = omit(item, new Set(['id', 'type', 'role', 'content', 'status']));
  const rest = Object.keys(providerData).length > 0 ? { providerData } : {};
  if (role === 'user') return { ...shared, role, content: isString(content) ? content : parts(content), ...rest };
  if (role !== 'system' && role !== 'developer') return toOutputItem(item);
  const text = isString(content) ? content : parts(content).map((part) => ('text' in part ? part.text : ''));
  return { ...shared, role: 'system', content: isString(text) ? text : text.join('\n'), ...rest };
}

function parts(content: unknown): UserContent[] {
  return Array.isArray(content) ? content.filter(isObject).map(userPart) : [];
}

const PART_KEYS = new Set(['type', 'text', 'image_url', 'file_id', 'detail', 'file_url', 'file_data', 'filename']);

function userPart(part: Json): UserContent {
  const { type, text, image_url: image, file_id: fileId, detail, file_url: url, file_data: data, filename } = part;
  const providerData = omit(part, PART_KEYS);
  const rest = Object.keys(providerData).length > 0 ? { providerData } : {};
  const uploaded = isString(fileId) ? { id: fileId } : undefined;
  if (type === 'input_image') {
    const source = uploaded ?? (isString(image) ? image : undefined);
    return { type, ...(source && { image: source }), ...(isString(detail) && { detail }), ...rest };
  }
  if (type === 'input_file') {
    const file = uploaded ?? (isString(url) ? { url } : isString(data) ? data : undefined);
    return { type, ...(file && { file }), ...(isString(filename) && { filename }), ...rest };
  }
  return { type: 'input_text', text: isString(text) ? text : '', ...rest };
}
