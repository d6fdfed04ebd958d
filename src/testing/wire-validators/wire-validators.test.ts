import { describe, expect, test } from 'vitest';
import { createFakeServer, messagesReply } from '../fake-server/index.ts';
import { wireProblem } from './index.ts';

const use = (id: string, more: object = {}): object => ({
  role: 'assistant',
  content: [{ type: 'tool_use', id, name: 'f', input: {}, ...more }],
});
const result = (id: string): object => ({ type: 'tool_result', tool_use_id: id, content: 'x' });
const user = (...content: object[]): object => ({ role: 'user', content });
const text = (said: string, more: object = {}): object => ({ type: 'text', text: said, ...more });
const hi = user(text('hi'));
const mark = (ttl?: string): object => ({ cache_control: { type: 'ephemeral', ...(ttl && { ttl }) } });
const fn = { name: 'f', input_schema: { type: 'object', properties: {} } };

/** What is wrong, the members of the body, and a part of what the vendor says. */
const MESSAGES: [string, object, RegExp][] = [
  ['no messages', { messages: [] }, /empty array/],
  ['no max_tokens', { max_tokens: undefined }, /max_tokens: Field required/],
  ['an unknown parameter', { foo: 1 }, /Unknown parameter/],
  ['an empty message', { messages: [{ role: 'user', content: '' }] }, /non-empty content/],
  ['a blank text', { messages: [user(text(' '))] }, /non-whitespace/],
  ['a system role', { messages: [{ role: 'system', content: 'x' }] }, /Supported values/],
  [
    'an assistant first',
    { messages: [{ role: 'assistant', content: 'x' }, hi] },
    /first message must use the "user" role/,
  ],
  ['an assistant last', { messages: [hi, { role: 'assistant', content: 'x' }] }, /prefill/],
  ['a call without a result', { messages: [hi, use('a'), hi] }, /without `tool_result` blocks immediately after: a/],
  ['a result without a call', { messages: [user(result('a'))] }, /unexpected `tool_use_id`/],
  ['two results of a call', { messages: [hi, use('a'), user(result('a'), result('a'))] }, /single result/],
  ['text before a result', { messages: [hi, use('a'), user(text('x'), result('a'))] }, /must come first/],
  ['an id with a bar', { messages: [hi, use('a|b'), user(result('a|b'))] }, /tool_use.id/],
  ['an id twice', { messages: [hi, use('a'), user(result('a')), use('a'), user(result('a'))] }, /ids must be unique/],
  [
    'an input that is no object',
    { messages: [hi, use('a', { input: '{}' }), user(result('a'))] },
    /expected an object/,
  ],
  ['a name with a dot', { messages: [hi, use('a', { name: 'a.b' }), user(result('a'))] }, /tool_use.name/],
  [
    'a thought without a signature',
    { messages: [hi, { role: 'assistant', content: [{ type: 'thinking', thinking: 'x' }] }, hi] },
    /signature/,
  ],
  [
    'an image of another type',
    { messages: [user({ type: 'image', source: { type: 'base64', media_type: 'image/tiff', data: 'x' } })] },
    /image\/tiff/,
  ],
  ['an unknown block', { messages: [user({ type: 'sound' })] }, /does not match any expected tag/],
  ['five marks', { messages: [user(...Array.from({ length: 5 }, () => text('x', mark())))] }, /maximum of 4/],
  [
    'a long mark after a short one',
    { messages: [user(text('x', mark()), text('y', mark('1h')))] },
    /must not come after/,
  ],
  ['a choice without tools', { tool_choice: { type: 'any' } }, /while providing tools/],
  ['a choice of nothing', { tools: [fn], tool_choice: { type: 'tool', name: 'g' } }, /not found/],
  [
    'a forced choice beside thinking',
    { tools: [fn], tool_choice: { type: 'any' }, thinking: { type: 'adaptive' } },
    /forces tool use/,
  ],
  [
    'a budget over the limit',
    { thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 1500 },
    /must be greater/,
  ],
  ['a small budget', { thinking: { type: 'enabled', budget_tokens: 10 } }, /1024/],
  ['a temperature beside thinking', { thinking: { type: 'adaptive' }, temperature: 0 }, /may only be set to 1/],
  [
    'a tool loop that began without thoughts',
    { thinking: { type: 'enabled', budget_tokens: 1024 }, messages: [hi, use('a'), user(result('a'))] },
    /must start with a thinking block/,
  ],
  [
    'a schema that is open',
    { output_config: { format: { type: 'json_schema', schema: { type: 'object', properties: {} } } } },
    /additionalProperties/,
  ],
];

describe('Anthropic refuses', () => {
  test.each(MESSAGES)('%s', (_what, more, says) => {
    const body = { model: 'm', max_tokens: 4096, messages: [hi], ...more };
    expect(wireProblem('anthropic', body)).toMatch(says);
  });
});

