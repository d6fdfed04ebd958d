import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chatReply, createFakeServer, responsesReply, type FakeServer } from './index.ts';

let server: FakeServer;
beforeAll(async () => {
  server = await createFakeServer();
});
afterAll(() => server.close());
beforeEach(() => void (server.requests.length = 0));

async function post(
  path: string,
  body: object | string,
  headers: Record<string, string> = { authorization: 'Bearer k' },
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(server.baseURL + path, { method: 'POST', headers, body: text });
  const answer = await response.text();
  const { error } = (
    response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(answer) : {}
  ) as {
    error?: { message: string; param: string | null; code: string | null };
  };
  return { status: response.status, answer, error };
}

const fn = (more: object = {}): object => ({
  name: 'f',
  description: 'd',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  strict: true,
  ...more,
});
const strict = (schema: object): object =>
  fn({ parameters: { type: 'object', additionalProperties: false, ...schema } });
const LONG = 'x'.repeat(65);

/** What is wrong, the body, and a part of what the vendor says. Shared by both wires: a function and how to wrap it. */
const FUNCTIONS: [string, object, RegExp][] = [
  ['a name with a dot', fn({ name: 'a.b' }), /does not match pattern/],
  ['a name of 65 characters', fn({ name: LONG }), /maximum length 64/],
  ['an empty name', fn({ name: '' }), /empty string/],
  ['no name', { parameters: {} }, /Missing required parameter/],
  [
    'parameters that are no object',
    fn({ parameters: { type: 'string' }, strict: false }),
    /must be a JSON Schema of 'type: "object"'/,
  ],
  [
    'strict without additionalProperties',
    fn({ parameters: { type: 'object', properties: {}, required: [] } }),
    /'additionalProperties' is required/,
  ],
  [
    'strict with an optional property',
    strict({ properties: { a: { type: 'string' }, b: { type: 'string' } }, required: ['a'] }),
    /Missing 'b'/,
  ],
  [
    'strict with a loose inner object',
    strict({ properties: { a: { type: 'object', properties: {} } }, required: ['a'] }),
    /In context=\('properties', 'a'\)/,
  ],
  ['strict with a property of no type', strict({ properties: { a: {} }, required: ['a'] }), /must have a 'type' key/],
  [
    'strict with allOf',
    strict({ properties: { a: { type: 'string', allOf: [] } }, required: ['a'] }),
    /'allOf' is not permitted/,
  ],
  [
    'strict with a list of anything',
    strict({ properties: { a: { type: 'array' } }, required: ['a'] }),
    /missing items/,
  ],
];

const call = (id: string, more: object = {}): object => ({
  type: 'function_call',
  call_id: id,
  name: 'f',
  arguments: '{}',
  ...more,
});
const output = (id: string, more: object = {}): object => ({
  type: 'function_call_output',
  call_id: id,
  output: 'x',
  ...more,
});
const said = { role: 'user', content: 'hi' };

