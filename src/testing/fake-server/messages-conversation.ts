/** What the Messages API demands of a conversation: roles, pairs of calls and results, blocks. */
import { isObject, object, oneOf, Problem, text, type Json } from './problem.ts';
import { objects } from './tools.ts';

const ID = /^[a-zA-Z0-9_-]{1,64}$/;
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const IMAGES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
const DOCUMENTS = ['application/pdf', 'text/plain'];
const USER_BLOCKS = ['text', 'image', 'document', 'search_result', 'tool_result', 'container_upload'];
const ASSISTANT_BLOCKS = ['text', 'thinking', 'redacted_thinking', 'tool_use', 'server_tool_use', 'mcp_tool_use'];

type Turn = { role: string; blocks: Json[]; param: string };

/** @throws Problem */
export function checkConversation(messages: Json[], thinking: boolean): void {
  const turns: Turn[] = [];
  messages.forEach((message, at) => {
    const param = `messages.${at}`;
    const role = oneOf(message['role'], `${param}.role`, ['user', 'assistant']);
    const blocks = blocksOf(message['content'], param);
    for (const [i, block] of blocks.entries()) checkBlock(block, role, `${param}.content.${i}`);
    const last = turns.at(-1);
    // The vendor reads two messages of one role as one.
    if (last?.role === role) last.blocks.push(...blocks);
    else turns.push({ role, blocks, param });
  });
  if (turns[0]?.role !== 'user') throw new Problem('messages', 'messages: first message must use the "user" role');
  checkPairs(turns);
  const last = turns.at(-1);
  if (last?.role === 'assistant' && !last.blocks.some((block) => block['type'] === 'server_tool_use'))
    throw new Problem(
      'messages',
      'This model does not support assistant message prefill. The conversation must end with a user message.',
    );
  if (thinking) checkLeadingThinking(turns);
}

function blocksOf(content: unknown, param: string): Json[] {
  if (typeof content !== 'string') return objects(content, `${param}.content`);
  if (content.trim() === '') throw new Problem(param, `${param}: all messages must have non-empty content`, 'empty');
  return [{ type: 'text', text: content }];
}

function checkBlock(block: Json, role: string, param: string): void {
  const type = text(block['type'], `${param}.type`);
  const known = role === 'user' ? USER_BLOCKS : ASSISTANT_BLOCKS;
  // Results of server tools come in many types, all named alike.
  if (!known.includes(type) && !(role === 'assistant' && /^\w+_tool_result$/.test(type)))
    throw new Problem(
      `${param}.type`,
      `${param}: Input tag '${type}' found using 'type' does not match any expected tag`,
    );
  switch (type) {
    case 'text':
      if (text(block['text'], `${param}.text`, { empty: true }).trim() === '')
        throw new Problem(param, 'messages: text content blocks must contain non-whitespace text');
      return;
    case 'thinking':
      text(block['thinking'], `${param}.thinking`, { empty: true });
      text(block['signature'], `${param}.signature`);
      return;
    case 'redacted_thinking':
      text(block['data'], `${param}.data`);
      return;
    case 'tool_use':
      if (!ID.test(text(block['id'], `${param}.id`)))
        throw new Problem(param, `${param}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
      if (!NAME.test(text(block['name'], `${param}.name`)))
        throw new Problem(param, `${param}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
      object(block['input'], `${param}.input`);
      return;
    case 'tool_result':
      checkResult(block, param);
      return;
    case 'image':
      checkSource(block['source'], `${param}.source`, IMAGES);
      return;
    case 'document':
      checkSource(block['source'], `${param}.source`, DOCUMENTS);
      return;
    default:
  }
}

function checkResult(block: Json, param: string): void {
  text(block['tool_use_id'], `${param}.tool_use_id`);
  const { content } = block;
  if (content === undefined || typeof content === 'string') return;
  objects(content, `${param}.content`, { empty: true }).forEach((part, at) => {
    oneOf(part['type'], `${param}.content.${at}.type`, [
      'text',
      'image',
      'document',
      'search_result',
      'tool_reference',
    ]);
    checkBlock(part, 'user', `${param}.content.${at}`);
  });
}

function checkSource(source: unknown, param: string, types: readonly string[]): void {
  const { type, ...rest } = object(source, param);
  switch (oneOf(type, `${param}.type`, ['base64', 'url', 'file', 'text', 'content'])) {
    case 'base64':
      oneOf(rest['media_type'], `${param}.media_type`, types);
      text(rest['data'], `${param}.data`);
      return;
    case 'url':
      if (!/^https?:/.test(text(rest['url'], `${param}.url`)))
        throw new Problem(param, `${param}.url: Only HTTP and HTTPS URLs are supported.`);
      return;
    case 'file':
      text(rest['file_id'], `${param}.file_id`);
      return;
    default:
  }
}

function checkPairs(turns: Turn[]): void {
  const ids = new Set<string>();
  turns.forEach(({ role, blocks, param }, at) => {
    if (role === 'assistant') {
      for (const id of idsOf(blocks, 'tool_use', 'id')) {
        if (ids.has(id)) throw new Problem(param, `${param}: \`tool_use\` ids must be unique`);
        ids.add(id);
      }
      const answered = new Set(idsOf(turns[at + 1]?.blocks ?? [], 'tool_result', 'tool_use_id'));
      const missing = idsOf(blocks, 'tool_use', 'id').filter((id) => !answered.has(id));
      if (missing.length > 0)
        throw new Problem(
          param,
          `${param}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}.`,
        );
      return;
    }
    const results = idsOf(blocks, 'tool_result', 'tool_use_id');
    const asked = new Set(idsOf(turns[at - 1]?.blocks ?? [], 'tool_use', 'id'));
    for (const [i, id] of results.entries()) {
      if (!asked.has(id))
        throw new Problem(param, `${param}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}.`);
      if (results.indexOf(id) !== i)
        throw new Problem(param, `${param}: each tool_use must have a single result. Found multiple for ${id}.`);
      if (blocks[i]?.['type'] !== 'tool_result')
        throw new Problem(param, `${param}: \`tool_result\` blocks must come first in the content of the message.`);
    }
  });
}

function idsOf(blocks: readonly Json[], type: string, key: string): string[] {
  return blocks.flatMap((block) => (block['type'] === type ? [String(block[key])] : []));
}

/** Older models want to read their thoughts again as long as a tool loop goes on. */
function checkLeadingThinking(turns: Turn[]): void {
  const last = turns.at(-1);
  if (!last || !isObject(last.blocks[0]) || last.blocks[0]['type'] !== 'tool_result') return;
  const before = turns.at(-2);
  const first = String(before?.blocks[0]?.['type']);
  if (first === 'thinking' || first === 'redacted_thinking') return;
  throw new Problem(
    before?.param ?? 'messages',
    `${before?.param}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first}\`. ` +
      'When `thinking` is enabled, a final `assistant` message must start with a thinking block.',
  );
}
