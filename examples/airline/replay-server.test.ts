import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentCalls, agentSays, conversation, toolSays, userSays } from './fixture.ts';
import { isObject, own, parseJson } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { CLOSING, startReplayServer } from './replay-server.ts';
import type { ReplayServer } from './replay-server.ts';

const conversations = [
  conversation([
    userSays('What is 2 + 2?'),
    agentCalls('call_a', 'calculate', { expression: '2 + 2' }),
    toolSays('call_a', '4.0'),
    agentSays('Four, naïve “friend” 🙂.'),
    userSays('And 3 + 3?'),
    { role: 'assistant', text: 'Let me see.', calls: [{ id: 'call_b', name: 'calculate', arguments: '{"a": 1}' }] },
    toolSays('call_b', '6.0'),
  ]),
  conversation([userSays('Same start'), agentSays('One way.')]),
  conversation([userSays('Same start'), agentSays('Another way.')]),
];

let server: ReplayServer;
beforeAll(async () => {
  server = await startReplayServer(conversations);
});
afterAll(() => server.close());

type Answer = { status: number; text: string; json: JsonObject };

async function post(body: Json, base = server.baseURL, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${base}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer replay', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const json = text.startsWith('{') ? parseJson(text) : {};
  return { status: response.status, text, json: isObject(json) ? json : {} };
}

const user = (content: Json): JsonObject => ({ role: 'user', content });
const call = (id: string, text: string): JsonObject => ({
  id,
  type: 'function',
  function: { name: 'calculate', arguments: text },
});
const callA = call('call_a', '{"expression":"2 + 2"}');
const answered: JsonObject[] = [
  user('What is 2 + 2?'),
  { role: 'assistant', content: null, tool_calls: [callA] },
  { role: 'tool', tool_call_id: 'call_a', content: '4.0' },
];
const ask = (messages: Json, more: JsonObject = {}): JsonObject => ({ model: 'gpt-4o', messages, ...more });

function said(json: JsonObject): JsonObject {
  const choices = own(json, 'choices');
  const choice = Array.isArray(choices) ? choices[0] : undefined;
  const message = isObject(choice) ? own(choice, 'message') : undefined;
  return isObject(message) ? message : {};
}

describe('answering', () => {
  test('the first message is answered with the recorded call, in the form of the real service', async () => {
    const { status, json } = await post(ask([{ role: 'system', content: 'Be kind.' }, user('What is 2 + 2?')]));
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-[a-zA-Z0-9]{29}$/),
      object: 'chat.completion',
      model: 'gpt-4o',
      choices: [{ index: 0, finish_reason: 'tool_calls', message: { role: 'assistant', content: null } }],
    });
    expect(said(json)['tool_calls']).toEqual([callA]);
    const usage = own(json, 'usage');
    const count = (key: string) => (isObject(usage) ? Number(own(usage, key)) : Number.NaN);
    expect(count('prompt_tokens')).toBeGreaterThan(0);
    expect(count('total_tokens')).toBe(count('prompt_tokens') + count('completion_tokens'));
  });

  test('the place is found by what was said and called, not by what the tool answered', async () => {
    const wrong = answered.map((message) => (message['role'] === 'tool' ? { ...message, content: '' } : message));
    expect(said((await post(ask(wrong))).json)['content']).toBe('Four, naïve “friend” 🙂.');
  });

  test('text and call of one message are the same as two messages, and parts of text the same as text', async () => {
    const messages = [
      ...answered,
      { role: 'assistant', content: [{ type: 'text', text: 'Four, naïve “friend” 🙂.' }] },
      user([{ type: 'text', text: 'And 3 + 3?' }]),
    ];
    const text = { role: 'assistant', content: 'Let me see.' };
    const calls = { tool_calls: [call('call_b', '{"a": 1}')] };
    const result = { role: 'tool', tool_call_id: 'call_b', content: '6.0' };
    const together = await post(ask([...messages, { ...text, ...calls }, result]));
    const apart = await post(ask([...messages, text, { role: 'assistant', ...calls }, result]));
    expect([said(together.json)['content'], said(apart.json)['content']]).toEqual([CLOSING, CLOSING]);
  });

  test('a conversation that was never recorded is refused with the length of what is known', async () => {
    const { status, json } = await post(ask([...answered.slice(0, 1), user('Something else')]));
    expect(status).toBe(400);
    expect(JSON.stringify(json)).toContain('the first 1 of 2 messages and calls are those of conversation 0');
  });

  test('where it is not the turn of the assistant, nothing is answered', async () => {
    const { status, json } = await post(ask([...answered, { role: 'assistant', content: 'Four, naïve “friend” 🙂.' }]));
    expect([status, JSON.stringify(json)]).toEqual([400, expect.stringContaining('replay_unknown')]);
  });

  test('where conversations begin alike and go on differently, the address decides', async () => {
    const unclear = await post(ask([user('Same start')]));
    expect([unclear.status, JSON.stringify(unclear.json)]).toEqual([400, expect.stringContaining('replay_ambiguous')]);
    const clear = await Promise.all([1, 2].map((index) => post(ask([user('Same start')]), server.baseURLOf(index))));
    expect(clear.map(({ json }) => said(json)['content'])).toEqual(['One way.', 'Another way.']);
  });

  test('only answers are counted', async () => {
    const before = server.answered();
    await post(ask([user('What is 2 + 2?')]));
    await post(ask([]));
    expect(server.answered()).toBe(before + 1);
  });
});

