import { describe, expect, test } from 'vitest';
import {
  Agent,
  createPrices,
  createRouter,
  enableMetrics,
  handoff,
  memoryLog,
  MemorySession,
  observationOf,
  run,
  Runner,
  RunState,
  RunStore,
  setDefaultPrices,
  spansOf,
  stateOfError,
  SummarizingSession,
  tool,
  Usage,
  type Model,
  type ModelRequest,
  type ModelResponse,
  type RunObservation,
} from '../index.ts';
import { assistantMessage, functionCall, modelResponse, ScriptedModel } from '../testing/index.ts';
import { ModelError } from '../wire/index.ts';

/** One dollar a million tokens in, two out: 1,000 and 2,000 nano-dollars a token. */
const prices = createPrices({
  catalog: false,
  models: { 'acme/small': { input: 1, output: 2 }, 'acme/large': { input: 10, output: 20 } },
});

const INPUT = {
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
  additionalProperties: false,
} as const;

const used = (tokens: number): Usage =>
  new Usage({ inputTokens: tokens, outputTokens: tokens, totalTokens: 2 * tokens });
const says = (text: string, tokens = 10): ReturnType<typeof modelResponse> =>
  modelResponse({ output: [assistantMessage(text)], usage: used(tokens) });
const calls = (name: string, tokens = 10): ReturnType<typeof modelResponse> =>
  modelResponse({ output: [functionCall(name, { input: 'x' }, { callId: `c_${name}` })], usage: used(tokens) });

function modelOf(name: string, steps: ConstructorParameters<typeof ScriptedModel>[0]): Model {
  return Object.assign(new ScriptedModel(steps), { origin: { provider: 'acme', api: 'test', model: name } });
}

