import { describe, expect, test } from 'vitest';
import {
  Agent,
  createPrices,
  createRouter,
  MemorySession,
  run,
  Runner,
  RunState,
  setDefaultModel,
  stateOfError,
  tool,
  Usage,
  type Model,
  type RouterEvent,
} from '../index.ts';
import { failure, FakeModel, type Step } from '../model/router/router.fixture.ts';
import { chatReply, createFakeServer } from '../testing/index.ts';
import { createOpenAIClient, OpenAIChatCompletionsModel } from '../index.ts';

const prices = createPrices({
  catalog: false,
  models: { 'acme/small': { input: 1, output: 2 }, 'acme/large': { input: 10, output: 20 } },
});
const busy = failure('overloaded', { status: 503 });
const make = (more: object, ...steps: Step[]) => {
  const small = new FakeModel('small', ...steps);
  const large = new FakeModel('large');
  const events: RouterEvent[] = [];
  const models = createRouter({
    models: { cheap: [small, large], quality: large },
    retry: { maxAttempts: 1 },
    prices,
    onEvent: (event) => void events.push(event),
    ...more,
  });
  return { models, small, large, events };
};

describe('a run with a router', () => {
  test('keeps all attempts of a call in its one answer, and counts what they cost', async () => {
    for (const stream of [false, true]) {
      const { models } = make({}, { ...busy, events: [] });
      const result = await run(new Agent({ name: 'A', model: models('cheap') }), 'Hi', { stream });
      if ('completed' in result) await result.completed;
      const { state, cost, finalOutput } = result;
      expect(finalOutput).toBe('large says');
      const replies = state.events.filter(({ type }) => type === 'model.replied');
      expect(replies).toHaveLength(1);
      expect(replies[0]).toMatchObject({
        attempts: [
          { target: 'acme/small', error: { code: 'model/overloaded' }, nanoUsd: 0 },
          {
            target: 'acme/large',
            usage: { inputTokens: 10, outputTokens: 10 },
            nanoUsd: 300_000,
            price: { id: 'own:acme/large' },
          },
        ],
      });
      expect(cost).toMatchObject({
        nanoUsd: 300_000,
        attempts: 2,
        unpriced: 0,
        byModel: { 'acme/small': { nanoUsd: 0 } },
      });
      // Each attempt was a request.
      expect(state.usage).toMatchObject({ requests: 2, inputTokens: 10, outputTokens: 10 });
    }
  });

  test('counts a refusal once that stands as the answer, because nobody else gave one', async () => {
    const refusal: Model['getResponse'] = async () => ({
      output: [
        { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'refusal', refusal: 'No.' }] },
      ],
      usage: new Usage({ requests: 1, inputTokens: 100, outputTokens: 0, totalTokens: 100 }),
    });
    const small = Object.assign(new FakeModel('small'), { getResponse: refusal });
    const { models } = make({ models: { cheap: { targets: [small], onRefusal: [new FakeModel('large', busy)] } } });
    const failing = run(new Agent({ name: 'A', model: models('cheap') }), 'Hi');
    const state = stateOfError(await failing.catch((thrown: unknown) => thrown));
    expect(state?.cost).toMatchObject({ nanoUsd: 100_000, attempts: 2 });
    expect(state?.usage).toMatchObject({ requests: 2, inputTokens: 100 });
  });

  test('tells of attempts in its log also where all of them failed', async () => {
    const { models } = make({ fallbackOn: [] }, busy);
    const failing = run(new Agent({ name: 'A', model: models('cheap') }), 'Hi');
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'overloaded', state: { cost: { nanoUsd: 0, attempts: 1 } } });
  });

  test('takes its routes by name, as a model, and as the default model', async () => {
    const { models } = make({});
    const runner = new Runner({ modelProvider: models, model: 'quality' });
    expect((await runner.run(new Agent({ name: 'A' }), 'Hi')).finalOutput).toBe('large says');
    expect((await runner.run(new Agent({ name: 'A', model: 'cheap' }), 'Hi')).finalOutput).toBe('small says');
    await expect(runner.run(new Agent({ name: 'A', model: 'qualitee' }), 'Hi')).rejects.toThrow(
      'Did you mean "quality"?',
    );
    process.env['OPENAI_DEFAULT_MODEL'] = 'nothing';
    setDefaultModel(models('quality'));
    try {
      expect((await run(new Agent({ name: 'A' }), 'Hi')).finalOutput).toBe('large says');
    } finally {
      setDefaultModel(undefined);
      delete process.env['OPENAI_DEFAULT_MODEL'];
    }
  });

  test('stays with the target that answered last in a session', async () => {
    const { models, small } = make({ breaker: { configErrorMs: 0 } }, failure('auth'));
    const session = new MemorySession();
    const agent = new Agent({ name: 'A', model: models('cheap') });
    for (let n = 0; n < 3; n++) expect((await run(agent, 'Hi', { session })).finalOutput).toBe('large says');
    expect(small.asked).toBe(1);
    expect((await run(agent, 'Hi')).finalOutput).toBe('small says');
  });

  test('counts runs of guardrails and tools without prices of its own', async () => {
    const { models } = make({});
    const checker = new Agent({ name: 'Checker', model: models('cheap') });
    const agent = new Agent({
      name: 'A',
      model: models('quality'),
      inputGuardrails: [
        { name: 'g', execute: async () => ({ tripwireTriggered: (await run(checker, 'x')).finalOutput === '' }) },
      ],
    });
    const { cost } = await run(agent, 'Hi');
    expect(cost.byAgent).toMatchObject({ A: { nanoUsd: 300_000 }, Checker: { nanoUsd: 30_000 } });
  });

  test('that was cut off in the middle of a chain begins again, at most maxRecoveries times', async () => {
    const { models, small } = make({ maxRecoveries: 2 });
    const agent = new Agent({ name: 'A', model: models('cheap') });
    const { state } = await run(agent, 'Hi');
    const envelope = JSON.parse(state.toString()) as { run: { events: { type: string }[] } };
    // As a crash leaves it: asked, not answered.
    const asked = envelope.run.events.findIndex((event) => event.type === 'model.replied');
    envelope.run.events = envelope.run.events.slice(0, asked);
    for (let crashes = 0; crashes < 2; crashes++) {
      const revived = await RunState.fromString(agent, JSON.stringify(envelope));
      expect((await run(agent, revived)).finalOutput).toBe('small says');
      const again = { type: 'effect.requested', effect: { do: 'call_model', id: 'm1', k: 1, attempt: 2 + crashes } };
      envelope.run.events.push({ type: 'run.recovered' }, again);
    }
    const asks = small.asked;
    const revived = await RunState.fromString(agent, JSON.stringify(envelope));
    await expect(run(agent, revived)).rejects.toThrow('cut off 3 times');
    expect(small.asked).toBe(asks);
  });
});