describe('streaming', () => {
  const chunksOf = (text: string): JsonObject[] => {
    const lines = text.split('\n\n').filter((line) => line !== '');
    expect(lines.at(-1)).toBe('data: [DONE]');
    return lines.slice(0, -1).map((line) => {
      const value = parseJson(line.replace(/^data: /, ''));
      if (!isObject(value)) throw new Error(`no chunk: ${line}`);
      return value;
    });
  };
  const deltas = (chunks: readonly JsonObject[]): JsonObject[] =>
    chunks.flatMap((chunk) => {
      const choices = own(chunk, 'choices');
      const choice = Array.isArray(choices) ? choices[0] : undefined;
      const delta = isObject(choice) ? own(choice, 'delta') : undefined;
      return isObject(delta) ? [delta] : [];
    });

  test('the pieces of a text make the recorded text, and usage comes last when asked for', async () => {
    const options = { stream: true, stream_options: { include_usage: true } };
    const chunks = chunksOf((await post(ask(answered, options))).text);
    const pieces = deltas(chunks).map((delta) => own(delta, 'content') ?? '');
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe('Four, naïve “friend” 🙂.');
    expect(chunks.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: null });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
  });

  test('the pieces of a call make the recorded arguments, and no usage comes unasked', async () => {
    const chunks = chunksOf((await post(ask([user('What is 2 + 2?')], { stream: true }))).text);
    const parts = deltas(chunks)
      .flatMap((delta) => own(delta, 'tool_calls') ?? [])
      .filter(isObject);
    expect(parts[0]).toMatchObject({ index: 0, id: 'call_a', type: 'function', function: { name: 'calculate' } });
    const text = parts.map((part) => {
      const called = own(part, 'function');
      return isObject(called) ? own(called, 'arguments') : '';
    });
    expect(text.join('')).toBe('{"expression":"2 + 2"}');
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }] });
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
  });
});

