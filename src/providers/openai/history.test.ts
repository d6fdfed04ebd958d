/** Conversations that other models began, and those that OpenAI's models began themselves. */
import { expect, test } from 'vitest';
import { request, server, reply, WIRES, KEY, drain } from '../../../test/openai/socket.ts';
import { user } from '../../index.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { Model } from '../../protocol/model.ts';
import { OpenAIProvider } from './provider.ts';

const claude = { provider: 'anthropic', api: 'anthropic', model: 'claude-opus-4-7' };
const moved: AgentInputItem[] = [
  user('Weather in Oslo and Rome?'),
  { type: 'reasoning', content: [], providerData: { anthropic: { signature: 'SIGNED' } }, origin: claude },
  { type: 'function_call', callId: 'odd|1', name: 'get_weather', arguments: '{"city":"Oslo"}', origin: claude },
  { type: 'function_call', callId: 'toolu_2', name: 'get_weather', arguments: '{"city":"Rome"}', origin: claude },
  { type: 'function_call_result', callId: 'odd|1', name: 'get_weather', status: 'completed', output: 'rain' },
  user('Hello?'),
];

const models = async (more = {}): Promise<Model[]> =>
  Promise.all(
    WIRES.map((wire) =>
      new OpenAIProvider({
        apiKey: KEY,
        baseURL: server.baseURL,
        useResponses: wire === 'responses',
        ...more,
      }).getModel('fake'),
    ),
  );

test('a conversation that another vendor began is one that the server takes, plain and streamed', async () => {
  for (const [at, model] of (await models()).entries()) {
    const wire = WIRES[at] ?? 'chat';
    server.reply(reply(wire, 'Rain.'), reply(wire, 'Rain.'));
    await model.getResponse(request({ input: moved }));
    await drain(model.getStreamedResponse(request({ input: moved })));
    expect(server.requests.splice(0).map(({ problem, body }) => [problem, JSON.stringify(body)])).toEqual(
      [1, 2].map(() => [undefined, expect.not.stringMatching(/SIGNED|odd\|1/) as string]),
    );
  }
});

test('answers say who gave them', async () => {
  for (const [at, model] of (await models({ provider: 'my-gateway', project: 'team-a' })).entries()) {
    const wire = WIRES[at] ?? 'chat';
    const origin = { provider: 'my-gateway', api: `openai-${wire}`, model: 'fake', project: 'team-a' };
    expect(model.origin).toEqual(origin);
    const said = { id: 'gen-1', text: 'Hm', reasoning: 'thought' };
    server.reply(reply(wire, said), reply(wire, said));
    const { output } = await model.getResponse(request());
    const done = (await drain(model.getStreamedResponse(request()))).find(({ type }) => type === 'response_done');
    expect(output.map((item) => item.origin)).toEqual([origin, origin]);
    expect(done).toMatchObject({ response: { output: [{ origin }, { origin }] } });
  }
});

test('plain words of Chat Completions are not marked: their id tells the wire, and nothing on them is secret', async () => {
  const model = (await models())[1];
  server.reply(reply('chat', { text: 'Hm', toolCalls: [{ name: 'f' }], reasoning: 'x' }));
  const answered = await model?.getResponse(request());
  expect(answered?.output.map(({ type, origin }) => [type, origin !== undefined])).toEqual([
    ['reasoning', true],
    ['message', false],
    ['function_call', false],
  ]);
});

const fn = (callId: string): AgentInputItem => ({ type: 'function_call', callId, name: 'f', arguments: '{}' });
const answered = (callId: string): AgentInputItem => ({
  type: 'function_call_result',
  callId,
  name: 'f',
  status: 'completed',
  output: { type: 'text', text: `result of ${callId}` },
});

// A user's own list, or what is left of a run that was cut off: nobody else's, and not valid.
test.each<[string, AgentInputItem[]]>([
  ['a call that nobody answered', [user('Hi'), fn('c1'), user('Hello?')]],
  ['a call that nobody answered at the end', [user('Hi'), fn('c1')]],
  ['one of two calls answered', [user('Hi'), fn('c1'), fn('c2'), answered('c2'), user('Hello?')]],
  ['a result without its call', [user('Hi'), answered('c1'), user('Hello?')]],
  ['a result before its call', [user('Hi'), answered('c1'), fn('c1'), user('Hello?')]],
  ['a result too many', [user('Hi'), fn('c1'), answered('c1'), answered('c1'), user('Hello?')]],
  ['an id twice at once', [user('Hi'), fn('c1'), fn('c1'), answered('c1'), answered('c1')]],
  ['a word between a call and its result', [user('Hi'), fn('c1'), user('Hello?'), answered('c1')]],
])('the server takes %s, and nothing that was done is lost', async (_, input) => {
  for (const [at, model] of (await models()).entries()) {
    const wire = WIRES[at] ?? 'chat';
    server.requests.splice(0);
    server.reply(reply(wire, 'ok'), reply(wire, 'ok'));
    await model.getResponse(request({ input }));
    await drain(model.getStreamedResponse(request({ input })));
    expect(server.requests.map(({ problem }) => problem)).toEqual([undefined, undefined]);
    const calls = new Set(input.flatMap((item) => (item.type === 'function_call' ? [item.callId] : [])));
    const kept = input.filter((item) => item.type === 'function_call_result' && calls.has(item.callId));
    const sent = JSON.stringify(server.requests[0]?.body);
    for (const { callId } of kept as { callId: string }[]) expect(sent).toContain(`result of ${callId}`);
  }
});

test('a valid history of its own goes out as it is, and results to a conversation of the server without their calls', async () => {
  const [model] = await models();
  const valid = [user('Hi'), fn('c1'), user('Hello?'), answered('c1'), fn('c1'), answered('c1'), user('Go on')];
  server.requests.splice(0);
  server.reply(reply('responses', 'ok'), reply('responses', 'ok'));
  await model?.getResponse(request({ input: valid }));
  await model?.getResponse(request({ input: [answered('c9')], previousResponseId: 'resp_1' }));
  const inputs = server.requests.map(({ body }) => (body as { input: { type?: string; call_id?: string }[] }).input);
  expect(inputs[0]?.map(({ type, call_id: id }) => id ?? type)).toEqual([
    undefined,
    'c1',
    undefined,
    'c1',
    'c1',
    'c1',
    undefined,
  ]);
  expect(inputs[1]?.map(({ call_id: id }) => id)).toEqual(['c9']);
});

test('what another model of the same provider thought is left out, what it said stays', async () => {
  const [model] = await models();
  const other = { provider: 'openai', api: 'openai-responses', model: 'another' };
  const input: AgentInputItem[] = [
    user('Hi'),
    { type: 'reasoning', id: 'rs_1', content: [], providerData: { encrypted_content: 'SECRET' }, origin: other },
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Yes?' }],
      origin: other,
    },
    user('Go on.'),
  ];
  server.reply(reply('responses', 'ok'));
  await model?.getResponse(request({ input }));
  const sent = JSON.stringify(server.requests[0]?.body);
  expect(sent).toContain('Yes?');
  expect(sent).not.toMatch(/SECRET|msg_1|rs_1/);
});

test('a part in the form of Chat Completions is told what parts there are', async () => {
  const input = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] as unknown as AgentInputItem[];
  for (const model of await models())
    await expect(model.getResponse(request({ input }))).rejects.toThrow(
      /unknown type "text"\. Parts of a user are input_text, input_image/,
    );
});