const RESPONSES: [string, object, RegExp][] = [
  ...FUNCTIONS.map(([what, tool, says]): [string, object, RegExp] => [
    what,
    { input: 'x', tools: [{ type: 'function', ...tool }] },
    says,
  ]),
  ['no input', {}, /Missing required parameter: 'input'/],
  ['empty input', { input: [] }, /empty array/],
  ['an empty string', { input: '' }, /empty string/],
  ['no model', { model: undefined, input: 'x' }, /Missing required parameter: 'model'/],
  ['an unknown parameter', { input: 'x', foo: 1 }, /Unknown parameter: 'foo'/],
  ['a number as text', { input: 'x', temperature: '1' }, /Invalid type for 'temperature'/],
  ['a call without output', { input: [said, call('c1')] }, /No tool output found for function call c1/],
  [
    'an output without call',
    { input: [said, output('c1')] },
    /No tool call found for function call output with call_id c1/,
  ],
  ['an output before its call', { input: [output('c1'), call('c1')] }, /No tool call found/],
  ['a call twice', { input: [call('c1'), call('c1'), output('c1')] }, /Duplicate tool call id/],
  ['a call id of 65 characters', { input: [call(LONG), output(LONG)] }, /maximum length 64/],
  [
    'arguments as an object',
    { input: [call('c1', { arguments: {} }), output('c1')] },
    /expected a string, but got an object/,
  ],
  ['an output that is a number', { input: [call('c1'), output('c1', { output: 5 })] }, /Invalid type/],
  ['an empty message', { input: [{ role: 'user', content: '' }] }, /empty string/],
  ['a message without parts', { input: [{ role: 'user', content: [] }] }, /empty array/],
  ['a message of an unknown role', { input: [{ role: 'robot', content: 'x' }] }, /Invalid value: 'robot'/],
  [
    'an assistant part in a user message',
    { input: [{ role: 'user', content: [{ type: 'output_text', text: 'x' }] }] },
    /Invalid value: 'output_text'/,
  ],
  [
    'an image of nothing',
    { input: [{ role: 'user', content: [{ type: 'input_image' }] }] },
    /Missing required parameter/,
  ],
  [
    'a message with the id of a call',
    { input: [{ type: 'message', id: 'fc_1', role: 'user', content: 'x' }] },
    /begins with 'msg'/,
  ],
  [
    'an id twice',
    {
      input: [
        { ...said, id: 'msg_1' },
        { ...said, id: 'msg_1' },
      ],
    },
    /Duplicate item found/,
  ],
  [
    'reasoning at the end',
    { input: [said, { type: 'reasoning', id: 'rs_1', summary: [] }] },
    /without its required following item/,
  ],
  ['an unknown item', { input: [{ type: 'zzz' }] }, /Invalid value: 'zzz'/],
  [
    'a conversation and a previous response',
    { input: 'x', conversation: 'c', previous_response_id: 'p' },
    /Mutually exclusive/,
  ],
  ['a choice of nobody', { input: 'x', tool_choice: { type: 'function', name: 'f' } }, /not found in 'tools'/],
  ['a forced choice of nothing', { input: 'x', tool_choice: 'required' }, /must be specified with 'tools'/],
  [
    'one name twice',
    {
      input: 'x',
      tools: [
        { type: 'function', ...fn() },
        { type: 'function', ...fn() },
      ],
    },
    /must be unique/,
  ],
  [
    'a loose output schema',
    {
      input: 'x',
      text: { format: { type: 'json_schema', name: 'o', strict: true, schema: { type: 'object', properties: {} } } },
    },
    /Invalid schema for response_format 'o'/,
  ],
];

const asks = (...ids: string[]): object => ({
  role: 'assistant',
  content: null,
  tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
});
const tells = (id: string): object => ({ role: 'tool', tool_call_id: id, content: 'x' });

const CHAT: [string, object, RegExp][] = [
  ...FUNCTIONS.map(([what, tool, says]): [string, object, RegExp] => [
    what,
    { messages: [said], tools: [{ type: 'function', function: tool }] },
    says,
  ]),
  ['no messages', { messages: [] }, /empty array/],
  ['an unknown parameter', { messages: [said], foo: 1 }, /Unknown parameter: 'foo'/],
  ['an unanswered call', { messages: [said, asks('c1', 'c2'), tells('c1')] }, /did not have response messages: c2/],
  ['a user before the answer', { messages: [asks('c1'), said, tells('c1')] }, /must be followed by tool messages/],
  ['an answer to nothing', { messages: [said, tells('c1')] }, /must be a response to a preceding message/],
  ['a call id twice', { messages: [asks('c1', 'c1'), tells('c1')] }, /Duplicate value/],
  ['an assistant of nothing', { messages: [{ role: 'assistant', content: null }] }, /expected a string, got null/],
  ['an assistant of no parts', { messages: [{ role: 'assistant', content: [] }] }, /empty array/],
  ['an empty part of a user', { messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] }, /empty string/],
  [
    'arguments as an object',
    {
      messages: [
        { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: {} } }] },
        tells('c'),
      ],
    },
    /expected a string/,
  ],
  ['a choice without tools', { messages: [said], tool_choice: 'auto' }, /only allowed when 'tools'/],
  [
    'stream options without a stream',
    { messages: [said], stream_options: { include_usage: true } },
    /only allowed when 'stream'/,
  ],
];

describe('the fake server refuses what the vendor refuses', () => {
  test.each(RESPONSES)('on Responses: %s', async (_what, body, says) => {
    server.reply(responsesReply('x'));
    const { status, error } = await post('/responses', { model: 'm', ...body });
    expect(error?.message).toMatch(says);
    expect(status).toBe(400);
    expect(error?.code).toEqual(expect.any(String));
    expect(server.requests[0]?.problem).toBe(error?.message);
  });

  test.each(CHAT)('on Chat Completions: %s', async (_what, body, says) => {
    server.reply(chatReply('x'));
    const { status, error } = await post('/chat/completions', { model: 'm', ...body });
    expect(error?.message).toMatch(says);
    expect(status).toBe(400);
  });

  test('a request without a key, to an unknown path, or of no JSON', async () => {
    expect(await post('/responses', { model: 'm', input: 'x' }, {})).toMatchObject({
      status: 401,
      error: { code: 'invalid_api_key' },
    });
    expect(await post('/zzz', {})).toMatchObject({ status: 404 });
    expect(await post('/responses', '{"half":')).toMatchObject({
      status: 400,
      error: { message: expect.stringMatching(/parse the JSON/) as string },
    });
  });
});

