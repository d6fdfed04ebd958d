/** A conversation as the turns of a chat template. It went through `projectHistory` before. */
import type { AgentInputItem, FunctionCallItem, FunctionCallResultItem } from '../../protocol/items.ts';
import type { ChatTurn } from './library.ts';
import { CALL_BEGIN, CALL_END, type ReplyForm } from './reply.ts';

type Conversation = { items: readonly AgentInputItem[]; instructions: string | undefined; form: ReplyForm };

/** Ends with the model's open turn. Neighbours of one role become one turn: many templates demand that roles alternate. */
export function toTurns({ items, instructions, form }: Conversation): ChatTurn[] {
  const system = [instructions ?? ''];
  const turns: { role: 'user' | 'model'; parts: string[] }[] = [];
  for (const item of items) {
    if ('role' in item && item.role === 'system') {
      system.push(item.content);
      continue;
    }
    const role = ('role' in item && item.role === 'user') || item.type === 'function_call_result' ? 'user' : 'model';
    const text = textOf(item);
    if (text === '') continue;
    const last = turns.at(-1);
    if (last?.role === role) last.parts.push(text);
    else turns.push({ role, parts: [text] });
  }
  system.push(...describe(form));
  const written = turns.map(({ role, parts }): ChatTurn => {
    const text = parts.join('\n');
    return role === 'user' ? { type: 'user', text } : { type: 'model', response: [text] };
  });
  const told = system.filter((text) => text !== '').join('\n\n');
  const first: ChatTurn[] = told === '' ? [] : [{ type: 'system', text: told }];
  const open: ChatTurn[] = written.at(-1)?.type === 'model' ? [] : [{ type: 'model', response: [] }];
  return [...first, ...written, ...open];
}

function describe({ offered, schema }: ReplyForm): string[] {
  const told: string[] = [];
  if (offered.length > 0) {
    const tools = offered.map(({ sent, description, parameters }) =>
      spaced({ type: 'function', function: { name: sent, description, parameters } }),
    );
    told.push(
      ['You can call these tools:', '<tools>', ...tools, '</tools>'].join('\n'),
      'To call one, answer with its name and arguments:\n' +
        `${CALL_BEGIN}\n{"name": "<name>", "arguments": {<arguments>}}\n${CALL_END}\n` +
        'What it returned comes in <tool_response></tool_response>.',
    );
  }
  if (schema) {
    told.push(`Give your final answer as JSON that fits this schema:\n<schema>\n${spaced(schema)}\n</schema>`);
  }
  return told;
}

function textOf(item: AgentInputItem): string {
  switch (item.type) {
    case 'function_call':
      return `${CALL_BEGIN}\n${callText(item)}\n${CALL_END}`;
    case 'function_call_result':
      return `<tool_response>\n${spaced({ name: item.name, content: resultText(item) })}\n</tool_response>`;
    case 'message':
    case undefined:
      if (typeof item.content === 'string') return item.content;
      return item.content.map((part) => ('text' in part ? part.text : '')).join('');
    default:
      return '';
  }
}

function callText({ name, arguments: given }: FunctionCallItem): string {
  // The projection has made every call's arguments an object.
  const value: unknown = JSON.parse(given);
  return spaced({ name, arguments: value });
}

function resultText({ output }: FunctionCallResultItem): string {
  if (typeof output === 'string') return output;
  if (Array.isArray(output)) return output.flatMap((part) => ('text' in part ? [part.text] : [])).join('\n');
  return output.type === 'text' ? output.text : JSON.stringify(output);
}

/** JSON with a space after `:` and `,`, as models have seen it, and as the grammar makes them write it. */
export function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member)}`).join(', ')}}`;
}
