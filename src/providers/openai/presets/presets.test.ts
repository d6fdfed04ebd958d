/** Servers that are known by name: where they are, which key they get, how they speak. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { request, drain } from '../../../../test/openai/socket.ts';
import { Agent, run, user } from '../../../index.ts';
import type { AgentInputItem } from '../../../protocol/items.ts';
import type { ModelRequest, SerializedFunctionTool } from '../../../protocol/model.ts';
import { chatReply, createFakeServer, responsesReply, type FakeServer } from '../../../testing/fake-server/index.ts';
import type { Fetch } from '../../../wire/index.ts';
import {
  AzureOpenAIProvider,
  createPresetProvider,
  LiteLLMModel,
  LlamaCppModel,
  LMStudioModel,
  OllamaModel,
  OpenRouterModel,
  VLLMModel,
  type AzureOpenAIProviderOptions,
} from '../index.ts';

let server: FakeServer;
const VARIABLES = ['LITELLM', 'OPENROUTER', 'OLLAMA', 'VLLM', 'LMSTUDIO', 'LLAMA', 'LLAMA_CPP', 'AZURE_OPENAI'].flatMap(
  (name) => [`${name}_API_KEY`, `${name}_BASE_URL`, `${name}_ENDPOINT`],
);
const saved = VARIABLES.map((name) => [name, process.env[name]] as const);
const clear = (): void => {
  for (const name of VARIABLES) delete process.env[name];
};
beforeAll(async () => {
  clear();
  server = await createFakeServer({ requireKey: false });
});
afterEach(() => {
  clear();
  server.requests.length = 0;
});
afterAll(async () => {
  for (const [name, value] of saved) if (value !== undefined) process.env[name] = value;
  await server.close();
});

const tool = (name: string): SerializedFunctionTool => ({
  type: 'function',
  name,
  description: 'd',
  strict: true,
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
});
const at = (): { baseURL: string; model: string } => ({ baseURL: server.baseURL, model: 'some/model:tag' });

/** A `fetch` that notes where it was sent and answers by itself. */
function recording(body: object): { fetch: Fetch; sent: { url: string; headers: Record<string, string> }[] } {
  const sent: { url: string; headers: Record<string, string> }[] = [];
  const fetch: Fetch = (url, { headers }) => {
    sent.push({ url, headers: headers as Record<string, string> });
    return Promise.resolve(Response.json(body));
  };
  return { fetch, sent };
}

describe.each([
  ['OllamaModel', OllamaModel, 'http://localhost:11434/v1', 'ollama', 'OLLAMA_BASE_URL'],
  ['VLLMModel', VLLMModel, 'http://localhost:8000/v1', 'vllm', 'VLLM_BASE_URL'],
  ['LMStudioModel', LMStudioModel, 'http://localhost:1234/v1', 'lmstudio', 'LMSTUDIO_BASE_URL'],
  ['LlamaCppModel', LlamaCppModel, 'http://localhost:8080/v1', 'llama.cpp', 'LLAMA_CPP_BASE_URL'],
])('%s', (_name, Made, url, provider, variable) => {
  test('is asked where it usually is, without a key, or where its variable says', async () => {
    const { fetch, sent } = recording(chatReply('ok').json(1));
    const model = new Made({ model: 'm', fetch });
    await model.getResponse(request());
    process.env[variable] = 'http://elsewhere:1/v1/';
    await model.getResponse(request());
    expect(sent.map((each) => [each.url, each.headers['authorization']])).toEqual([
      [`${url}/chat/completions`, undefined],
      ['http://elsewhere:1/v1/chat/completions', undefined],
    ]);
    expect(model.origin).toEqual({ provider, api: 'openai-chat', model: 'm' });
  });

  test('runs an agent with its own settings under the agent’s', async () => {
    server.reply(chatReply('Hello.'));
    const model = new Made({ ...at(), temperature: 0.1, topP: 0.5 });
    const result = await run(new Agent({ name: 'A', model, modelSettings: { temperature: 0.9 } }), 'Hi');
    expect(result.finalOutput).toBe('Hello.');
    expect(server.requests[0]?.body).toMatchObject({ model: 'some/model:tag', temperature: 0.9, top_p: 0.5 });
  });

  test('takes late system text and files of another model’s history as text', async () => {
    const origin = { provider: 'anthropic', api: 'anthropic', model: 'claude' };
    const input: AgentInputItem[] = [
      user('Hi'),
      {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Yes?' }],
        origin,
      },
      { type: 'message', role: 'system', content: 'Be brief.' },
      { type: 'message', role: 'user', content: [{ type: 'input_file', file: 'data:application/pdf;base64,AA==' }] },
    ];
    server.reply(chatReply('ok'));
    await new Made(at()).getResponse(request({ input }));
    const messages = (server.requests[0]?.body['messages'] ?? []) as { role: string }[];
    expect(messages.map(({ role }) => role)).not.toContain('system');
    expect(JSON.stringify(messages)).toContain('Be brief.');
    expect(JSON.stringify(messages)).not.toContain('base64');
  });
});

