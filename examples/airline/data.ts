/** Reads the folder of recorded conversations. Everything in it is checked once, here. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Records, Start } from './database.ts';
import { isObject, own, parseJson } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import type { Goal } from './verdict.ts';
import { isAirlineTool } from './tools.ts';

/** The data folder is not what it should be. The message says which file, what is wrong and what to do. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

export type ToolCall = { readonly id: string; readonly name: string; readonly arguments: string };

/** A recorded message. An assistant message has text, calls, or both. */
export type Message =
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string | null; readonly calls: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly callId: string; readonly output: string };

export type Conversation = {
  readonly task: number;
  readonly trial: number;
  /** The recorded verdict: 1 when the agent did what was wanted. */
  readonly reward: number;
  readonly goal: Goal;
  readonly messages: readonly Message[];
};

export type ToolSpec = {
  readonly name: string;
  readonly description: string;
  readonly parameters: {
    type: 'object';
    properties: Record<string, JsonObject>;
    required: string[];
    additionalProperties: true;
  };
};

export type AirlineData = {
  readonly conversations: readonly Conversation[];
  readonly tools: readonly ToolSpec[];
  readonly policy: string;
  readonly start: Start;
};

/** Loads the folder. Throws `DataError`. */
export async function loadData(dir: string): Promise<AirlineData> {
  const text = (name: string) => readText(dir, name);
  const records = async (name: string) => readRecords(name, await text(name));
  return {
    conversations: readConversations(await text('conversations.jsonl')),
    tools: readTools(await text('tools.json')),
    policy: await text('policy.md'),
    start: {
      users: await records('users.json'),
      reservations: await records('reservations.json'),
      flights: await records('flights.json'),
    },
  };
}

async function readText(dir: string, name: string): Promise<string> {
  try {
    return await readFile(join(dir, name), 'utf8');
  } catch (cause) {
    const message = `Cannot read ${name} in ${dir}. Give the folder of the airline data: --data DIR.`;
    throw new DataError(message, { cause });
  }
}

/** Reads the lines of conversations.jsonl. Throws `DataError` with the number of the line. */
export function readConversations(text: string): Conversation[] {
  const conversations = text.split('\n').flatMap((line, index) => {
    const place = `conversations.jsonl, line ${index + 1}`;
    return line.trim() === '' ? [] : [readConversation(parse(line, place), place)];
  });
  if (conversations.length === 0) throw new DataError('conversations.jsonl has no conversations.');
  return conversations;
}

function readConversation(value: Json, place: string): Conversation {
  const object = asObject(value, place);
  const actions = asObjects(own(object, 'goldActions'), `${place}, goldActions`).map((action) => {
    const name = asText(own(action, 'name'), `${place}, goldActions, name`);
    if (name !== 'respond' && !isAirlineTool(name)) throw new DataError(`${place}: there is no tool "${name}".`);
    return { name, kwargs: asObject(own(action, 'kwargs'), `${place}, goldActions, kwargs`) };
  });
  const outputs = asList(own(object, 'goldOutputs'), `${place}, goldOutputs`);
  const messages = asObjects(own(object, 'messages'), `${place}, messages`);
  return {
    task: asNumber(own(object, 'task'), `${place}, task`),
    trial: asNumber(own(object, 'trial'), `${place}, trial`),
    reward: asNumber(own(object, 'reward'), `${place}, reward`),
    goal: { actions, outputs: outputs.map((due) => asText(due, `${place}, goldOutputs`)) },
    messages: messages.map((message, index) => readMessage(message, `${place}, message ${index}`)),
  };
}

function readMessage(message: JsonObject, place: string): Message {
  const role = own(message, 'role');
  const content = own(message, 'content') ?? null;
  switch (role) {
    case 'user':
      return { role, text: asText(content, `${place}, content`) };
    case 'tool':
      return {
        role,
        callId: asText(own(message, 'tool_call_id'), `${place}, tool_call_id`),
        output: asText(content, `${place}, content`),
      };
    case 'assistant': {
      const calls = asObjects(own(message, 'tool_calls') ?? [], `${place}, tool_calls`);
      const text = content === null ? null : asText(content, `${place}, content`);
      if (text === null && calls.length === 0) throw new DataError(`${place}: the assistant says and calls nothing.`);
      return { role, text, calls: calls.map((call) => readCall(call, `${place}, tool_calls`)) };
    }
    default:
      throw new DataError(`${place}: role is ${JSON.stringify(role)}, not user, assistant or tool.`);
  }
}

function readCall(call: JsonObject, place: string): ToolCall {
  const called = asObject(own(call, 'function'), `${place}, function`);
  return {
    id: asText(own(call, 'id'), `${place}, id`),
    name: asText(own(called, 'name'), `${place}, name`),
    arguments: asText(own(called, 'arguments'), `${place}, arguments`),
  };
}

function readTools(text: string): ToolSpec[] {
  return asObjects(parse(text, 'tools.json'), 'tools.json').map((tool) => {
    const name = asText(own(tool, 'name'), 'tools.json, name');
    const place = `tools.json, ${name}`;
    if (!isAirlineTool(name)) throw new DataError(`${place}: this example does not implement that tool.`);
    const schema = asObject(own(tool, 'parameters'), `${place}, parameters`);
    const properties = Object.entries(asObject(own(schema, 'properties'), `${place}, properties`));
    const required = asList(own(schema, 'required') ?? [], `${place}, required`);
    return {
      name,
      description: asText(own(tool, 'description'), `${place}, description`),
      parameters: {
        type: 'object',
        properties: Object.fromEntries(properties.map(([key, value]) => [key, asObject(value, `${place}, ${key}`)])),
        required: required.map((key) => asText(key, `${place}, required`)),
        additionalProperties: true,
      },
    };
  });
}

function readRecords(name: string, text: string): Records {
  const entries = Object.entries(asObject(parse(text, name), name));
  return new Map(entries.map(([id, entry]) => [id, asObject(entry, `${name}, ${id}`)]));
}

function parse(text: string, place: string): Json {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new DataError(`${place}: this is not JSON. Restore the file as it was recorded.`, { cause });
  }
}

const wrong = (place: string, wanted: string): DataError =>
  new DataError(`${place}: expected ${wanted}. Restore the file as it was recorded.`);

function asObject(value: Json | undefined, place: string): JsonObject {
  if (!isObject(value)) throw wrong(place, 'an object');
  return value;
}

function asList(value: Json | undefined, place: string): Json[] {
  if (!Array.isArray(value)) throw wrong(place, 'a list');
  return value;
}

const asObjects = (value: Json | undefined, place: string): JsonObject[] =>
  asList(value, place).map((entry) => asObject(entry, place));

function asText(value: Json | undefined, place: string): string {
  if (typeof value !== 'string') throw wrong(place, 'a string');
  return value;
}

function asNumber(value: Json | undefined, place: string): number {
  if (typeof value !== 'number') throw wrong(place, 'a number');
  return value;
}