describe('the fake server takes what the vendor takes', () => {
  test.each<[string, object]>([
    ['calls with their outputs', { input: [said, call('c1', { id: 'fc_1' }), call('c2'), output('c2'), output('c1')] }],
    ['an output whose call the server has', { input: [output('c1')], previous_response_id: 'r' }],
    [
      'reasoning and its call',
      { input: [said, { type: 'reasoning', id: 'rs_1', summary: [] }, call('c1'), output('c1')] },
    ],
    [
      'a strict function',
      {
        input: 'x',
        tools: [
          {
            type: 'function',
            ...strict({
              properties: {
                a: { type: ['string', 'null'] },
                b: { anyOf: [{ type: 'string' }, { $ref: '#/$defs/n' }] },
              },
              required: ['a', 'b'],
              $defs: { n: { type: 'number' } },
            }),
          },
        ],
        tool_choice: { type: 'function', name: 'f' },
      },
    ],
    [
      'a loose function',
      {
        input: 'x',
        tools: [{ type: 'function', name: 'f', parameters: { type: 'object', properties: { a: {} } }, strict: false }],
      },
    ],
    ['a prompt', { model: undefined, prompt: { id: 'p' }, input: 'x' }],
  ])('on Responses: %s', async (_what, body) => {
    server.reply(responsesReply('x'));
    expect(await post('/responses', { model: 'm', ...body })).toMatchObject({ status: 200 });
  });

  test('on Chat Completions: calls and answers, parts and text', async () => {
    server.reply(chatReply('x'));
    const messages = [
      { role: 'system', content: 's' },
      said,
      asks('c1', 'c2'),
      tells('c2'),
      tells('c1'),
      { role: 'assistant', content: [{ type: 'text', text: 'x' }] },
    ];
    expect(await post('/chat/completions', { model: 'm', messages })).toMatchObject({ status: 200 });
  });
});

describe('the script', () => {
  test('is followed in order, then the fallback, and without one the server says so', async () => {
    const ask = async (): Promise<string> => (await post('/chat/completions', { model: 'm', messages: [said] })).answer;
    server.reply(chatReply('one'), { status: 418, body: 'two' });
    expect(await ask()).toContain('"one"');
    expect(await ask()).toBe('two');
    expect(await ask()).toContain('No answer is scripted for request 3');
    server.fallback((request, n) => chatReply(`${request.path} ${n}`));
    expect(await ask()).toContain('/v1/chat/completions 4');
  });

  test('can send the bytes at any boundary and cut the socket after any byte', async () => {
    server.reply({ events: [{ data: 'abc' }], chunks: [2, 3] });
    expect((await post('/responses', { model: 'm', input: 'x' })).answer).toBe('data: abc\n\n');
    server.reply({ body: '0123456789', cut: { bytes: 4 } });
    await expect(post('/responses', { model: 'm', input: 'x' })).rejects.toThrow();
  });

  test('a streamed reply and a plain one say the same', () => {
    const content = { text: 'Hello there', reasoning: 'hm', toolCalls: [{ name: 'f', arguments: { a: 1 } }] };
    const chunks = chatReply(content)
      .events(1)
      .flatMap(({ data }) =>
        typeof data === 'string' ? [] : [data as { choices: { delta: { content?: string } }[] }],
      );
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    expect(chatReply(content).json(1)).toMatchObject({ choices: [{ message: { content: text } }] });
    const last = responsesReply(content).events(1).at(-1)?.data as { response: object };
    expect(last.response).toEqual(responsesReply(content).json(1));
  });

  test('closing ends hanging requests', async () => {
    const own = await createFakeServer();
    own.reply({ hang: 'headers' });
    const asking = fetch(`${own.baseURL}/responses`, {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify({ model: 'm', input: 'x' }),
    });
    while (own.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await own.close();
    await expect(asking).rejects.toThrow();
  });
});