describe('a named tool', () => {
  const named: Partial<ModelRequest> = { tools: [tool('f'), tool('g')], modelSettings: { toolChoice: 'g' } };
  const chosen = async (Made: typeof OllamaModel): Promise<unknown[]> => {
    server.reply(chatReply('ok'));
    await new Made(at()).getResponse(request(named));
    const { tools, tool_choice: choice, parallel_tool_calls: parallel } = server.requests[0]?.body ?? {};
    return [(tools as { function: { name: string } }[]).map((each) => each.function.name), choice, parallel];
  };

  test.each([
    ['Ollama', OllamaModel, undefined],
    ['LM Studio', LMStudioModel, undefined],
    ['llama.cpp', LlamaCppModel, true],
  ])('is the only one that %s is offered, since it knows no names', async (_server, Made, parallel) => {
    expect(await chosen(Made)).toEqual([['g'], 'required', parallel]);
  });

  test('is named to vLLM', async () => {
    expect(await chosen(VLLMModel)).toEqual([['f', 'g'], { type: 'function', function: { name: 'g' } }, undefined]);
  });
});

describe('LiteLLM', () => {
  const headers = {
    'x-litellm-response-cost': '0.000123',
    'x-litellm-call-id': 'abc',
    'x-litellm-model-id': 'deployment-1',
    'x-litellm-attempted-retries': '1',
    'x-litellm-attempted-fallbacks': '0',
    'x-litellm-overhead-duration-ms': '3.5',
  };
  const facts = {
    costUsd: 0.000123,
    callId: 'abc',
    modelId: 'deployment-1',
    attemptedRetries: 1,
    attemptedFallbacks: 0,
    overheadMs: 3.5,
  };
  const model = (more = {}): LiteLLMModel => new LiteLLMModel({ ...at(), apiKey: 'k', temperature: 0.3, ...more });

  test('what the proxy says beside an answer is in the provider data, plain and streamed', async () => {
    server.reply({ reply: chatReply('ok'), headers }, { reply: chatReply('ok'), headers });
    const { providerData } = await model().getResponse(request());
    expect(providerData).toMatchObject({ litellm: facts, usage: { cost: 0.000123, prompt_tokens: 10 }, choices: [{}] });
    const done = (await drain(model().getStreamedResponse(request()))).at(-1);
    expect(done).toMatchObject({ type: 'response_done', response: { providerData: { litellm: facts } } });
    expect(server.requests[0]?.body['temperature']).toBe(0.3);
  });

  test('a cost of 0 is no cost: the proxy says it where it knows no price', async () => {
    server.reply({ reply: chatReply('ok'), headers: { ...headers, 'x-litellm-response-cost': '0.0' } });
    const { providerData } = await model().getResponse(request());
    expect(providerData?.['litellm']).not.toHaveProperty('costUsd');
    expect(providerData?.['usage']).not.toHaveProperty('cost');
  });

  test('tags, customers and the proxy’s own retries are headers', async () => {
    server.reply(chatReply('ok'));
    const more = {
      tags: ['a', 'b'],
      customerId: 'c1',
      spendMetadata: { team: 'x' },
      proxyRetries: 0,
      headers: { own: 'h' },
    };
    await model(more).getResponse(request());
    expect(server.requests[0]?.headers).toMatchObject({
      'x-litellm-tags': 'a,b',
      'x-litellm-customer-id': 'c1',
      'x-litellm-spend-logs-metadata': '{"team":"x"}',
      'x-litellm-num-retries': '0',
      own: 'h',
      authorization: 'Bearer k',
    });
  });

  test('a signature inside of a call id stands beside the call, and goes back there', async () => {
    const said = chatReply([{ id: 'call_1__thought__SIGNED', name: 'f' }]);
    for (const stream of [false, true]) {
      server.requests.length = 0;
      server.reply(said, chatReply('ok'));
      const asked = model();
      const first = request({ tools: [tool('f')] });
      const events = stream ? await drain(asked.getStreamedResponse(first)) : [];
      const done = events.find(({ type }) => type === 'response_done') as { response: { output: never[] } } | undefined;
      const output = done?.response.output ?? (await asked.getResponse(first)).output;
      expect(output).toMatchObject([{ callId: 'call_1' }]);
      const result: AgentInputItem = {
        type: 'function_call_result',
        callId: 'call_1',
        name: 'f',
        status: 'completed',
        output: 'x',
      };
      await asked.getResponse(request({ input: [user('Hi'), ...output, result], tools: [tool('f')] }));
      expect(server.requests[1]?.body['messages']).toMatchObject([
        { role: 'user' },
        { tool_calls: [{ id: 'call_1', provider_specific_fields: { thought_signature: 'SIGNED' } }] },
        { role: 'tool', tool_call_id: 'call_1' },
      ]);
    }
  });

  test('thoughts of Anthropic’s models come back whole and signed', async () => {
    const chunk = (delta: object, finish: string | null = null): { data: object } => ({
      data: { id: 'chatcmpl-1', choices: [{ index: 0, delta, finish_reason: finish }] },
    });
    const piece = (thinking: string, signature: string | null = null): { data: object } =>
      chunk({ reasoning_content: thinking, thinking_blocks: [{ type: 'thinking', thinking, signature }] });
    server.reply({
      events: [
        piece('I '),
        piece('see'),
        piece('', 'S1'),
        chunk({ thinking_blocks: [{ type: 'redacted_thinking', data: 'R' }] }),
        chunk({ content: 'Hi' }),
        chunk({}, 'stop'),
        { data: '[DONE]' },
      ],
    });
    server.reply(chatReply('ok'));
    const events = await drain(model().getStreamedResponse(request()));
    const done = events.find(({ type }) => type === 'response_done') as { response: { output: never[] } } | undefined;
    const input = [user('Hi'), ...(done?.response.output ?? []), user('And?')];
    await model().getResponse(request({ input }));
    expect(server.requests[1]?.body['messages']).toMatchObject([
      {},
      {
        reasoning_content: 'I see',
        thinking_blocks: [
          { type: 'thinking', thinking: 'I see', signature: 'S1' },
          { type: 'redacted_thinking', data: 'R' },
        ],
      },
      {},
    ]);
  });
});

