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

test('a history of its own is sent as it is, mistakes included', async () => {
  for (const model of await models()) {
    const origin = model.origin ?? claude;
    const input: AgentInputItem[] = [
      user('Hi'),
      { type: 'function_call', callId: 'c1', name: 'f', arguments: '{}', origin },
      user('Hello?'),
    ];
    await expect(model.getResponse(request({ input }))).rejects.toThrow(/c1/);
  }
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