test('costs that a gateway reports are taken, from its header and from its usage', async () => {
  await using server = await createFakeServer();
  const reply = chatReply({ text: 'x', usage: { input: 10, output: 10 } });
  const body = reply.json(1) as { usage: object };
  server.reply({ reply, headers: { 'x-litellm-response-cost': '0.00002' } });
  server.reply({ body: { ...body, usage: { ...body.usage, cost: 0.00003 } } });
  const events = reply
    .events(1)
    .map(({ data }) =>
      typeof data === 'object' && 'usage' in data && data.usage
        ? { data: { ...data, usage: { ...data.usage, cost: 0.00004 } } }
        : { data },
    );
  server.reply({ events });
  const model = new OpenAIChatCompletionsModel(
    createOpenAIClient({ apiKey: 'k', baseURL: server.baseURL }),
    'anthropic/claude',
  );
  const agent = new Agent({ name: 'A', model: createRouter({ models: { main: model } })('main') });
  expect((await run(agent, 'Hi')).cost.nanoUsd).toBe(20_000);
  expect((await run(agent, 'Hi')).cost.nanoUsd).toBe(30_000);
  const streamed = await run(agent, 'Hi', { stream: true });
  await streamed.completed;
  expect(streamed.cost.nanoUsd).toBe(40_000);
  expect(streamed.rawResponses[0]).not.toHaveProperty('rawUsage');
});

test('tools of a route run once, whatever was retried', async () => {
  await using server = await createFakeServer();
  server.reply(
    { status: 503, body: {} },
    chatReply([{ name: 'count', arguments: {} }]),
    { status: 500, body: {} },
    chatReply('done'),
  );
  let ran = 0;
  const count = tool({
    name: 'count',
    description: 'Counts.',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    execute: () => (ran += 1),
  });
  const model = new OpenAIChatCompletionsModel(createOpenAIClient({ apiKey: 'k', baseURL: server.baseURL }), 'm');
  const models = createRouter({ models: { main: model }, retry: { initialDelayMs: 0 } });
  expect((await run(new Agent({ name: 'A', model: models('main'), tools: [count] }), 'Hi')).finalOutput).toBe('done');
  expect([ran, server.requests.length]).toEqual([1, 4]);
});