describe('OpenRouter', () => {
  test('answers say what they cost, plain and streamed, and who asks is told', async () => {
    const { fetch, sent } = recording({ ...chatReply('ok').json(1), usage: { prompt_tokens: 1, cost: 0.5 } });
    const model = new OpenRouterModel({ model: 'a/b', apiKey: 'k', fetch, app: { url: 'https://me', title: 'Me' } });
    const { providerData } = await model.getResponse(request());
    expect(providerData).toMatchObject({ openrouter: { costUsd: 0.5 }, usage: { cost: 0.5 } });
    expect(sent[0]).toMatchObject({
      url: 'https://openrouter.ai/api/v1/chat/completions',
      headers: { 'http-referer': 'https://me', 'x-title': 'Me', authorization: 'Bearer k' },
    });
    server.reply({
      validate: false,
      events: [
        { data: { id: 'gen-1', choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: 'stop' }] } },
        { data: { id: 'gen-1', choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, cost: 0.25 } } },
        { data: '[DONE]' },
      ],
    });
    const streamed = await drain(new OpenRouterModel({ ...at(), apiKey: 'k' }).getStreamedResponse(request()));
    expect(streamed.at(-1)).toMatchObject({ response: { providerData: { usage: { cost: 0.25 } } } });
    expect(server.requests[0]?.body['usage']).toEqual({ include: true });
  });
});

describe('keys', () => {
  test.each([
    ['LITELLM_API_KEY', () => new LiteLLMModel(at())],
    ['OPENROUTER_API_KEY', () => new OpenRouterModel(at())],
    ['AZURE_OPENAI_API_KEY', () => new AzureOpenAIProvider({ endpoint: 'http://x' }).getModel('d')],
    ['AZURE_OPENAI_ENDPOINT', () => new AzureOpenAIProvider({ apiKey: 'k' }).getModel('d')],
  ])('without %s nothing is sent, and the error names it', async (variable, make) => {
    await expect(make().getResponse(request())).rejects.toThrow(variable);
    await expect(drain(make().getStreamedResponse(request()))).rejects.toThrow(variable);
    expect(server.requests).toEqual([]);
  });

  test('a key of a server that needs none is sent, and shown in no error', async () => {
    process.env['OLLAMA_API_KEY'] = 'planted-secret';
    server.reply({ status: 401, body: { error: { message: 'planted-secret is wrong' } } });
    const error: unknown = await new OllamaModel(at()).getResponse(request()).catch((reason: unknown) => reason);
    expect(server.requests[0]?.headers['authorization']).toBe('Bearer planted-secret');
    expect(String(error)).toContain('Ollama');
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain('planted-secret');
  });
});