describe('result.cost', () => {
  test('adds up what the models of all agents cost, by agent and model', async () => {
    const writer = new Agent({ name: 'Writer', model: modelOf('large', [says('done', 100)]) });
    const triage = new Agent({
      name: 'Triage',
      model: modelOf('small', [calls('transfer_to_Writer')]),
      handoffs: [writer],
    });
    const { cost } = await run(triage, 'Hi', { prices });
    const small = { nanoUsd: 30_000, usd: 0.00003, attempts: 1, unpriced: 0, fuzzy: 0 };
    const large = { nanoUsd: 3_000_000, usd: 0.003, attempts: 1, unpriced: 0, fuzzy: 0 };
    expect(cost).toEqual({
      nanoUsd: 3_030_000,
      usd: 0.00303,
      attempts: 2,
      unpriced: 0,
      fuzzy: 0,
      byAgent: { Triage: small, Writer: large },
      byModel: { 'acme/small': small, 'acme/large': large },
    });
  });

  test('includes sub-agents, runs of guardrails and runs of tools, and survives being stored', async () => {
    const checker = new Agent({ name: 'Checker', model: modelOf('small', [says('fine')]) });
    const helper = new Agent({ name: 'Helper', model: modelOf('small', [says('helped')]) });
    const byHand = new Agent({ name: 'ByHand', model: modelOf('small', [says('asked')]) });
    const ask = tool({
      name: 'ask',
      description: 'Asks.',
      parameters: INPUT,
      execute: async () => (await run(byHand, 'Well?')).finalOutput,
    });
    const agent = new Agent({
      name: 'Main',
      model: modelOf('large', [calls('helper'), calls('ask'), says('done')]),
      tools: [helper.asTool({ toolName: 'helper', toolDescription: 'Helps.' }), ask],
      inputGuardrails: [
        {
          name: 'check',
          runInParallel: false,
          execute: async () => ({
            tripwireTriggered: (await run(checker, 'Fine?')).finalOutput !== 'fine',
            outputInfo: null,
          }),
        },
      ],
    });
    const result = await run(agent, 'Hi', { prices });
    const spent = Object.fromEntries(Object.entries(result.cost.byAgent).map(([name, cost]) => [name, cost.nanoUsd]));
    expect(spent).toEqual({ Main: 900_000, Checker: 30_000, Helper: 30_000, ByHand: 30_000 });
    expect(result.cost).toMatchObject({ attempts: 6, unpriced: 0 });
    const again = await RunState.fromString(agent, result.state.toString());
    expect(again.cost).toEqual(result.cost);
  });

  test('counts what has no price as unpriced, and leaves the amount undefined', async () => {
    const agent = new Agent({ name: 'A', model: modelOf('unheard-of', [says('x')]) });
    expect((await run(agent, 'Hi', { prices })).cost).toMatchObject({
      nanoUsd: undefined,
      usd: undefined,
      attempts: 1,
      unpriced: 1,
    });
    const plain = new Agent({ name: 'A', model: new ScriptedModel([says('x')]) });
    expect((await run(plain, 'Hi')).cost).toMatchObject({
      nanoUsd: undefined,
      attempts: 1,
      unpriced: 1,
      byModel: { unknown: {} },
    });
  });

  test('counts failed attempts: a refusal by the server is free, a lost answer is not known', async () => {
    const busy = new ModelError('busy', { kind: 'overloaded', retryable: true, status: 503 });
    const lost = new ModelError('lost', { kind: 'truncated_stream', retryable: true, responseStarted: true });
    const model = modelOf('small', [{ type: 'error', error: busy }, { type: 'error', error: lost }, says('x')]);
    const retry = { maxRetries: 3, policy: () => ({ retry: true, delayMs: 0, approveUnsafeReplay: true }) };
    const { cost, state } = await run(new Agent({ name: 'A', model, modelSettings: { retry } }), 'Hi', { prices });
    expect(cost).toMatchObject({ nanoUsd: 30_000, attempts: 3, unpriced: 1 });
    const again = modelOf('small', [{ type: 'error', error: busy }, says('x')]);
    const streamed = await run(new Agent({ name: 'A', model: again, modelSettings: { retry } }), 'Hi', {
      prices,
      stream: true,
    });
    await streamed.completed;
    expect(streamed.cost).toMatchObject({ nanoUsd: 30_000, attempts: 2, unpriced: 0 });
    const replied = state.events.find(({ type }) => type === 'model.replied');
    expect(replied).toMatchObject({
      attempts: [
        { error: { code: 'model/overloaded' }, nanoUsd: 0, delayMs: 0 },
        { error: { code: 'model/truncated_stream' } },
        { origin: { model: 'small' }, usage: { inputTokens: 10 }, nanoUsd: 30_000, price: { id: 'own:acme/small' } },
      ],
    });
  });

  test('is of the agent that took over, also where the handoff ran user code', async () => {
    const writer = new Agent({ name: 'Writer', model: modelOf('large', [says('done')]) });
    const heard = handoff(writer, { onHandoff: () => undefined });
    const triage = new Agent({
      name: 'Triage',
      model: modelOf('small', [calls('transfer_to_Writer')]),
      handoffs: [heard],
    });
    const { byAgent } = (await run(triage, 'Hi', { prices })).cost;
    expect(byAgent).toMatchObject({ Triage: { attempts: 1 }, Writer: { attempts: 1, nanoUsd: 300_000 } });
  });

  test('of a run that was aborted has what its sub-agent spent before', async () => {
    const controller = new AbortController();
    let asked = 0;
    const slow: Model = Object.assign(modelOf('large', []), {
      getResponse: async (request: ModelRequest) => {
        if (asked++ === 0) return { output: [functionCall('look', { input: 'x' }, { callId: 'l' })], usage: used(100) };
        controller.abort();
        throw request.signal?.reason;
      },
    });
    const look = tool({ name: 'look', description: '', parameters: INPUT, execute: () => 'seen' });
    const helper = new Agent({ name: 'Helper', model: slow, tools: [look] });
    const agent = new Agent({
      name: 'Main',
      model: modelOf('small', [calls('helper')]),
      tools: [helper.asTool({ toolName: 'helper' })],
    });
    const error = await run(agent, 'Hi', { prices, signal: controller.signal }).catch((thrown: unknown) => thrown);
    const state = stateOfError(error);
    expect(state?.cost).toMatchObject({ attempts: 3, unpriced: 1, byAgent: { Helper: { nanoUsd: 3_000_000 } } });
    const again = await RunState.fromString(agent, state?.toString() ?? '');
    expect([again.cost, again.usage.inputTokens]).toEqual([state?.cost, state?.usage.inputTokens]);
  });

  test('counts a call that a crash cut off, and that was asked again, as one of unknown cost', async () => {
    const log = memoryLog();
    let isAsked = (): void => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const hangs = Object.assign(modelOf('small', []), { getResponse: () => (isAsked(), new Promise<never>(() => {})) });
    const first = new RunStore({ log });
    void run(new Agent({ name: 'A', model: hangs }), 'Hi', { prices, durable: { store: first, runId: 'r1' } }).catch(
      () => undefined,
    );
    await asked;
    await first.drain({ timeoutMs: 1 });
    const agent = new Agent({ name: 'A', model: modelOf('small', [says('done')]) });
    const { cost } = await new RunStore({ log, agents: [agent as never] }).resume('r1', { prices });
    expect(cost).toMatchObject({ nanoUsd: 30_000, attempts: 2, unpriced: 1 });
  });

  test('of sub-agents, guardrails and tools counts where only a router has prices, and finds its routes by name', async () => {
    const models = createRouter({
      prices,
      models: {
        main: modelOf('large', [calls('helper'), calls('ask'), says('done')]),
        other: modelOf('small', [says('fine'), says('helped'), says('asked')]),
      },
    });
    const other = (name: string) => new Agent({ name, model: 'other' });
    const runner = new Runner({ modelProvider: models });
    const byHand = async (name: string) => (await runner.run(other(name), 'Well?')).finalOutput;
    const ask = tool({ name: 'ask', description: '', parameters: INPUT, execute: () => byHand('ByHand') });
    const agent = new Agent({
      name: 'Main',
      model: 'main',
      tools: [other('Helper').asTool({ toolName: 'helper' }), ask],
      inputGuardrails: [
        {
          name: 'check',
          runInParallel: false,
          execute: async () => ({ tripwireTriggered: (await byHand('Checker')) !== 'fine', outputInfo: null }),
        },
      ],
    });
    const { cost } = await runner.run(agent, 'Hi');
    expect(cost).toMatchObject({ nanoUsd: 990_000, attempts: 6, unpriced: 0 });
    // Nobody gave the outer run prices.
    const helper = new Agent({
      name: 'Helper',
      model: createRouter({ prices, models: { a: modelOf('small', [says('x')]) } })('a'),
    });
    const plain = new Agent({
      name: 'Main',
      model: modelOf('large', [calls('helper'), says('done')]),
      tools: [helper.asTool({ toolName: 'helper' })],
    });
    expect((await run(plain, 'Hi')).cost).toMatchObject({ nanoUsd: 30_000, attempts: 3, unpriced: 2 });
  });

  test('has runs that a handoff, a rule for approvals, an error handler or a summary of a session starts', async () => {
    const names = ['ByHandoff', 'ByRule', 'ByHandler', 'Summary'] as const;
    const agents = Object.fromEntries(
      names.map((name) => [name, new Agent({ name, model: modelOf('small', [says('x')]) })]),
    );
    const ask = (name: (typeof names)[number]) => run(agents[name] as Agent, 'Well?');
    const ruled = tool({
      name: 'ruled',
      description: '',
      parameters: INPUT,
      needsApproval: async () => (await ask('ByRule')).finalOutput !== 'x',
      execute: () => 'ok',
    });
    const second = new Agent({ name: 'Second', model: modelOf('large', [calls('ruled')]), tools: [ruled] });
    const first = new Agent({
      name: 'First',
      model: modelOf('large', [calls('transfer_to_Second')]),
      handoffs: [handoff(second, { onHandoff: async () => void (await ask('ByHandoff')) })],
    });
    const session = new SummarizingSession(new MemorySession(), {
      summarizer: agents['Summary'] as Agent,
      maxTokens: 1,
      keepTokens: 0,
    });
    const seen: RunObservation[] = [];
    const metrics = enableMetrics({ alerts: false, onRun: (each) => seen.push(each) });
    const { cost, state } = await run(first, 'Hi', {
      prices,
      session,
      maxTurns: 2,
      errorHandlers: {
        maxTurns: async () => {
          await ask('ByHandler');
          return { finalOutput: 'out of turns' };
        },
      },
    });
    metrics.close();
    expect(cost).toMatchObject({ nanoUsd: 720_000, attempts: 6, unpriced: 0 });
    expect(names.map((name) => cost.byAgent[name]?.nanoUsd)).toEqual([30_000, 30_000, 30_000, 30_000]);
    const whole = { nanoUsd: 720_000, unpriced: 0 };
    expect(seen).toMatchObject([{ ...whole, inputTokens: 60 }]);
    expect(observationOf(state)).toMatchObject(whole);
  });

  test('entries of a call that was tried again add up to its usage, what came from a cache too', async () => {
    const cached = new Usage({ inputTokens: 10, outputTokens: 1, inputTokensDetails: { cached_tokens: 7 } });
    const busy = new ModelError('busy', { kind: 'overloaded', retryable: true, status: 503 });
    const answer = modelResponse({ output: [assistantMessage('x')], usage: cached });
    const retry = { maxRetries: 1, policy: () => ({ retry: true, delayMs: 0 }) };
    const model = modelOf('small', [{ type: 'error', error: busy }, answer]);
    const { usage } = (await run(new Agent({ name: 'A', model, modelSettings: { retry } }), 'Hi')).state;
    expect([usage.requests, usage.inputTokensDetails]).toEqual([2, [{ cached_tokens: 7 }]]);
    expect(usage.requestUsageEntries).toMatchObject([
      { inputTokens: 0 },
      { inputTokens: 10, inputTokensDetails: { cached_tokens: 7 } },
    ]);
  });

  test('of an answer that the run cannot use is what it is, in the task too', async () => {
    for (const stream of [false, true]) {
      const call: ModelResponse['output'][number] = { type: 'shell_call', callId: 's', action: { commands: ['ls'] } };
      const model = modelOf('small', [modelResponse({ output: [call], usage: used(10) })]);
      const running = run(new Agent({ name: 'A', model }), 'Hi', { prices, stream });
      const failing = running.then((result) => ('completed' in result ? result.completed : undefined));
      const state = stateOfError(await failing.catch((error: unknown) => error));
      expect(state?.usage.inputTokens).toBe(10);
      expect(state?.cost).toMatchObject({ nanoUsd: 30_000, attempts: 1, unpriced: 0 });
      const spans = state ? spansOf(state) : [];
      const costs = spans.map(({ spanData, details }) => [spanData.type, details?.nanoUsd]);
      expect(costs).toEqual([
        ['task', 30_000],
        ['agent', undefined],
        ['turn', undefined],
        ['generation', 30_000],
      ]);
    }
  });

  test('without prices leaves no trace in the log', async () => {
    const { state } = await run(new Agent({ name: 'A', model: modelOf('small', [says('x')]) }), 'Hi');
    expect(state.events.find(({ type }) => type === 'model.replied')).not.toHaveProperty('attempts');
  });

  test('uses the prices of the process where a run has none, streamed too', async () => {
    setDefaultPrices(prices);
    try {
      const agent = new Agent({ name: 'A', model: modelOf('small', [says('x')]) });
      const result = await run(agent, 'Hi', { stream: true });
      await result.completed;
      expect(result.cost.nanoUsd).toBe(30_000);
    } finally {
      setDefaultPrices(undefined);
    }
  });
});