const part = (role: string, ...parts: object[]): object => ({ role, parts });
const call = { functionCall: { name: 'f', args: {} }, thoughtSignature: 's' };
const answer = { functionResponse: { name: 'f', response: {} } };
const GEMINI: [string, object[], RegExp][] = [
  ['a model first', [part('model', { text: 'x' }), part('user', { text: 'x' })], /begins with a user turn/],
  ['a model last', [part('user', { text: 'x' }), part('model', { text: 'x' })], /end with a user role/],
  ['an empty part', [part('user', { text: '' })], /empty string/],
  ['a part of nothing', [part('user', {})], /oneof/],
  [
    'a call without an answer',
    [part('user', { text: 'x' }), part('model', call), part('user', { text: 'x' })],
    /number of function response/,
  ],
  ['an answer without a call', [part('user', answer)], /immediately after a function call turn/],
  [
    'a call without a signature',
    [part('user', { text: 'x' }), part('model', { functionCall: { name: 'f', args: {} } }), part('user', answer)],
    /thought_signature/,
  ],
  [
    'a name that starts with a digit',
    [
      part('user', { text: 'x' }),
      part('model', { ...call, functionCall: { name: '3d', args: {} } }),
      part('user', answer),
    ],
    /start with a letter/,
  ],
];
test.each(GEMINI)('Google refuses %s', (_what, contents, says) => {
  expect(wireProblem('gemini', { contents })).toMatch(says);
});

const said = { role: 'user', content: [{ type: 'text', text: 'x' }] };
const calls = (id: string, input: unknown = {}): object => ({
  role: 'assistant',
  content: [{ type: 'tool-call', toolCallId: id, toolName: 'f', input }],
});
const returns = (id: string): object => ({
  role: 'tool',
  content: [{ type: 'tool-result', toolCallId: id, toolName: 'f', output: { type: 'text', value: '' } }],
});
const AI_SDK: [string, object[], RegExp][] = [
  ['a late system message', [said, { role: 'system', content: 'x' }], /beginning/],
  ['an assistant first', [calls('a'), returns('a')], /begin with a user/],
  ['an assistant last', [said, { role: 'assistant', content: [{ type: 'text', text: 'x' }] }], /end with the user/],
  ['a call without a result', [said, calls('a'), said], /missing/],
  ['another result', [said, calls('a'), returns('b')], /missing/],
  ['a result without a call', [said, returns('b')], /missing/],
  ['an input as text', [said, calls('a', '{}'), returns('a')], /expected an object/],
  ['an id with a bar', [said, calls('a|b'), returns('a|b')], /should match pattern/i],
  ['a blank text', [{ role: 'user', content: [{ type: 'text', text: ' ' }] }], /non-whitespace/],
];
test.each(AI_SDK)('an AI SDK model refuses %s', (_what, prompt, says) => {
  expect(wireProblem('ai-sdk', { prompt })).toMatch(says);
});

test('what is right has no problem', () => {
  const messages = [hi, use('a'), user(result('a'), text('and', mark('1h')))];
  expect(
    wireProblem('anthropic', { model: 'm', max_tokens: 10, messages, tools: [fn], tool_choice: { type: 'any' } }),
  ).toBeUndefined();
  expect(
    wireProblem('gemini', { contents: [part('user', { text: 'x' }), part('model', call), part('user', answer)] }),
  ).toBeUndefined();
  expect(
    wireProblem('ai-sdk', { prompt: [{ role: 'system', content: 'x' }, said, calls('a'), returns('a')] }),
  ).toBeUndefined();
  expect(wireProblem('openai-chat', { model: 'm', messages: [{ role: 'user', content: 'x' }] })).toBeUndefined();
});

describe('the fake server on the Messages API', () => {
  const post = async (body: object, headers: Record<string, string>) => {
    await using server = await createFakeServer();
    server.reply(messagesReply('Hello'));
    const response = await fetch(`${server.baseURL}/messages`, { method: 'POST', headers, body: JSON.stringify(body) });
    const answered: unknown = await response.json();
    return { status: response.status, answered };
  };
  const body = { model: 'm', max_tokens: 10, messages: [hi] };
  const headers = { 'x-api-key': 'k', 'anthropic-version': '2023-06-01' };

  test('answers, and refuses in the form of the vendor', async () => {
    expect(await post(body, headers)).toMatchObject({
      status: 200,
      answered: { type: 'message', content: [{ text: 'Hello' }], stop_reason: 'end_turn' },
    });
    expect(await post({ ...body, messages: [] }, headers)).toMatchObject({
      status: 400,
      answered: { type: 'error', error: { type: 'invalid_request_error' } },
    });
    expect(await post(body, { 'anthropic-version': 'x' })).toMatchObject({
      status: 401,
      answered: { error: { type: 'authentication_error' } },
    });
    expect(await post(body, { 'x-api-key': 'k' })).toMatchObject({
      status: 400,
      answered: { error: { message: 'anthropic-version: header is required' } },
    });
  });
});
