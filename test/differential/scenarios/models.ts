/** Models: which one is used, with which settings, and retries. */
import type { Model, ModelProvider } from '@openai/agents';
import type { Kit, Scenario } from '../kit.ts';
import { call, counted, pause, say } from './parts.ts';

const one = (kit: Kit, name: string) => kit.model([[say(kit, name)]], name);

/** A provider that notes which names it is asked for. */
const provider = (kit: Kit): ModelProvider => ({
  getModel: (name?: string) => {
    kit.log('getModel', name ?? 'none');
    return one(kit, `provided ${name ?? 'default'}`);
  },
});

const httpError = (status: number, headers: Record<string, string> = {}) =>
  Object.assign(new Error(`status ${status}`), { status, headers });

const retry = (kit: Kit, maxRetries: number, policy: unknown = kit.sdk.retryPolicies.httpStatus([503])) => ({
  retry: { maxRetries, policy, backoff: { initialDelayMs: 1, maxDelayMs: 2, jitter: false } },
});

const failing = (kit: Kit, failures: number, modelSettings: unknown, error: () => unknown = () => httpError(503)) =>
  kit.agent({
    name: 'A',
    model: kit.model([
      ...Array.from({ length: failures }, () => kit.testing.modelError(error())),
      [say(kit, 'At last')],
    ]),
    modelSettings,
  });