describe('Azure OpenAI', () => {
  const deployments = { 'prod-mini': 'gpt-5.4-mini', 'prod-big': { model: 'gpt-5.4', history: { images: false } } };
  const ask = async (name: string, options: AzureOpenAIProviderOptions) => {
    const reply = options.useResponses === false ? chatReply('ok') : responsesReply('ok');
    const { fetch, sent } = recording(reply.json(1));
    const provider = new AzureOpenAIProvider({ endpoint: 'https://r.openai.azure.com/', fetch, ...options });
    const model = provider.getModel(name);
    const { output } = await model.getResponse(request());
    return { url: sent[0]?.url, headers: sent[0]?.headers, origin: model.origin, output };
  };

  test.each<[string, AzureOpenAIProviderOptions, string]>([
    ['Responses', {}, '/openai/v1/responses'],
    ['Chat', { useResponses: false }, '/openai/v1/chat/completions'],
    ['a preview', { apiVersion: 'preview' }, '/openai/v1/responses?api-version=preview'],
    [
      'Chat of a date',
      { useResponses: false, apiVersion: '2024-10-21' },
      '/openai/deployments/prod-mini/chat/completions?api-version=2024-10-21',
    ],
    ['Responses of a date', { apiVersion: '2025-04-01-preview' }, '/openai/responses?api-version=2025-04-01-preview'],
  ])('%s is asked where it is, with the key in its header', async (_what, options, path) => {
    const { url, headers, origin } = await ask('prod-mini', { apiKey: 'k', deployments, ...options });
    expect(url).toBe(`https://r.openai.azure.com${path}`);
    expect(headers).toMatchObject({ 'api-key': 'k' });
    expect(headers).not.toHaveProperty('authorization');
    // Prices go by the model, not by what a deployment is called.
    expect(origin).toMatchObject({ provider: 'azure', model: 'gpt-5.4-mini' });
  });

  test('a token of Entra is asked for before each attempt', async () => {
    let asked = 0;
    const azureADTokenProvider = (): Promise<string> => Promise.resolve(`token-${++asked}`);
    const { fetch, sent } = recording(responsesReply('ok').json(1));
    const model = new AzureOpenAIProvider({ endpoint: 'https://r', azureADTokenProvider, fetch }).getModel('d');
    await model.getResponse(request());
    await model.getResponse(request());
    expect(sent.map(({ headers }) => [headers['authorization'], headers['api-key']])).toEqual([
      ['Bearer token-1', undefined],
      ['Bearer token-2', undefined],
    ]);
    expect(() => new AzureOpenAIProvider({ apiKey: 'k', azureADTokenProvider })).toThrow(/either apiKey or/);
  });

  test('deployments are found by their name or by their model, others are refused with those that are known', async () => {
    const provider = new AzureOpenAIProvider({ endpoint: 'https://r', apiKey: 'k', deployments });
    expect(provider.getModel('gpt-5.4').origin).toMatchObject({ model: 'gpt-5.4' });
    expect((await ask('gpt-5.4-mini', { apiKey: 'k', deployments })).origin).toMatchObject({ model: 'gpt-5.4-mini' });
    expect(() => provider.getModel('gpt-9')).toThrow(/"gpt-9".*prod-mini \(gpt-5.4-mini\), prod-big \(gpt-5.4\)/);
    expect(() => provider.getModel()).toThrow(/no model was named/);
  });
});

describe('createPresetProvider', () => {
  test('finds models by name, or the one of its options', async () => {
    const provider = createPresetProvider('openrouter', { apiKey: 'k', model: 'a/default' });
    expect((await provider.getModel('x/y:free')).origin).toMatchObject({ provider: 'openrouter', model: 'x/y:free' });
    expect((await provider.getModel()).origin).toMatchObject({ model: 'a/default' });
    expect(() => createPresetProvider('ollama').getModel()).toThrow(/Ollama model needs a name/);
    expect(() => createPresetProvider('nobody' as 'ollama')).toThrow(/no preset "nobody".*litellm, openrouter/);
  });
});
