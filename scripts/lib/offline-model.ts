/**
 * A model for the code of the documentation: it answers without a network, the same way every time.
 *
 * A block can say what the model answers, one comment a reply, used up in order:
 *
 *     // model says: It is sunny in Oslo.
 *     // model calls: get_weather {"city":"Oslo"}
 *
 * Without such comments it calls the first tool or handoff that is offered, once after each user message, with
 * arguments made from the schema (a text whose name the user said, as in "order 1042", is what came next); then it answers with the tool's output, or with JSON of the wanted output type.
 */
import type { AgentInputItem, AgentOutputItem } from '../../src/protocol/items.ts';
import type { Model, ModelProvider, ModelRequest, ModelResponse, StreamEvent } from '../../src/protocol/model.ts';
import { Usage } from '../../src/protocol/usage.ts';

/** One reply that a block asks for. */
export type Step =
  | { readonly kind: 'says'; readonly text: string }
  | { readonly kind: 'calls'; readonly tool: string; readonly args: string };

/** The replies that the comments of a block ask for. */
export function scriptOf(source: string): readonly Step[] {
  return [...source.matchAll(/^\s*\/\/ model (says|calls): (.+)$/gm)].map(([, kind, rest = '']) => {
    if (kind === 'says') return { kind, text: rest.trim() };
    const [, tool = '', args = ''] = /^(\S+)\s*(.*)$/.exec(rest.trim()) ?? [];
    return { kind: 'calls', tool, args: args || '{}' };
  });
}

/** What each reply is said to have used. */
const USAGE = { requests: 1, inputTokens: 20, outputTokens: 10, totalTokens: 30 };

/** A provider whose models share one script. */
export function offlineProvider(steps: readonly Step[] = []): ModelProvider {
  const queue = [...steps];
  let replies = 0;
  const respond = (request: ModelRequest): ModelResponse => {
    replies += 1;
    const step = queue.shift() ?? improvise(request);
    return { usage: new Usage(USAGE), output: [itemOf(step, replies)], responseId: `resp_${replies}` };
  };
  const model: Model = {
    getResponse: async (request) => respond(request),
    getStreamedResponse: (request) => stream(respond(request)),
  };
  return { getModel: () => model };
}

function itemOf(step: Step, n: number): AgentOutputItem {
  if (step.kind === 'calls') {
    const { tool: name, args } = step;
    return { type: 'function_call', id: `fc_${n}`, callId: `call_${n}`, name, arguments: args, status: 'completed' };
  }
  const content = [{ type: 'output_text' as const, text: step.text }];
  return { type: 'message', id: `msg_${n}`, role: 'assistant', status: 'completed', content };
}

async function* stream(response: ModelResponse): AsyncGenerator<StreamEvent> {
  yield { type: 'response_started' };
  for (const item of response.output) {
    if (item.type !== 'message') continue;
    for (const word of textOf(item).match(/\S+\s*/g) ?? []) yield { type: 'output_text_delta', delta: word };
  }
  const { output, responseId = '' } = response;
  yield { type: 'response_done', response: { id: responseId, usage: USAGE, output } };
}

/** What to answer where no comment says it. */
function improvise({ input, tools, handoffs, outputType }: ModelRequest): Step {
  const items = typeof input === 'string' ? [] : input;
  const asked = items.findLastIndex((item) => 'role' in item && item.role === 'user');
  const answered = items.slice(asked + 1).filter((item) => item.type === 'function_call_result');
  // Who was handed the conversation over has done nothing yet.
  const results = answered.filter((item) => !/^\{"assistant":"[^"]*"\}$/.test(textOf(item)));
  const tool = tools.find((candidate) => candidate.type === 'function');
  const [handoff] = handoffs;
  if (tool && results.length === 0) {
    const args = withWordsOf(typeof input === 'string' ? input : textOf(items[asked]), sample(tool.parameters));
    return { kind: 'calls', tool: tool.name, args: JSON.stringify(args) };
  }
  if (handoff && answered.length === 0) {
    return { kind: 'calls', tool: handoff.toolName, args: JSON.stringify(sample(handoff.inputJsonSchema)) };
  }
  if (outputType !== 'text') return { kind: 'says', text: JSON.stringify(sample(outputType.schema)) };
  const last = results.at(-1);
  return { kind: 'says', text: (last && textOf(last)) || 'This is an offline reply.' };
}

/** Arguments in which each text that is named in `said`, as in "order 1042", is the word after its name. */
function withWordsOf(said: string, args: unknown): unknown {
  if (!isSchema(args)) return args;
  const heard = (key: string): string | undefined =>
    /^\w+$/.test(key) ? new RegExp(`\\b${key}\\s+(\\w+)`, 'i').exec(said)?.[1] : undefined;
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => [key, value === 'text' ? (heard(key) ?? value) : value]),
  );
}

/** The text in an item, as far as there is any. */
function textOf(item: AgentInputItem | undefined): string {
  if (!item) return '';
  const body = 'content' in item ? item.content : 'output' in item ? item.output : undefined;
  const parts: readonly unknown[] = Array.isArray(body) ? body : [body];
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      return typeof part === 'object' && part && 'text' in part && typeof part.text === 'string' ? part.text : '';
    })
    .join('');
}

type Schema = Readonly<Record<string, unknown>>;
const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value that a simple JSON Schema accepts. References and string formats are not followed. */
export function sample(schema: unknown): unknown {
  if (!isSchema(schema)) return 'text';
  if ('const' in schema) return schema['const'];
  if ('default' in schema) return schema['default'];
  for (const list of [schema['enum'], schema['examples']]) if (Array.isArray(list)) return list[0];
  for (const list of [schema['anyOf'], schema['oneOf']]) if (Array.isArray(list)) return sample(list[0]);
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  if (type === 'object') {
    const properties = isSchema(schema['properties']) ? schema['properties'] : {};
    return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, sample(value)]));
  }
  if (type === 'array') return [sample(schema['items'])];
  if (type === 'number' || type === 'integer') {
    return typeof schema['minimum'] === 'number' ? schema['minimum'] : 1;
  }
  if (type === 'boolean') return true;
  return type === 'null' ? null : 'text';
}