describe('refusing', () => {
  const hello = user('What is 2 + 2?');
  const calls = (...list: Json[]): JsonObject => ({ role: 'assistant', content: null, tool_calls: list });
  const result = (id: string): JsonObject => ({ role: 'tool', tool_call_id: id, content: 'x' });
  const withTool = (spec: JsonObject): JsonObject =>
    ask([hello], { tools: [{ type: 'function', function: { name: 'f', ...spec } }] });
  const object = (more: JsonObject): JsonObject => ({ parameters: { type: 'object', ...more } });

  test.each<[string, Json, string]>([
    ['a body that is not JSON', '{', 'could not parse the JSON body'],
    ['a body that is no object', [], 'must be a JSON object'],
    ['no model', { messages: [hello] }, 'must provide a model'],
    ['no messages', { model: 'm' }, "Missing required parameter: 'messages'"],
    ['an empty list of messages', ask([]), "Invalid 'messages': empty array"],
    ['an unknown parameter', ask([hello], { maxTokens: 5 }), 'Unrecognized request argument supplied: maxTokens'],
    ['an unknown role', ask([{ role: 'robot', content: 'x' }]), 'Invalid value: \\"robot\\"'],
    ['a message without content', ask([{ role: 'user' }]), "Invalid value for 'content': expected a string, got null"],
    ['empty content', ask([user('')]), 'the message is empty'],
    ['an empty list of parts', ask([user([])]), 'empty array'],
    ['a part of an unknown type', ask([user([{ type: 'input_text', text: 'x' }])]), 'input_text'],
    ['an assistant that says nothing', ask([hello, { role: 'assistant', content: null }]), 'got null'],
    ['an empty list of calls', ask([hello, calls()]), 'empty array'],
    ['a call without id', ask([hello, calls({ ...callA, id: '' })]), 'empty string'],
    ['a call that is not answered', ask([hello, calls(callA)]), 'did not have response messages: call_a'],
    ['a call that is answered too late', ask([hello, calls(callA), hello, result('call_a')]), 'did not have response'],
    ['an answer to nothing', ask([hello, result('call_a')]), 'must be a response to a preceeding message'],
    ['an answer to another call', ask([hello, calls(callA), result('call_b')]), 'must be a response'],
    ['two answers to one call', ask([...answered, result('call_a')]), 'must be a response'],
    ['two calls with one id', ask([hello, calls(callA, callA), result('call_a')]), 'Duplicate value'],
    ['an answer without id', ask([...answered.slice(0, 2), { role: 'tool', content: 'x' }]), 'tool_call_id'],
    ['an empty list of tools', ask([hello], { tools: [] }), "Invalid 'tools': empty array"],
    ['a tool with a bad name', withTool({ name: 'get user' }), 'does not match pattern'],
    ['a tool whose schema is no object', withTool({ parameters: { type: 'string' } }), 'type: \\"object\\"'],
    ['a list without items', withTool(object({ properties: { a: { type: 'array' } } })), 'array schema missing items'],
    ['a type that does not exist', withTool(object({ properties: { a: { type: 'text' } } })), 'is not valid under any'],
    ['a strict tool that is open', withTool({ strict: true, ...object({ properties: {} }) }), 'additionalProperties'],
    [
      'a strict tool with an optional property',
      withTool({ strict: true, ...object({ properties: { a: {} }, additionalProperties: false }) }),
      "Missing 'a'",
    ],
    ['a choice without tools', ask([hello], { tool_choice: 'auto' }), "only allowed when 'tools' are specified"],
    ['stream options without a stream', ask([hello], { stream_options: {} }), 'only allowed when'],
    ['a temperature out of range', ask([hello], { temperature: 3 }), 'temperature'],
  ])('%s', async (_, body, message) => {
    const { status, text, json } = await post(body);
    expect(status).toBe(400);
    expect(text).toContain(message);
    expect(own(json, 'error')).toMatchObject({ type: 'invalid_request_error', param: expect.toSatisfy(isParam) });
  });
  const isParam = (value: unknown): boolean => value === null || typeof value === 'string';

  test('an empty tool result is fine', async () => {
    const empty = answered.map((message) => (message['role'] === 'tool' ? { ...message, content: '' } : message));
    expect((await post(ask(empty))).status).toBe(200);
  });

  test('a request without a key is 401, another address is 404', async () => {
    expect((await post(ask([hello]), server.baseURL, { authorization: '' })).status).toBe(401);
    expect((await post(ask([hello]), `${server.baseURL}/nothing`)).status).toBe(404);
  });
});
