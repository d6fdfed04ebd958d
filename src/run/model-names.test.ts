import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Agent,
  createModelRegistry,
  createOpenAIClient,
  type ModelProvider,
  type ModelSettings,
  run,
  Runner,
  setDefaultModel,
  setDefaultModelProvider,
  setDefaultOpenAIClient,
  Usage,
  UserError,
} from '../index.ts';
import {
  assistantMessage,
  createFakeServer,
  responsesReply,
  ScriptedModel,
  type FakeServer,
} from '../testing/index.ts';

describe('the name of a model', () => {
  let server: FakeServer;
  beforeEach(async () => {
    server = await createFakeServer();
    server.fallback(responsesReply('ok'));
  });
  afterEach(async () => {
    setDefaultModel(undefined);
    await server.close();
  });

  const atVendor = (): void => {
    const { port } = new URL(server.baseURL);
    const fetch = (url: string, init: RequestInit): Promise<Response> =>
      globalThis.fetch(url.replace('https://api.openai.com/', `http://127.0.0.1:${port}/`), init);
    setDefaultOpenAIClient(createOpenAIClient({ apiKey: 'k', baseURL: 'https://api.openai.com/v1', fetch }));
  };

  test('may say openai/ and hold settings, where OpenAI itself is asked', async () => {
    atVendor();
    await run(new Agent({ name: 'A', model: 'openai/gpt-5.4?effort=high' }), 'Hi');
    expect(server.requests[0]?.body).toMatchObject({ model: 'gpt-5.4', reasoning: { effort: 'high' } });
    setDefaultModel('gpt-5.4-mini?maxTokens=50');
    await run(new Agent({ name: 'A' }), 'Hi');
    expect(server.requests[1]?.body).toMatchObject({ model: 'gpt-5.4-mini', max_output_tokens: 50 });
  });

  test('with a prefix that nobody registered ends a run before it begins, also behind a handoff or a tool', async () => {
    atVendor();
    const claude = new Agent({ name: 'C', model: 'anthropic/claude-opus-4-7' });
    for (const agent of [
      claude,
      new Agent({ name: 'A', model: 'gpt-5.4', handoffs: [new Agent({ name: 'B', handoffs: [claude] })] }),
      new Agent({ name: 'A', model: 'gpt-5.4', tools: [claude.asTool({ toolName: 'c', toolDescription: 'c' })] }),
    ]) {
      const failing = run(agent, 'Hi');
      await expect(failing).rejects.toThrow(UserError);
      await expect(failing).rejects.toThrow('no provider is registered as "anthropic". Registered: openai');
    }
    expect(server.requests).toEqual([]);
    expect(() => setDefaultModel('gpt-5.4?efort=low')).toThrow('Did you mean "effort"?');
  });

  test('goes untouched to a server of one’s own, but for settings', async () => {
    setDefaultOpenAIClient(createOpenAIClient({ apiKey: 'k', baseURL: server.baseURL }));
    await run(new Agent({ name: 'A', model: 'anthropic/claude-opus-4-7:beta?temperature=0' }), 'Hi');
    await run(new Agent({ name: 'A', model: 'openai/gpt-5.4' }), 'Hi');
    expect(server.requests.map(({ body }) => [body['model'], body['temperature']])).toEqual([
      ['anthropic/claude-opus-4-7:beta', 0],
      ['openai/gpt-5.4', undefined],
    ]);
  });

  test('goes untouched to a provider of one’s own', async () => {
    const asked: (string | undefined)[] = [];
    const modelProvider: ModelProvider = {
      getModel: (name) => (asked.push(name), new ScriptedModel([[assistantMessage('x')]])),
    };
    await new Runner({ modelProvider }).run(new Agent({ name: 'A', model: 'openai/x?effort=9' }), 'Hi');
    expect(asked).toEqual(['openai/x?effort=9']);
  });

  test('is looked up in a registry, whose settings win over the agent’s', async () => {
    let seen: ModelSettings | undefined;
    const model = new ScriptedModel([
      {
        type: 'responder',
        respond: ({ request }) => (
          (seen = request.modelSettings),
          { output: [assistantMessage('x')], usage: new Usage() }
        ),
      },
    ]);
    const modelProvider = createModelRegistry({ acme: () => model });
    const agent = new Agent({
      name: 'A',
      model: 'acme/m?effort=low',
      modelSettings: { reasoning: { effort: 'high', summary: 'auto' }, topP: 1 },
    });
    await new Runner({ modelProvider }).run(agent, 'Hi');
    expect(seen).toEqual({ reasoning: { effort: 'low', summary: 'auto' }, topP: 1 });
    await expect(new Runner({ modelProvider }).run(new Agent({ name: 'A', model: 'acne/m' }), 'Hi')).rejects.toThrow(
      'did you mean "acme"?',
    );
  });
});

test('setDefaultModelProvider makes names the provider’s own business', async () => {
  const asked: (string | undefined)[] = [];
  setDefaultModelProvider({ getModel: (name) => (asked.push(name), new ScriptedModel([[assistantMessage('x')]])) });
  await run(new Agent({ name: 'A', model: 'anything/at?all=1' }), 'Hi');
  expect(asked).toEqual(['anything/at?all=1']);
});
