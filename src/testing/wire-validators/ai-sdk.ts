/** Checks the prompt of an AI SDK model by what its strictest providers refuse. */
import { isObject, object, oneOf, Problem, text, type Json } from '../fake-server/problem.ts';
import { objects } from '../fake-server/tools.ts';

const ID = /^[a-zA-Z0-9_-]{1,64}$/;
const PARTS: Record<string, readonly string[]> = {
  user: ['text', 'file'],
  assistant: ['text', 'file', 'custom', 'reasoning', 'reasoning-file', 'tool-call', 'tool-result'],
  tool: ['tool-result', 'tool-approval-response'],
};

/** @throws Problem */
export function checkAiSdkPrompt(body: Json): void {
  const prompt = objects(body['prompt'], 'prompt');
  const seen = new Set<string>();
  let waiting: string[] = [];
  let started = false;
  prompt.forEach((message, at) => {
    const param = `prompt[${at}]`;
    const role = oneOf(message['role'], `${param}.role`, ['system', 'user', 'assistant', 'tool']);
    if (role === 'system') {
      if (started) throw new Problem(param, 'system messages are only supported at the beginning of the conversation');
      text(message['content'], `${param}.content`);
      return;
    }
    if (!started && role !== 'user') throw new Problem(param, 'the conversation must begin with a user message');
    started = true;
    const parts = objects(message['content'], `${param}.content`);
    parts.forEach((part, i) => checkPart(part, role, `${param}.content[${i}]`));
    if (waiting.length > 0 || role === 'tool') checkAnswers(parts, { role, waiting, param });
    waiting = parts.flatMap((part) => (part['type'] === 'tool-call' ? [String(part['toolCallId'])] : []));
    for (const id of waiting) {
      if (seen.has(id)) throw new Problem(param, `Duplicate tool call id ${id}.`);
      seen.add(id);
    }
  });
  const last = prompt.at(-1)?.['role'];
  if (last === 'assistant' || last === 'system')
    throw new Problem('prompt', 'the conversation must end with the user or a tool');
}

type Answering = { role: string; waiting: readonly string[]; param: string };

function checkAnswers(parts: Json[], { role, waiting, param }: Answering): void {
  const answered = role === 'tool' ? parts.map((part) => String(part['toolCallId'])) : [];
  if (answered.join() !== waiting.join())
    throw new Problem(
      param,
      `Tool results are missing, or not those of the calls: ${waiting.join()} / ${answered.join()}.`,
    );
}

function checkPart(part: Json, role: string, param: string): void {
  const type = oneOf(part['type'], `${param}.type`, PARTS[role] ?? []);
  const { providerOptions: options } = part;
  if (options !== undefined && !Object.values(object(options, `${param}.providerOptions`)).every(isObject))
    throw new Problem(param, `${param}.providerOptions: options are objects by the provider's name`);
  if (type === 'text' && text(part['text'], `${param}.text`).trim() === '')
    throw new Problem(param, 'text content blocks must contain non-whitespace text');
  if (type === 'file') {
    text(part['mediaType'], `${param}.mediaType`);
    if (part['data'] === undefined) throw new Problem(param, `${param}.data is missing`);
  }
  if (type !== 'tool-call' && type !== 'tool-result') return;
  if (!ID.test(text(part['toolCallId'], `${param}.toolCallId`)))
    throw new Problem(param, `${param}.toolCallId: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'`);
  if (!ID.test(text(part['toolName'], `${param}.toolName`)))
    throw new Problem(param, `${param}.toolName: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'`);
  if (type === 'tool-call') object(part['input'], `${param}.input`);
  else object(part['output'], `${param}.output`);
}
