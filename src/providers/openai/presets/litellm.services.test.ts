/** `LiteLLMModel` with a real LiteLLM proxy, and our fake server as the vendor behind it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { drain, request } from '../../../../test/openai/socket.ts';
import { Agent, LiteLLMModel, run, tool, type LiteLLMModelOptions } from '../../../index.ts';
import { chatReply, createFakeServer, errorBody, type FakeServer } from '../../../testing/fake-server/index.ts';

const { BATON_LITELLM_URL: baseURL, BATON_LITELLM_KEY: apiKey, BATON_LITELLM_UPSTREAM_PORT: port } = process.env;

const weather = tool({
  name: 'get_weather',
  description: 'The weather.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: true,
  execute: (input: unknown) => `rain in ${(input as { city: string }).city}`,
});

describe.skipIf(baseURL === undefined)('a real LiteLLM proxy', () => {
  let vendor: FakeServer;
  beforeAll(async () => {
    vendor = await createFakeServer({ port: Number(port) });
    vendor.fallback(({ body }) => {
      if (body['model'] === 'broken-model') return { status: 500, body: errorBody('down', 'server_error') };
      const messages = body['messages'] as { role: string }[];
      const usage = { input: 1000, output: 100 };
      if (messages.at(-1)?.role === 'tool') return chatReply({ text: 'It rains in Oslo.', usage });
      const toolCalls = [{ name: 'get_weather', arguments: { city: 'Oslo' } }];
      return chatReply({ text: 'Let me see.', toolCalls, usage });
    });
  });
  afterAll(() => vendor.close());
  beforeEach(() => void vendor.requests.splice(0));

  const modelOf = (model: string, more: Partial<LiteLLMModelOptions> = {}): LiteLLMModel =>
    new LiteLLMModel({ model, temperature: 0.2, proxyRetries: 0, baseURL: `${baseURL}`, apiKey: `${apiKey}`, ...more });
  const agentOf = (model: string): Agent => new Agent({ name: 'Helper', model: modelOf(model), tools: [weather] });
  const asked = (): unknown[] =>
    vendor.requests.map(({ body, problem }) => [body['model'], body['temperature'], problem]);

  test('an agent runs, and reads what each answer cost', async () => {
    const result = await run(agentOf('good'), 'Weather in Oslo?');
    expect(result.finalOutput).toBe('It rains in Oslo.');
    expect(asked()).toEqual([1, 2].map(() => ['fake-model', 0.2, undefined]));
    // 1,000 tokens at one dollar a million, 100 at two.
    const cost = expect.closeTo(0.0012, 9) as number;
    const facts = { costUsd: cost, attemptedFallbacks: 0, callId: expect.any(String) as string };
    expect(result.rawResponses.map(({ providerData }) => providerData)).toMatchObject([
      { litellm: facts },
      { litellm: facts },
    ]);
  });

  test('an agent streams, and reads the cost in its last chunk', async () => {
    const result = await run(agentOf('good'), 'Weather in Oslo?', { stream: true });
    let text = '';
    for await (const event of result) {
      if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta') text += event.data.delta;
    }
    await result.completed;
    expect([text, result.finalOutput]).toEqual(['Let me see.It rains in Oslo.', 'It rains in Oslo.']);
    expect(vendor.requests.map(({ body }) => body['stream'])).toEqual([true, true]);
    const costs = result.rawResponses.map(({ providerData }) => providerData?.['litellm']);
    expect(costs).toMatchObject([1, 2].map(() => ({ costUsd: expect.closeTo(0.0012, 9) as number })));
  });

  test('the proxy falls back, plain and streamed, and says so', async () => {
    const plain = await modelOf('bad').getResponse(request());
    const streamed = (await drain(modelOf('bad').getStreamedResponse(request()))).at(-1);
    expect(asked()).toEqual(
      ['broken-model', 'fake-model', 'broken-model', 'fake-model'].map((name) => [name, 0.2, undefined]),
    );
    expect(plain.providerData).toMatchObject({ litellm: { attemptedFallbacks: 1 } });
    expect(streamed).toMatchObject({ response: { output: [{ content: [{ text: 'Let me see.' }] }, {}] } });
  });

  test('a model that it does not know, and a vendor that is down, are typed errors without the key', async () => {
    const unknown: unknown = await modelOf('none')
      .getResponse(request())
      .catch((error: unknown) => error);
    expect(unknown).toMatchObject({ kind: 'bad_request', retryable: false });
    await vendor.close();
    try {
      const down: unknown = await modelOf('good')
        .getResponse(request())
        .catch((error: unknown) => error);
      expect(down).toMatchObject({ retryable: true });
      for (const error of [unknown, down]) expect(`${String(error)}${JSON.stringify(error)}`).not.toContain(apiKey);
    } finally {
      vendor = await createFakeServer({ port: Number(port) });
    }
  });
});
