/** Models as a program sees them: the public names alone, against servers that are real sockets. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  AnthropicProvider,
  AzureOpenAIProvider,
  BudgetExceededError,
  createBudgets,
  createPresetProvider,
  createPrices,
  createResponseCache,
  createRouter,
  LiteLLMModel,
  memoryLedger,
  MemorySession,
  OllamaModel,
  OpenAIProvider,
  OpenRouterModel,
  run,
  Runner,
  RunStore,
  setDefaultModel,
  tool,
  user,
  type RouterEvent,
} from '@baton/agents';
import { memoryLog } from '@baton/agents/log';
import {
  chatReply,
  createFakeServer,
  messagesReply,
  responsesReply,
  type FakeServer,
} from '../../src/testing/index.ts';

const servers: FakeServer[] = [];
async function serve(): Promise<FakeServer> {
  const server = await createFakeServer();
  servers.push(server);
  return server;
}
afterEach(async () => {
  setDefaultModel(undefined);
  vi.unstubAllEnvs();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
const openai = ({ baseURL }: FakeServer, more = {}) => new OpenAIProvider({ apiKey: 'sk-planted-1', baseURL, ...more });

describe('model strings', () => {
  test('settings and verbatim rests reach the wire', async () => {
    const server = await serve();
    server.fallback(chatReply('ok'));
    const models = createRouter({
      providers: { local: openai(server, { useResponses: false }) },
      models: { a: 'local/hf.co/org/model:Q4_K_M@sha256:abc?temperature=0.5&maxTokens=20&topP=0.9' },
    });
    await run(new Agent({ name: 'A', model: models('a') }), 'Hi');
    expect(server.requests[0]?.body).toMatchObject({
      model: 'hf.co/org/model:Q4_K_M@sha256:abc',
      temperature: 0.5,
      top_p: 0.9,
    });
    expect(JSON.stringify(server.requests[0]?.body)).toContain('20');
  });
  test('mistakes say what was meant, at createRouter, setDefaultModel and the start of a run, not in new Agent', async () => {
    const providers = {
      openai: new OpenAIProvider({ apiKey: 'k' }),
      anthropic: new AnthropicProvider({ apiKey: 'k' }),
    };
    expect(() => createRouter({ providers, models: { a: 'antropic/claude' } })).toThrow('anthropic');
    expect(() => createRouter({ providers, models: { a: 'openai/gpt-5.4?efort=low' } })).toThrow('effort');
    expect(() => createRouter({ providers, models: { a: ['openai/gpt-5.4', 'opnai/x'] } })).toThrow('openai');
    expect(() =>
      createRouter({ providers, models: { a: { targets: 'openai/x', onContextWindow: ['opnai/y'] } } }),
    ).toThrow('openai');
    expect(() => setDefaultModel('gpt-5.4?temprature=1')).toThrow('temperature');
    const agent = new Agent({ name: 'A', model: 'antropic/claude-opus-4-7' });
    await expect(run(agent, 'Hi')).rejects.toThrow(/antropic/);
    const models = createRouter({ providers, models: { quality: 'openai/gpt-5.4' } });
    await expect(run(new Agent({ name: 'A', model: 'qualty' }), 'Hi', {} as never)).rejects.toThrow();
    await expect(
      new Runner({ modelProvider: models }).run(new Agent({ name: 'A', model: 'qualty' }), 'Hi'),
    ).rejects.toThrow('quality');
  });
  test('the default: agent, runner, setDefaultModel, environment, in this order', async () => {
    const server = await serve();
    server.fallback(responsesReply('ok'));
    const runner = new Runner({ modelProvider: openai(server) });
    const asked = async (agent: object = {}, r = runner): Promise<unknown> => {
      await r.run(new Agent({ name: 'A', ...agent }), 'Hi');
      return server.requests.at(-1)?.body['model'];
    };
    vi.stubEnv('OPENAI_DEFAULT_MODEL', 'from-env');
    expect(await asked()).toBe('from-env');
    setDefaultModel('from-code');
    expect(await asked()).toBe('from-code');
    const named = new Runner({ modelProvider: openai(server), model: 'from-runner' });
    expect(await asked({}, named)).toBe('from-runner');
    expect(await asked({ model: 'from-agent' }, named)).toBe('from-agent');
    const models = createRouter({ providers: { o: openai(server) }, models: { main: 'o/from-route' } });
    setDefaultModel(models('main'));
    expect(await asked()).toBe('from-route');
    setDefaultModel(undefined);
    expect(await asked()).toBe('from-env');
  });
});

describe('keys', () => {
  test('a key may be given per attempt', async () => {
    const server = await serve();
    server.reply({ status: 500, body: { error: { message: 'x' } } }, chatReply('ok'));
    const seen: unknown[] = [];
    const provider = openai(server, {
      useResponses: false,
      apiKey: (context: { model?: string }) => (seen.push(context.model), `sk-${seen.length}`),
    });
    const models = createRouter({ providers: { o: provider }, models: { m: 'o/x' }, retry: { initialDelayMs: 0 } });
    await run(new Agent({ name: 'A', model: models('m') }), 'Hi');
    expect(server.requests.map(({ headers }) => headers['authorization'])).toEqual(['Bearer sk-1', 'Bearer sk-2']);
    expect(seen).toEqual(['x', 'x']);
  });
  test('breakers, limits and caches are kept per credential', async () => {
    const [one, two] = [await serve(), await serve()];
    one.fallback(chatReply('from one'));
    two.fallback(chatReply('from two'));
    const model = async (server: FakeServer) => openai(server, { useResponses: false }).getModel('x');
    const cache = createResponseCache();
    const answer = async (server: FakeServer, credential: string): Promise<unknown> => {
      const targets = { model: await model(server), credential };
      const { finalOutput } = await run(
        new Agent({ name: 'A', model: createRouter({ models: { main: { targets } }, cache })('main') }),
        'Hi',
      );
      return finalOutput;
    };
    expect(await answer(one, 'customer-1')).toBe('from one');
    expect(await answer(two, 'customer-2')).toBe('from two');
    expect(await answer(two, 'customer-1')).toBe('from one');
    const events: RouterEvent[] = [];
    const bad = await serve();
    bad.fallback({ status: 401, body: { error: { message: 'bad key' } } });
    const both = createRouter({
      models: {
        main: [
          { model: await model(bad), credential: 'a', label: 'a' },
          { model: await model(one), credential: 'b', label: 'b' },
        ],
      },
      onEvent: (event) => void events.push(event),
    });
    const agent = new Agent({ name: 'A', model: both('main') });
    for (let n = 0; n < 3; n++) expect((await run(agent, 'Hi')).finalOutput).toBe('from one');
    expect(bad.requests).toHaveLength(1);
  });
  test('a missing key names its variable and what to do, and a planted one is nowhere', async () => {
    for (const name of [
      'OPENAI_API_KEY',
      'ANTHROPIC_API_KEY',
      'OPENROUTER_API_KEY',
      'AZURE_OPENAI_API_KEY',
      'LITELLM_API_KEY',
    ])
      vi.stubEnv(name, '');
    const failure = async (model: unknown) =>
      run(new Agent({ name: 'A', model: model as never }), 'Hi').then(
        () => '',
        (error: Error) => error.message,
      );
    expect(await failure(await new OpenAIProvider().getModel('x'))).toContain('OPENAI_API_KEY');
    expect(await failure(new AnthropicProvider().getModel('x'))).toContain('ANTHROPIC_API_KEY');
    expect(await failure(new OpenRouterModel({ model: 'x' }))).toContain('OPENROUTER_API_KEY');
    expect(await failure(new AzureOpenAIProvider({ endpoint: 'https://r' }).getModel('x'))).toContain(
      'AZURE_OPENAI_API_KEY',
    );
  });
});

describe('presets', () => {
  test('OpenRouter: cost, app headers, errors within 200', async () => {
    const server = await serve();
    const reply = chatReply({ text: 'ok', usage: { input: 10, output: 5 } });
    const body = {
      ...(reply.json(1) as object),
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, cost: 0.0123 },
    };
    const failed = { error: { message: 'Provider returned error', code: 502 } };
    // OpenAI knows no `usage` in a request.
    server.reply({ body, validate: false }, { body: failed, validate: false });
    const model = new OpenRouterModel({
      apiKey: 'k',
      baseURL: server.baseURL,
      model: 'a/b:free',
      app: { url: 'https://x', title: 'T' },
    });
    const prices = createPrices({ catalog: false });
    const agent = new Agent({ name: 'A', model });
    const { cost } = await run(agent, 'Hi', { prices });
    expect(cost).toMatchObject({ nanoUsd: 12_300_000 });
    expect(server.requests[0]?.headers).toMatchObject({ 'http-referer': 'https://x', 'x-title': 'T' });
    expect(server.requests[0]?.body).toMatchObject({ usage: { include: true } });
    await expect(run(agent, 'Hi')).rejects.toThrow('Provider returned error');
  });
  test('Ollama: calls without ids and with repeated ids, images of others, late system text', async () => {
    const server = await serve();
    const call = (id: string | undefined, city: string) => ({
      ...(id !== undefined && { id }),
      type: 'function',
      function: { name: 'weather', arguments: JSON.stringify({ city }) },
    });
    const body = (message: object, finish_reason: string) => ({
      id: 'c1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    });
    server.reply(
      { body: body({ content: '', tool_calls: [call(undefined, 'Rome'), call(undefined, 'Oslo')] }, 'tool_calls') },
      { body: body({ content: 'done' }, 'stop') },
    );
    const cities: string[] = [];
    const weather = tool({
      name: 'weather',
      description: 'w',
      parameters: z.object({ city: z.string() }),
      execute: ({ city }) => (cities.push(city), `sun in ${city}`),
    });
    const agent = new Agent({
      name: 'A',
      model: new OllamaModel({ baseURL: server.baseURL, apiKey: 'k', model: 'qwen3:8b' }),
      tools: [weather],
    });
    const { finalOutput } = await run(agent, 'Hi');
    expect([finalOutput, cities]).toEqual(['done', ['Rome', 'Oslo']]);
    const sent = server.requests[1]?.body['messages'] as { role: string; tool_call_id?: string; content?: string }[];
    const results = sent.filter(({ role }) => role === 'tool');
    expect(results.map(({ content }) => content)).toEqual(['sun in Rome', 'sun in Oslo']);
    expect(new Set(results.map(({ tool_call_id }) => tool_call_id)).size).toBe(2);
  });
  test('LiteLLM is `new LiteLLMModel({ model, temperature })`', async () => {
    const server = await serve();
    server.fallback(chatReply('ok'));
    const model = new LiteLLMModel({
      model: 'anthropic/claude',
      temperature: 0.3,
      baseURL: server.baseURL,
      apiKey: 'k',
    });
    expect((await run(new Agent({ name: 'A', model }), 'Hi')).finalOutput).toBe('ok');
    expect(server.requests[0]?.body).toMatchObject({ model: 'anthropic/claude', temperature: 0.3 });
  });
});

describe('a conversation that moves', () => {
  test('from Claude with images and files to a local server', async () => {
    const [claude, local] = [await serve(), await serve()];
    claude.fallback(messagesReply({ reasoning: 'hm', text: 'a cat' }));
    local.fallback(chatReply('still a cat'));
    const anthropic = new AnthropicProvider({ apiKey: 'k', baseURL: claude.baseURL });
    const input = [
      {
        type: 'message' as const,
        role: 'user' as const,
        content: [
          { type: 'input_text' as const, text: 'What is this?' },
          { type: 'input_image' as const, image: 'data:image/png;base64,iVBORw0KGgo=' },
          { type: 'input_file' as const, file: 'data:application/pdf;base64,JVBERi0=', filename: 'a.pdf' },
        ],
      },
    ];
    const first = await run(new Agent({ name: 'A', model: anthropic.getModel('claude-opus-4-7') }), input);
    expect(first.finalOutput).toBe('a cat');
    expect(JSON.stringify(claude.requests[0]?.body)).toContain('"document"');
    const ollama = createPresetProvider('ollama', { baseURL: local.baseURL, apiKey: 'k', history: { images: false } });
    const second = await run(new Agent({ name: 'B', model: await ollama.getModel('llava') }), [
      ...first.history,
      user('Sure?'),
    ]);
    expect(second.finalOutput).toBe('still a cat');
    const body = JSON.stringify(local.requests[0]?.body);
    for (const gone of ['iVBORw0KGgo', 'JVBERi0', 'hm"']) expect(body).not.toContain(gone);
  });
});

describe('a router', () => {
  const weak = { description: 'x', name: 'look', parameters: z.object({}), execute: () => 'seen' };
  test('capabilities are data, and overridable by model and by target', async () => {
    const [a, b] = [await serve(), await serve()];
    a.fallback(chatReply('from a'));
    b.fallback(chatReply('from b'));
    const providers = { a: openai(a, { useResponses: false }), b: openai(b, { useResponses: false }) };
    const ask = async (options: object, targets: never) =>
      (
        await run(
          new Agent({
            name: 'A',
            model: createRouter({ providers, models: { m: targets }, ...options })('m'),
            tools: [tool(weak)],
          }),
          'Hi',
        )
      ).finalOutput;
    expect(await ask({}, ['a/x', 'b/y'] as never)).toBe('from a');
    expect(await ask({ capabilities: { 'a/x': { tools: false } } }, ['a/x', 'b/y'] as never)).toBe('from b');
    const over = [{ model: 'a/x', capabilities: { tools: true } }, 'b/y'] as never;
    expect(await ask({ capabilities: { 'a/x': { tools: false } } }, over)).toBe('from a');
  });
  test('attempts name target, origin, usage, cost and the id of the price', async () => {
    const [a, b] = [await serve(), await serve()];
    a.fallback({ status: 503, body: { error: { message: 'overloaded' } } });
    b.fallback(responsesReply({ text: 'ok', usage: { input: 1000, output: 100 } }));
    const models = createRouter({
      providers: { openai: openai(a) },
      models: {
        m: ['openai/gpt-5.4-mini', { model: await openai(b).getModel('gpt-5.4-mini'), label: 'backup' }],
      },
      prices: createPrices(),
      retry: { initialDelayMs: 0, maxAttempts: 2 },
    });
    const log = memoryLog();
    const result = await run(new Agent({ name: 'A', model: models('m') }), 'Hi', {
      durable: { store: new RunStore({ log }), runId: 'r' },
    });
    const model = 'openai/gpt-5.4-mini';
    expect(result.cost).toMatchObject({ nanoUsd: 1_200_000, attempts: 3, unpriced: 0, fuzzy: 0 });
    expect(result.cost.byModel).toMatchObject({ [model]: { nanoUsd: 1_200_000, attempts: 3 } });
    const replied = (await log.read('r'))?.events.find(({ event }) => event.type === 'model.replied')?.event;
    const refused = { target: model, nanoUsd: 0, error: { code: 'model/overloaded' } };
    expect(replied).toMatchObject({
      attempts: [
        refused,
        refused,
        {
          target: 'backup',
          origin: { provider: 'openai', model: 'gpt-5.4-mini' },
          usage: { inputTokens: 1000, outputTokens: 100 },
          nanoUsd: 1_200_000,
          price: { id: 'genai-prices:openai/gpt-5.4-mini' },
        },
      ],
    });
  });
});

describe('budgets', () => {
  test.each([
    ['run', { run: { tokens: 3000 } }],
    ['session', { session: { tokens: 3000 } }],
    ['tenant', { tenant: { tokens: 3000 } }],
    ['agent', { agents: { A: { tokens: 3000 } } }],
    ['model', { models: { 'openai/gpt-5.4-mini': { tokens: 3000 } } }],
  ])('of a %s end the run at the call that does not fit', async (scope, limits) => {
    const server = await serve();
    const look = tool({ name: 'look', description: '', parameters: z.object({}), execute: () => 'seen' });
    server.fallback(
      responsesReply({ toolCalls: [{ name: 'look', arguments: {} }], usage: { input: 500, output: 500 } }),
    );
    const budgets = createBudgets({ ledger: memoryLedger(), limits });
    const agent = new Agent({
      name: 'A',
      model: await openai(server).getModel('gpt-5.4-mini'),
      tools: [look],
      modelSettings: { maxTokens: 1024 },
    });
    const ended = await run(agent, 'Hi', {
      budgets,
      maxTurns: 50,
      ...(scope === 'session' && { session: new MemorySession() }),
    }).catch((error: unknown) => error);
    expect(ended).toBeInstanceOf(BudgetExceededError);
    expect(ended).toMatchObject({ details: { reason: 'exceeded' } });
    expect(server.requests.length).toBeGreaterThan(0);
    expect(server.requests.length).toBeLessThan(4);
  });
});
