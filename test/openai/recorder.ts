/**
 * Runs one request through the published `@openai/agents` models, as black boxes, and through ours, each with a client
 * that records what it is asked and answers from a script.
 */
import * as published from '@openai/agents';
import type { Model, ModelRequest } from '../../src/protocol/model.ts';
import { OpenAIChatCompletionsModel, OpenAIResponsesModel } from '../../src/providers/openai/index.ts';

published.setTracingDisabled(true);

export type Outcome = {
  body?: unknown;
  headers?: unknown;
  query?: unknown;
  result?: unknown;
  threw?: string;
  said?: string;
};
export type Script = { reply?: object; events?: object[] };
export type Api = 'responses' | 'chat';
export type Pair = { theirs: Outcome; ours: Outcome };

const BASE = { input: 'hi', modelSettings: {}, tools: [], outputType: 'text', handoffs: [], tracing: false };

/**
 * Items of ours say whose they are (docs/compatibility.md, Adapters); the published ones do not. All else is
 * compared.
 */
function withoutOrigins(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOrigins);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'origin');
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutOrigins(member)]));
}

/** JSON as the wire would carry it: no `undefined`, no class. */
const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

function recordingClient(script: Script, outcome: Outcome): never {
  const create = (body: unknown, options: { headers?: Record<string, unknown>; query?: unknown }): unknown => {
    outcome.body = plain(body);
    const { 'User-Agent': _agent, ...headers } = options.headers ?? {};
    outcome.headers = headers;
    if (options.query !== undefined) outcome.query = options.query;
    const data = script.events ? stream(script.events) : structuredClone(script.reply);
    const response = { headers: new Headers(), url: 'https://example.invalid/v1' };
    return Object.assign(Promise.resolve(data), {
      withResponse: () => Promise.resolve({ data, request_id: 'req_stream', response }),
    });
  };
  return { baseURL: 'https://api.openai.com/v1', responses: { create }, chat: { completions: { create } } } as never;
}

async function* stream(events: object[]): AsyncGenerator<object> {
  yield* structuredClone(events);
}

async function run(model: Model, request: ModelRequest, script: Script, outcome: Outcome): Promise<Outcome> {
  const seen: unknown[] = [];
  try {
    if (script.events) {
      outcome.result = seen;
      for await (const event of model.getStreamedResponse(request)) seen.push(plain(event));
    } else outcome.result = plain(await model.getResponse(request));
  } catch (error) {
    outcome.threw = error instanceof Error ? error.constructor.name : String(error);
    outcome.said = error instanceof Error ? error.message : String(error);
  }
  return outcome;
}

type Item = { type?: string; callId?: string; name?: string };

/** With the other half of each pair of call and result: without it ours mends the history (docs/compatibility.md). */
function complete(items: readonly Item[]): object[] {
  const ids = (type: string): Set<unknown> =>
    new Set(items.filter((item) => item.type === type).map(({ callId }) => callId));
  const [calls, results] = [ids('function_call'), ids('function_call_result')];
  const out: object[] = [];
  let missing: object[] = [];
  for (const item of items) {
    const { type, callId, name = 'f' } = item;
    const isPart = type === 'function_call' || type === 'function_call_result';
    if (!isPart) out.push(...missing.splice(0));
    if (type === 'function_call_result' && !calls.has(callId)) {
      out.push({ type: 'function_call', callId, name, arguments: '{}' });
    }
    out.push(item);
    if (type !== 'function_call' || results.has(callId)) continue;
    missing = [...missing, { type: 'function_call_result', callId, name, status: 'completed', output: 'x' }];
  }
  return [...out, ...missing];
}

/** What both models make of a request, and of the scripted answer. */
export async function compare(api: Api, partial: object, script: Script = {}): Promise<Pair> {
  const given = { ...BASE, ...partial } as ModelRequest;
  const input = typeof given.input === 'string' ? given.input : complete(given.input as Item[]);
  const request = { ...given, input } as ModelRequest;
  const reply = script.events ? script : { reply: script.reply ?? DEFAULT_REPLY[api] };
  const theirs: Outcome = {};
  const ours: Outcome = {};
  const Theirs = api === 'chat' ? published.OpenAIChatCompletionsModel : published.OpenAIResponsesModel;
  const Ours = api === 'chat' ? OpenAIChatCompletionsModel : OpenAIResponsesModel;
  await published.withTrace('t', () =>
    run(new Theirs(recordingClient(reply, theirs), 'gpt-4.1') as unknown as Model, request, reply, theirs),
  );
  await run(new Ours(recordingClient(reply, ours), 'gpt-4.1'), request, reply, ours);
  return { theirs, ours: { ...ours, ...('result' in ours && { result: withoutOrigins(ours.result) }) } };
}

export const response = (output: object[] = [], more: object = {}): object => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'm',
  output,
  usage: {
    input_tokens: 5,
    output_tokens: 7,
    total_tokens: 12,
    input_tokens_details: { cached_tokens: 2 },
    output_tokens_details: { reasoning_tokens: 3 },
  },
  _request_id: 'req_1',
  ...more,
});

export const chatUsage = {
  prompt_tokens: 5,
  completion_tokens: 7,
  total_tokens: 12,
  prompt_tokens_details: { cached_tokens: 2 },
  completion_tokens_details: { reasoning_tokens: 3 },
};

export const completion = (
  message: object = { role: 'assistant', content: 'Hi' },
  choice: object = {},
  top: object = {},
): object => ({
  id: 'cc_1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, finish_reason: 'stop', message, logprobs: null, ...choice }],
  usage: chatUsage,
  _request_id: 'req_1',
  ...top,
});

const DEFAULT_REPLY: Record<Api, object> = { responses: response(), chat: completion() };
