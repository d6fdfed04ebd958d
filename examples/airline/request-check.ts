/**
 * Reads a Chat Completions request as strictly as the real service: what it refuses is refused here, with its status,
 * its kind of body, and the path of the parameter.
 */
import { isObject, own } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { checkTools } from './request-tools.ts';
import { RequestProblem } from './request-problem.ts';
import type { Step } from './recording.ts';

export type ChatRequest = {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** The conversation without its system messages. */
  readonly steps: readonly Step[];
  /** Size of all messages and tools in characters, to estimate tokens. */
  readonly size: number;
};

const KNOWN_PARAMETERS = new Set(
  `audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages
  metadata modalities model n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_retention
  reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature
  tool_choice tools top_logprobs top_p user verbosity web_search_options`.split(/\s+/),
);

/** Throws `RequestProblem`. */
export function readChatRequest(body: Json): ChatRequest {
  if (!isObject(body)) throw new RequestProblem('The body must be a JSON object.');
  for (const key of Object.keys(body)) {
    if (!KNOWN_PARAMETERS.has(key)) {
      throw new RequestProblem(`Unrecognized request argument supplied: ${key}`);
    }
  }
  const model = own(body, 'model');
  if (typeof model !== 'string' || model === '') throw new RequestProblem('you must provide a model parameter');
  for (const [key, [low, high]] of Object.entries(RANGES)) checkRange(body, key, [low, high]);
  const stream = optionalBoolean(body, 'stream');
  const includeUsage = readStreamOptions(body, stream);
  checkTools(body);

  const messages = own(body, 'messages');
  if (messages === undefined) throw new RequestProblem("Missing required parameter: 'messages'.", 'messages');
  if (!Array.isArray(messages)) throw wrongType('messages', 'an array of objects');
  if (messages.length === 0) throw tooShort('messages');
  const steps = messages.flatMap((message, index) => readMessage(message, `messages[${index}]`));
  checkPairs(messages.filter(isObject));
  const size = JSON.stringify(messages).length + JSON.stringify(own(body, 'tools') ?? null).length;
  return { model, stream, includeUsage, steps, size };
}

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  temperature: [0, 2],
  top_p: [0, 1],
  frequency_penalty: [-2, 2],
  presence_penalty: [-2, 2],
  max_tokens: [1, 128_000],
  max_completion_tokens: [1, 128_000],
  n: [1, 1],
};

function checkRange(body: JsonObject, key: string, [low, high]: readonly [number, number]): void {
  const value = own(body, key) ?? null;
  if (value === null) return;
  if (typeof value !== 'number') throw wrongType(key, 'a number');
  if (value < low || value > high) {
    throw new RequestProblem(`Invalid '${key}': expected a value between ${low} and ${high}, got ${value}.`, key);
  }
}

function optionalBoolean(object: JsonObject, key: string): boolean {
  const value = own(object, key) ?? false;
  if (typeof value !== 'boolean') throw wrongType(key, 'a boolean');
  return value;
}

function readStreamOptions(body: JsonObject, stream: boolean): boolean {
  const options = own(body, 'stream_options') ?? null;
  if (options === null) return false;
  if (!isObject(options)) throw wrongType('stream_options', 'an object');
  if (!stream) {
    const message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    throw new RequestProblem(message, 'stream_options');
  }
  return optionalBoolean(options, 'include_usage');
}

function readMessage(message: Json, path: string): Step[] {
  if (!isObject(message)) throw wrongType(path, 'an object');
  const role = own(message, 'role');
  switch (role) {
    case 'system':
    case 'developer':
      readContent(message, path, ['text']);
      return [];
    case 'user':
      return [{ is: 'user', text: readContent(message, path, ['text', 'image_url', 'input_audio', 'file']) }];
    case 'tool': {
      readContent(message, path, ['text']);
      return [{ is: 'answer', id: requiredText(message, 'tool_call_id', path) }];
    }
    case 'assistant':
      return readAssistant(message, path);
    default: {
      const known = "'system', 'assistant', 'user', 'function', 'tool', and 'developer'";
      const got = role === undefined ? 'nothing' : JSON.stringify(role);
      throw new RequestProblem(
        `Invalid value: ${got}. Supported values are: ${known}.`,
        `${path}.role`,
        'invalid_value',
      );
    }
  }
}

