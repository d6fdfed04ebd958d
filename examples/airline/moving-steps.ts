/** What was said and called in a request of any wire, to be compared with the recording. */
import type { Conversation } from './data.ts';

/** What is on everything that only the named provider can read. */
export const mark = (provider: string): string => `only-${provider}-reads-this`;

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The recorded steps before the assistant speaks for the time `turn`, from 0. */
export function stepsBefore({ messages }: Conversation, turn: number): string[] {
  const steps: string[] = [];
  let turns = 0;
  for (const message of messages) {
    if (message.role === 'assistant' && turns++ === turn) break;
    if (message.role === 'user') steps.push(`user ${message.text}`);
    else if (message.role === 'tool') steps.push('answer');
    else {
      if (message.text !== null) steps.push(`assistant ${message.text}`);
      for (const { name, arguments: text } of message.calls) steps.push(callStep(name, text));
    }
  }
  return steps;
}

const callStep = (name: unknown, args: unknown): string =>
  `call ${String(name)} ${JSON.stringify(typeof args === 'string' ? JSON.parse(args) : args)}`;

/** The steps of a request, without system texts and thoughts, and without the calls of `left`. */
export function saidIn(body: object, left: string): string[] {
  const { messages, input, prompt } = body as Json;
  const found: (readonly [step: string, id?: unknown])[] = [];
  for (const message of objects(messages ?? input ?? prompt)) {
    const { role } = message;
    if (role === 'system') continue;
    if (role === undefined || role === 'tool') found.push(...partSteps(message, 'assistant'));
    else {
      const { content } = message;
      const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : objects(content);
      found.push(...parts.flatMap((part) => partSteps(part, String(role))));
    }
    for (const call of objects(message['tool_calls'])) {
      const called = isObject(call['function']) ? call['function'] : {};
      found.push([callStep(called['name'], called['arguments']), call['id']]);
    }
  }
  const notes = new Set(found.flatMap(([step, id]) => (step.startsWith(`call ${left} `) ? [id] : [])));
  return found.flatMap(([step, id]) => (id !== undefined && notes.has(id) ? [] : [step]));
}

/** A part of a message, or an item that is one by itself. */
function partSteps(part: Json, role: string): (readonly [step: string, id?: unknown])[] {
  if (part['role'] === 'tool') {
    const results = objects(part['content']).filter(({ type }) => type === 'tool-result');
    // One message a result on Chat Completions, one for all in the prompt of an AI SDK model.
    return part['tool_call_id'] === undefined
      ? results.map((result) => ['answer', result['toolCallId']] as const)
      : [['answer', part['tool_call_id']]];
  }
  switch (part['type']) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return [[`${role} ${String(part['text'])}`]];
    case 'function_call':
      return [[callStep(part['name'], part['arguments']), part['call_id']]];
    case 'tool_use':
      return [[callStep(part['name'], part['input']), part['id']]];
    case 'tool-call':
      return [[callStep(part['toolName'], part['input']), part['toolCallId']]];
    case 'function_call_output':
      return [['answer', part['call_id']]];
    case 'tool_result':
      return [['answer', part['tool_use_id']]];
    default:
      return [];
  }
}