export const scenarios: Scenario[] = [
  {
    name: 'models: the model of an agent beats the one of the runner',
    play: async (kit) => {
      const runner = kit.runner({ model: one(kit, 'runner model') });
      await kit.run(kit.agent({ name: 'A', model: one(kit, 'agent model') }), 'Hi', { runner });
      await kit.run(kit.agent({ name: 'A' }), 'Hi', { runner });
    },
  },
  {
    name: 'models: names go to the provider',
    play: async (kit) => {
      const modelProvider = provider(kit);
      await kit.run(kit.agent({ name: 'A', model: 'small' }), 'Hi', { runner: kit.runner({ modelProvider }) });
      await kit.run(kit.agent({ name: 'A' }), 'Hi', { runner: kit.runner({ modelProvider, model: 'large' }) });
      await kit.run(kit.agent({ name: 'A' }), 'Hi', { runner: kit.runner({ modelProvider }) });
    },
  },
  {
    name: 'models: settings of the runner are the base, settings of the agent win',
    play: async (kit) => {
      const base = {
        temperature: 0.1,
        topP: 0.5,
        maxTokens: 7,
        providerData: { a: 1, b: 1 },
        reasoning: { effort: 'low' },
        text: { verbosity: 'low' },
      };
      const own = {
        temperature: 0.9,
        maxTokens: undefined,
        providerData: { b: 2 },
        reasoning: { summary: 'auto' },
        parallelToolCalls: false,
      };
      await kit.run(kit.agent({ name: 'A', model: one(kit, 'm'), modelSettings: own }), 'Hi', {
        runner: kit.runner({ modelSettings: base }),
      });
    },
  },
  {
    name: 'models: settings that a model family implies',
    play: async (kit) => {
      const modelProvider = provider(kit);
      for (const model of ['gpt-5', 'gpt-5-mini', 'gpt-5.6-luna', 'gpt-4.1', '']) {
        kit.log('implied', [
          model,
          kit.sdk.getDefaultModelSettings(model),
          kit.sdk.gpt5ReasoningSettingsRequired(model),
        ]);
        await kit.run(kit.agent({ name: 'A', model }), 'Hi', { runner: kit.runner({ modelProvider }) });
      }
      kit.log('default', [kit.sdk.getDefaultModel(), kit.sdk.isGpt5Default()]);
    },
  },
  {
    name: 'models: dynamic instructions, once a turn',
    play: async (kit) => {
      const instructions = async (context: { context: unknown }, agent: { name: string }) => {
        kit.log('instructions', [context.context, agent.name]);
        return `For ${agent.name}`;
      };
      const model = kit.model([[call(kit, 'look')], [say(kit, 'Done')]]);
      await kit.run(kit.agent({ name: 'A', instructions, model, tools: [kit.tool('look')] }), 'Hi', {
        context: { user: 'Ann' },
      });
    },
  },
  {
    name: 'models: instructions that throw',
    play: async (kit) => {
      await kit.run(
        kit.agent({
          name: 'A',
          instructions: () => {
            throw new TypeError('no words');
          },
          model: one(kit, 'm'),
        }),
        'Hi',
      );
    },
  },
  {
    name: 'models: a prompt of the server',
    play: async (kit) => {
      const prompt = { promptId: 'pmpt_1', version: '2', variables: { who: 'Ann' } };
      await kit.run(kit.agent({ name: 'A', prompt, model: one(kit, 'm') }), 'Hi');
      await kit.run(
        kit.agent({ name: 'A', prompt: async () => (kit.log('prompt'), prompt), model: one(kit, 'm'), tools: [] }),
        'Hi',
      );
      await kit.run(kit.agent({ name: 'A', prompt, model: 'named' }), 'Hi', {
        runner: kit.runner({ modelProvider: provider(kit) }),
      });
      await kit.run(kit.agent({ name: 'A', prompt }), 'Hi', { runner: kit.runner({ modelProvider: provider(kit) }) });
    },
  },
  {
    name: 'models: a model that is not there',
    play: async (kit) => {
      const modelProvider = {
        getModel: async () => {
          throw new TypeError('no such model');
        },
      };
      await kit.run(kit.agent({ name: 'A', model: 'gone' }), 'Hi', { runner: kit.runner({ modelProvider }) });
    },
  },
  {
    name: 'retry: none without a policy, none without a count',
    play: async (kit) => {
      await kit.run(failing(kit, 1, { retry: { maxRetries: 3 } }), 'Hi');
      await kit.run(failing(kit, 1, { retry: { policy: () => true } }), 'Hi');
      await kit.run(failing(kit, 1, {}), 'Hi');
    },
  },
  {
    name: 'retry: until it works, usage counts the failures',
    play: async (kit) => void (await kit.run(failing(kit, 2, retry(kit, 3)), 'Hi')),
  },
  {
    name: 'retry: gives up with the last error',
    play: async (kit) => {
      let n = 0;
      await kit.run(
        failing(kit, 3, retry(kit, 1), () => Object.assign(new Error(`failure ${(n += 1)}`), { status: 503 })),
        'Hi',
      );
      await kit.run(
        failing(kit, 1, retry(kit, 2), () => httpError(400)),
        'Hi',
      );
    },
  },
  {
    name: 'retry: what a policy sees',
    play: async (kit) => {
      const policy = (context: {
        error: unknown;
        attempt: number;
        maxRetries: number;
        stream: boolean;
        normalized: unknown;
        replaySafety?: string;
        statefulRequest?: boolean;
      }) => {
        const { error, attempt, maxRetries, stream, normalized, replaySafety, statefulRequest } = context;
        kit.log('policy', [error, attempt, maxRetries, stream, normalized, replaySafety, statefulRequest]);
        return { retry: true, delayMs: 1 };
      };
      await kit.run(
        failing(kit, 1, retry(kit, 2, policy), () => httpError(429, { 'retry-after': '1' })),
        'Hi',
      );
    },
  },
  {
    name: 'retry: policies of the SDK',
    modes: ['plain'],
    play: async (kit) => {
      const { retryPolicies } = kit.sdk;
      const context = (more: object) => ({
        error: new Error('x'),
        attempt: 1,
        maxRetries: 3,
        stream: false,
        normalized: { isAbort: false, isNetworkError: false },
        ...more,
      });
      const policies: Record<string, (context: never) => unknown> = {
        never: retryPolicies.never(),
        suggested: retryPolicies.providerSuggested(),
        network: retryPolicies.networkError(),
        status: retryPolicies.httpStatus([503]),
        after: retryPolicies.retryAfter(),
        any: retryPolicies.any(retryPolicies.networkError(), retryPolicies.httpStatus([503])),
        all: retryPolicies.all(retryPolicies.networkError(), retryPolicies.httpStatus([503])),
      };
      const contexts = {
        nothing: context({}),
        network: context({ normalized: { isNetworkError: true, isAbort: false } }),
        status: context({ normalized: { statusCode: 503, isNetworkError: false, isAbort: false } }),
        both: context({ normalized: { statusCode: 503, isNetworkError: true, isAbort: false } }),
        after: context({ normalized: { retryAfterMs: 7, isNetworkError: false, isAbort: false } }),
        advised: context({ providerAdvice: { suggested: true, retryAfterMs: 5 } }),
        vetoed: context({ providerAdvice: { suggested: false } }),
      };
      for (const [name, policy] of Object.entries(policies)) {
        for (const [when, given] of Object.entries(contexts))
          await kit.attempt(`${name} on ${when}`, () => policy(given as never));
      }
    },
  },
  {
    name: 'retry: not after a stream has begun to speak',
    modes: ['stream'],
    play: async (kit) => {
      const model = kit.model([
        kit.testing.modelStreamResponder(async function* () {
          yield { type: 'output_text_delta' as const, delta: 'Hel' };
          throw httpError(503);
        }),
        [say(kit, 'Hello')],
      ]);
      await kit.run(kit.agent({ name: 'A', model, modelSettings: retry(kit, 3) }), 'Hi');
    },
  },
  {
    name: 'retry: not on a conversation of the server',
    play: async (kit) => {
      await kit.run(failing(kit, 1, retry(kit, 2)), 'Hi', { conversationId: 'conv-1' });
      await kit.run(failing(kit, 1, retry(kit, 2)), 'Hi', { previousResponseId: 'r0' });
    },
  },
  {
    name: 'models: a call that takes too long',
    play: async (kit) => {
      const slow: Model = {
        getResponse: async (request) => {
          await pause(200, request.signal);
          return { output: [say(kit, 'Late')], usage: new kit.sdk.Usage() };
        },
        getStreamedResponse: async function* (request) {
          yield { type: 'response_started' as const };
          await pause(200, request.signal);
        },
      };
      await kit.run(kit.agent({ name: 'A', model: slow, modelSettings: { timeoutMs: 10 } }), 'Hi');
    },
  },
  {
    name: 'models: a timeout that cannot be',
    play: async (kit) => {
      for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31])
        await kit.run(kit.agent({ name: 'A', model: one(kit, 'm'), modelSettings: { timeoutMs } }), 'Hi');
    },
  },
  {
    name: 'models: usage entries and details',
    play: async (kit) => {
      const usage = new kit.sdk.Usage({
        requests: 1,
        inputTokens: 3,
        outputTokens: 2,
        totalTokens: 5,
        inputTokensDetails: { cached_tokens: 1 },
        outputTokensDetails: { reasoning_tokens: 1 },
      });
      const model = kit.model([
        kit.testing.modelResponse({ output: [call(kit, 'look')], usage, responseId: 'r1' }),
        counted(kit, 'r2', [say(kit, 'Done')]),
      ]);
      const { result } = await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Hi');
      kit.log('entries', result?.state.usage.requestUsageEntries);
    },
  },
];