function readAssistant(message: JsonObject, path: string): Step[] {
  const content = own(message, 'content') ?? null;
  const calls = own(message, 'tool_calls') ?? null;
  if (content === null && calls === null && (own(message, 'refusal') ?? null) === null) {
    throw new RequestProblem(`Invalid value for 'content': expected a string, got null.`, `${path}.content`);
  }
  const steps: Step[] =
    content === null ? [] : [{ is: 'assistant', text: readContent(message, path, ['text', 'refusal']) }];
  if (calls === null) return steps;
  if (!Array.isArray(calls)) throw wrongType(`${path}.tool_calls`, 'an array of objects');
  if (calls.length === 0) throw tooShort(`${path}.tool_calls`);
  return [...steps, ...calls.map((call, index) => readCall(call, `${path}.tool_calls[${index}]`))];
}

function readCall(call: Json, path: string): Step {
  if (!isObject(call)) throw wrongType(path, 'an object');
  const id = requiredText(call, 'id', path);
  if (own(call, 'type') !== 'function') throw new RequestProblem(`Invalid value for '${path}.type'.`, `${path}.type`);
  const called = own(call, 'function');
  if (!isObject(called)) throw wrongType(`${path}.function`, 'an object');
  const name = requiredText(called, 'name', `${path}.function`);
  const text = own(called, 'arguments');
  if (typeof text !== 'string') throw wrongType(`${path}.function.arguments`, 'a string');
  return { is: 'call', id, name, arguments: text };
}

/** The text of a message. A tool may answer with an empty string; nobody may say nothing with an empty list. */
function readContent(message: JsonObject, path: string, kinds: readonly string[]): string {
  const content = own(message, 'content') ?? null;
  const place = `${path}.content`;
  if (typeof content === 'string') {
    if (content === '' && own(message, 'role') !== 'tool') {
      throw new RequestProblem(`Invalid '${place}': the message is empty.`, place, 'empty_message');
    }
    return content;
  }
  if (!Array.isArray(content)) {
    const got = content === null ? 'null' : `a value of type ${typeof content}`;
    throw new RequestProblem(`Invalid value for 'content': expected a string, got ${got}.`, place);
  }
  if (content.length === 0) throw tooShort(place);
  return content.map((part, index) => readPart(part, `${place}[${index}]`, kinds)).join('');
}

function readPart(part: Json, path: string, kinds: readonly string[]): string {
  if (!isObject(part)) throw wrongType(path, 'an object');
  const type = own(part, 'type');
  if (typeof type !== 'string' || !kinds.includes(type)) {
    const message = `Invalid value: ${JSON.stringify(type ?? null)}. Supported values are: ${kinds.join(', ')}.`;
    throw new RequestProblem(message, `${path}.type`, 'invalid_value');
  }
  return type === 'text' || type === 'refusal' ? requiredText(part, type, path) : JSON.stringify(part);
}

/** Every call is answered right after the message that makes it, and every answer is to such a call. */
function checkPairs(messages: readonly JsonObject[]): void {
  let open = new Set<string>();
  messages.forEach((message, index) => {
    if (own(message, 'role') === 'tool') {
      const id = String(own(message, 'tool_call_id'));
      if (!open.delete(id)) {
        throw new RequestProblem(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          `messages.[${index}].role`,
        );
      }
      return;
    }
    checkAnswered(open, index);
    open = new Set();
    for (const id of callIds(message)) {
      if (open.has(id)) throw new RequestProblem(`Duplicate value for 'tool_call_id' of '${id}'.`, 'messages');
      open.add(id);
    }
  });
  checkAnswered(open, messages.length);
}

function checkAnswered(open: ReadonlySet<string>, index: number): void {
  if (open.size === 0) return;
  throw new RequestProblem(
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      `The following tool_call_ids did not have response messages: ${[...open].join(', ')}`,
    `messages.[${index}].role`,
  );
}

function callIds(message: JsonObject): string[] {
  const calls = own(message, 'tool_calls') ?? [];
  return Array.isArray(calls) ? calls.filter(isObject).map((call) => String(own(call, 'id'))) : [];
}

function requiredText(object: JsonObject, key: string, path: string): string {
  const value = own(object, key);
  if (value === undefined) {
    const message = `Missing required parameter: '${path}.${key}'.`;
    throw new RequestProblem(message, `${path}.${key}`, 'missing_required_parameter');
  }
  if (typeof value !== 'string') throw wrongType(`${path}.${key}`, 'a string');
  if (value === '')
    throw new RequestProblem(`Invalid '${path}.${key}': empty string.`, `${path}.${key}`, 'empty_string');
  return value;
}

const wrongType = (path: string, wanted: string): RequestProblem =>
  new RequestProblem(`Invalid type for '${path}': expected ${wanted}.`, path, 'invalid_type');

const tooShort = (path: string): RequestProblem =>
  new RequestProblem(`Invalid '${path}': empty array. Expected an array with minimum length 1.`, path, 'empty_array');
