/** Checks a Chat Completions request as the vendor does. */
import { callId, isObject, object, oneOf, onlyKnown, optional, Problem, text, type Json } from './problem.ts';
import { functionDefinition, objects, outputSchema, toolChoice, uniqueNames } from './tools.ts';

const KNOWN = new Set([
  'messages',
  'model',
  'audio',
  'frequency_penalty',
  'function_call',
  'functions',
  'logit_bias',
  'logprobs',
  'max_completion_tokens',
  'max_tokens',
  'metadata',
  'modalities',
  'n',
  'parallel_tool_calls',
  'prediction',
  'presence_penalty',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning_effort',
  'response_format',
  'safety_identifier',
  'seed',
  'service_tier',
  'stop',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'user',
  'verbosity',
  'web_search_options',
]);

/** @throws Problem */
export function checkChatRequest(body: Json): void {
  onlyKnown(body, KNOWN);
  text(body['model'], 'model');
  optional(body, {
    temperature: 'number',
    top_p: 'number',
    frequency_penalty: 'number',
    presence_penalty: 'number',
    max_tokens: 'number',
    max_completion_tokens: 'number',
    stream: 'boolean',
    store: 'boolean',
    parallel_tool_calls: 'boolean',
    metadata: 'object',
    reasoning_effort: 'string',
    verbosity: 'string',
  });
  if (body['stream_options'] !== undefined && body['stream_options'] !== null && body['stream'] !== true) {
    throw new Problem('stream_options', "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  const functions = checkTools(body);
  toolChoice(body['tool_choice'], functions, []);
  const format = body['response_format'];
  if (isObject(format) && format['type'] === 'json_schema') {
    outputSchema(object(format['json_schema'], 'response_format.json_schema'), 'response_format.json_schema');
  }
  checkMessages(objects(body['messages'], 'messages'));
}

function checkTools(body: Json): string[] {
  if (body['tools'] === undefined) {
    for (const name of ['tool_choice', 'parallel_tool_calls']) {
      if (body[name] !== undefined) throw new Problem(name, `'${name}' is only allowed when 'tools' are specified.`);
    }
    return [];
  }
  const names = objects(body['tools'], 'tools').map((tool, at) => {
    oneOf(tool['type'], `tools[${at}].type`, ['function', 'custom']);
    const key = tool['type'] === 'custom' ? 'custom' : 'function';
    return functionDefinition(object(tool[key], `tools[${at}].${key}`), `tools[${at}].${key}`);
  });
  uniqueNames(names, 'tools');
  return names;
}

function checkMessages(messages: Json[]): void {
  // The ids of the calls that still wait for their result.
  let open = new Set<string>();
  messages.forEach((message, at) => {
    const param = `messages[${at}]`;
    const role = oneOf(message['role'], `${param}.role`, ['system', 'developer', 'user', 'assistant', 'tool']);
    if (role === 'tool') {
      const id = callId(message['tool_call_id'], `${param}.tool_call_id`);
      if (!open.delete(id)) {
        throw new Problem(
          `${param}.role`,
          "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
        );
      }
      checkContent(message['content'], `${param}.content`, { allowed: ['text'], emptyText: true });
      return;
    }
    unanswered(open, param);
    if (role === 'assistant') open = checkAssistant(message, param);
    else {
      const isUser = role === 'user';
      checkContent(message['content'], `${param}.content`, {
        allowed: isUser ? USER_PARTS : ['text'],
        emptyText: !isUser,
      });
    }
  });
  unanswered(open, 'messages');
}

const USER_PARTS = ['text', 'image_url', 'input_audio', 'file'];

function unanswered(open: Set<string>, param: string): void {
  if (open.size === 0) return;
  throw new Problem(
    param,
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      `The following tool_call_ids did not have response messages: ${[...open].join(', ')}`,
  );
}

function checkAssistant(message: Json, param: string): Set<string> {
  const { content, tool_calls: calls, audio, refusal } = message;
  const ids = new Set<string>();
  if (calls !== undefined) {
    objects(calls, `${param}.tool_calls`).forEach((call, at) => {
      const inner = `${param}.tool_calls[${at}]`;
      const id = callId(call['id'], `${inner}.id`);
      if (ids.has(id)) throw new Problem(`${inner}.id`, `Duplicate value for 'tool_call_id' of '${id}'.`);
      ids.add(id);
      oneOf(call['type'], `${inner}.type`, ['function', 'custom']);
      if (call['type'] === 'custom') return;
      const fn = object(call['function'], `${inner}.function`);
      text(fn['name'], `${inner}.function.name`);
      text(fn['arguments'], `${inner}.function.arguments`, { empty: true });
    });
  }
  if (content === null || content === undefined) {
    if (calls === undefined && audio === undefined && typeof refusal !== 'string') {
      throw new Problem(
        `${param}.content`,
        `Invalid value for 'content': expected a string, got null.`,
        'invalid_type',
      );
    }
  } else checkContent(content, `${param}.content`, { allowed: ['text', 'refusal'], emptyText: true });
  return ids;
}

type ContentRules = { allowed: readonly string[]; emptyText: boolean };

function checkContent(content: unknown, param: string, { allowed, emptyText }: ContentRules): void {
  if (typeof content === 'string') {
    text(content, param, { empty: emptyText });
    return;
  }
  objects(content, param).forEach((part, at) => {
    const inner = `${param}[${at}]`;
    const type = oneOf(part['type'], `${inner}.type`, allowed);
    if (type === 'text' || type === 'refusal') text(part[type], `${inner}.${type}`, { empty: emptyText });
    if (type === 'image_url') text(object(part['image_url'], `${inner}.image_url`)['url'], `${inner}.image_url.url`);
    if (type === 'input_audio')
      text(object(part['input_audio'], `${inner}.input_audio`)['data'], `${inner}.input_audio.data`);
    if (type === 'file') object(part['file'], `${inner}.file`);
  });
}
