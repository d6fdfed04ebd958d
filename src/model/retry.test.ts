import { describe, expect, test } from 'vitest';
import { ModelTimeoutError, UserError } from '../protocol/errors.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetrySettings,
  RetryPolicyContext,
  StreamEvent,
} from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import { ModelError, type ModelAttempt, type RetryHooks } from '../wire/index.ts';
import { retryPolicies } from './retry-policies.ts';
import { callModel, streamModel } from './retry.ts';

const ANSWER: ModelResponse = { usage: new Usage(), output: [], responseId: 'r' };
const STARTED: StreamEvent = { type: 'response_started' };
const DELTA: StreamEvent = { type: 'output_text_delta', delta: 'x' };
const DONE: StreamEvent = {
  type: 'response_done',
  response: { id: 'r', usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 }, output: [] },
};

/** What a scripted model does at one call: fail, or (streamed) emit events and then perhaps fail. */
type Step = { events?: StreamEvent[]; error?: Error; hang?: boolean };

class ScriptedFailures implements Model {
  readonly steps: Step[];
  readonly requests: ModelRequest[] = [];
  readonly advice: ModelRetryAdvice | undefined;
  constructor(steps: Step[], advice?: ModelRetryAdvice) {
    this.steps = [...steps];
    this.advice = advice;
  }
  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    this.requests.push(request);
    const { error, hang } = this.steps.shift() ?? {};
    if (hang) await new Promise(() => undefined);
    if (error !== undefined) throw error;
    return ANSWER;
  }
  async *getStreamedResponse(request: ModelRequest): AsyncGenerator<StreamEvent> {
    this.requests.push(request);
    const { events = [STARTED, DELTA, DONE], error, hang } = this.steps.shift() ?? {};
    yield* events;
    if (hang) await new Promise(() => undefined);
    if (error !== undefined) throw error;
  }
  getRetryAdvice(): ModelRetryAdvice | undefined {
    return this.advice;
  }
}

const request = (retry?: ModelRetrySettings, more: Partial<ModelRequest> = {}): ModelRequest => ({
  input: 'hi',
  modelSettings: retry ? { retry } : {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...more,
});

/** Runs a call with a clock that jumps, and tells how long it waited. */
function bench(random = 0.5): { hooks: RetryHooks; waits: number[]; attempts: ModelAttempt[] } {
  let time = 1000;
  const waits: number[] = [];
  const attempts: ModelAttempt[] = [];
  return {
    waits,
    attempts,
    hooks: {
      now: () => time,
      random: () => random,
      sleep: async (ms) => {
        waits.push(ms);
        time += ms;
      },
      onAttempt: (attempt) => attempts.push(attempt),
    },
  };
}

const boom = Object.assign(new Error('boom'), { status: 500 });
const yes = (): boolean => true;
async function drain(stream: AsyncIterable<StreamEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of stream) seen.push(event.type);
  return seen;
}

describe('a model call', () => {
  test('without retries and without a limit is the model itself', async () => {
    const model = new ScriptedFailures([]);
    const asked = request();
    expect(await callModel(model, asked)).toBe(ANSWER);
    expect(model.requests[0]).toBe(asked);
    const stream = model.getStreamedResponse;
    let made: AsyncIterable<StreamEvent> | undefined;
    model.getStreamedResponse = (r) => (made = stream.call(model, r)) as AsyncGenerator<StreamEvent>;
    expect(streamModel(model, asked)).toBe(made);
  });

  test.each<[string, ModelRetrySettings | undefined]>([
    ['nothing', undefined],
    ['only maxRetries', { maxRetries: 3 }],
    ['only a policy', { policy: yes }],
    ['maxRetries of 0', { maxRetries: 0, policy: yes }],
    ['a policy that says no', { maxRetries: 3, policy: () => false }],
  ])('is not retried with %s', async (_name, retry) => {
    for (const stream of [false, true]) {
      const model = new ScriptedFailures([{ events: [], error: boom }]);
      const call = stream
        ? drain(streamModel(model, request(retry), bench().hooks))
        : callModel(model, request(retry), bench().hooks);
      await expect(call).rejects.toBe(boom);
      expect(model.requests).toHaveLength(1);
    }
  });

  test('is retried as often as allowed, then rejects with the last error itself', async () => {
    const last = new Error('last');
    const model = new ScriptedFailures([{ error: boom }, { error: boom }, { error: last }, {}]);
    await expect(callModel(model, request({ maxRetries: 2, policy: yes }), bench().hooks)).rejects.toBe(last);
    expect(model.requests).toHaveLength(3);
  });

  test('waits 250 ms, doubled each time, at most 2 s, give or take 12.5 %', async () => {
    const waits = async (random: number, backoff?: ModelRetrySettings['backoff']): Promise<number[]> => {
      const at = bench(random);
      const model = new ScriptedFailures(Array.from({ length: 5 }, () => ({ error: boom })));
      await callModel(model, request({ maxRetries: 5, policy: yes, ...(backoff && { backoff }) }), at.hooks);
      return at.waits;
    };
    expect(await waits(0.5)).toEqual([250, 500, 1000, 2000, 2000]);
    expect(await waits(0)).toEqual([219, 438, 875, 1750, 1750]);
    expect(await waits(0.999999)).toEqual([281, 562, 1125, 2250, 2250]);
    expect(await waits(0, { jitter: false })).toEqual([250, 500, 1000, 2000, 2000]);
    expect(await waits(0.5, { initialDelayMs: 10, multiplier: 3, maxDelayMs: 100 })).toEqual([10, 30, 90, 100, 100]);
  });

  test('waits what the policy says, else what the server says, before its own backoff', async () => {
    const slow = new ModelError('slow', { kind: 'rate_limit', retryable: true, status: 429, retryAfterMs: 7000 });
    for (const [policy, wait] of [
      [() => ({ retry: true, delayMs: 5 }), 5],
      [yes, 7000],
      [retryPolicies.retryAfter(), 7000],
      [() => ({ retry: true, delayMs: -5 }), 0],
    ] as const) {
      const at = bench();
      await callModel(new ScriptedFailures([{ error: slow }]), request({ maxRetries: 1, policy }), at.hooks);
      expect(at.waits).toEqual([wait]);
    }
  });

  test('reports each attempt with its start, its error and the wait after it', async () => {
    const at = bench();
    await callModel(
      new ScriptedFailures([{ error: boom }, { error: boom }]),
      request({ maxRetries: 2, policy: yes }),
      at.hooks,
    );
    expect(at.attempts).toEqual([
      { startedAt: 0, error: boom, delayMs: 250 },
      { startedAt: 250, error: boom, delayMs: 500 },
      { startedAt: 750 },
    ]);
  });

  test('tells the policy what is known of the error', async () => {
    const seen: RetryPolicyContext[] = [];
    const model = new ScriptedFailures([{ error: boom }], {
      suggested: true,
      replaySafety: 'safe',
      responseStarted: false,
    });
    const policy = (context: RetryPolicyContext): boolean => seen.push(context) > 0;
    await callModel(model, request({ maxRetries: 2, policy }, { conversationId: 'c' }), bench().hooks);
    expect(seen).toEqual([
      {
        error: boom,
        attempt: 1,
        maxRetries: 2,
        stream: false,
        providerAdvice: { suggested: true, replaySafety: 'safe', responseStarted: false },
        normalized: { statusCode: 500, isNetworkError: false, isAbort: false },
        conversationId: 'c',
        replaySafety: 'safe',
        responseStarted: false,
        statefulRequest: true,
      },
    ]);
  });

  const approve = (): object => ({ retry: true, approveUnsafeReplay: true });
  test.each([
    ['a plain request', {}, undefined, yes, true],
    ['a plain request that is unsafe to repeat', {}, { replaySafety: 'unsafe' }, yes, false],
    ['an unsafe request with approval', {}, { replaySafety: 'unsafe' }, approve, true],
    ['a stateful request', { previousResponseId: 'p' }, undefined, yes, false],
    ['a stateful request that the provider calls safe', { conversationId: 'c' }, { replaySafety: 'safe' }, yes, true],
    ['a stateful request that the provider only suggests', { conversationId: 'c' }, { suggested: true }, yes, false],
    ['a stateful request with approval', { previousResponseId: 'p' }, undefined, approve, true],
  ] as [string, Partial<ModelRequest>, ModelRetryAdvice | undefined, ModelRetrySettings['policy'], boolean][])(
    'of %s: retried where that is safe',
    async (_name, more, advice, policy, retried) => {
      const model = new ScriptedFailures([{ error: boom }], advice);
      const call = callModel(model, request({ maxRetries: 1, ...(policy && { policy }) }, more), bench().hooks);
      if (retried) expect(await call).toBe(ANSWER);
      else await expect(call).rejects.toBe(boom);
    },
  );

  test('that was aborted is not retried and the policy is not asked', async () => {
    let asked = 0;
    const policy = (): boolean => ++asked > 0;
    for (const error of [new DOMException('a', 'AbortError'), Object.assign(new Error('x'), { name: 'AbortError' })]) {
      const model = new ScriptedFailures([{ error }]);
      await expect(callModel(model, request({ maxRetries: 3, policy }), bench().hooks)).rejects.toBe(error);
    }
    const aborted = AbortSignal.abort(new Error('mine'));
    const model = new ScriptedFailures([{ error: boom }]);
    await expect(callModel(model, request({ maxRetries: 3, policy }, { signal: aborted }), bench().hooks)).rejects.toBe(
      boom,
    );
    expect(asked).toBe(0);
  });

  test('that is aborted during the wait rejects with the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('mine');
    const policy = (): object => ({ retry: true, delayMs: 60_000 });
    const model = new ScriptedFailures([{ error: boom }, {}]);
    const hooks: RetryHooks = { onAttempt: () => queueMicrotask(() => controller.abort(reason)) };
    await expect(
      callModel(model, request({ maxRetries: 1, policy } as ModelRetrySettings, { signal: controller.signal }), hooks),
    ).rejects.toBe(reason);
    expect(model.requests).toHaveLength(1);
  });
});

describe('a streamed call', () => {
  const retry: ModelRetrySettings = { maxRetries: 1, policy: yes };

  test.each<[string, StreamEvent[]]>([
    ['before any event', []],
    ['after response_started alone', [STARTED]],
  ])('that fails %s is retried, and the stream shows one answer', async (_name, events) => {
    const model = new ScriptedFailures([{ events, error: boom }]);
    expect(await drain(streamModel(model, request(retry), bench().hooks))).toEqual([
      'response_started',
      'output_text_delta',
      'response_done',
    ]);
    expect(model.requests).toHaveLength(2);
  });

  test.each<[string, StreamEvent]>([
    ['text', DELTA],
    ['a raw event', { type: 'model', event: { type: 'x' } }],
    ['the end', DONE],
  ])('that fails after %s is not retried', async (_name, event) => {
    const model = new ScriptedFailures([{ events: [STARTED, event], error: boom }]);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { type } of streamModel(model, request(retry), bench().hooks)) seen.push(type);
    })();
    await expect(reading).rejects.toBe(boom);
    expect(seen).toEqual(['response_started', event.type]);
    expect(model.requests).toHaveLength(1);
  });

  test('that the reader leaves is closed', async () => {
    let closed = false;
    const model = new ScriptedFailures([]);
    model.getStreamedResponse = async function* () {
      try {
        yield STARTED;
        yield DELTA;
        yield DONE;
      } finally {
        closed = true;
      }
    };
    for await (const _event of streamModel(model, request(retry), bench().hooks)) break;
    await Promise.resolve();
    expect(closed).toBe(true);
  });
});

describe('timeoutMs', () => {
  const timed = (retry?: ModelRetrySettings): ModelRequest =>
    request(undefined, { modelSettings: { timeoutMs: 5, ...(retry && { retry }) } });

  test('ends an attempt even of a model that does not listen to its signal', async () => {
    await expect(callModel(new ScriptedFailures([{ hang: true }]), timed())).rejects.toBeInstanceOf(ModelTimeoutError);
    const model = new ScriptedFailures([{ events: [STARTED, DELTA], hang: true }]);
    await expect(drain(streamModel(model, timed()))).rejects.toMatchObject({ code: 'ETIMEDOUT', timeoutMs: 5 });
  });

  test('tells the model through its signal', async () => {
    const model = new ScriptedFailures([]);
    model.getResponse = ({ signal }) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    await expect(callModel(model, timed())).rejects.toBeInstanceOf(ModelTimeoutError);
  });

  test('is for each attempt, and an attempt that ran out of time is repeated with approval only', async () => {
    const at = bench();
    const plain = callModel(new ScriptedFailures([{ hang: true }]), timed({ maxRetries: 1, policy: yes }), at.hooks);
    await expect(plain).rejects.toBeInstanceOf(ModelTimeoutError);
    const policy = ({ normalized }: RetryPolicyContext): object => ({
      retry: normalized.isNetworkError,
      approveUnsafeReplay: true,
    });
    const approved = callModel(
      new ScriptedFailures([{ hang: true }]),
      timed({ maxRetries: 1, policy } as ModelRetrySettings),
      at.hooks,
    );
    expect(await approved).toBe(ANSWER);
  });

  test('does not hide the abort of the caller', async () => {
    const controller = new AbortController();
    const reason = new Error('mine');
    const asked = { ...request(undefined, { modelSettings: { timeoutMs: 60_000 } }), signal: controller.signal };
    const call = callModel(new ScriptedFailures([{ hang: true }]), asked);
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 3e9])('of %s is refused by name', async (timeoutMs) => {
    await expect(
      callModel(new ScriptedFailures([]), request(undefined, { modelSettings: { timeoutMs } })),
    ).rejects.toThrow(`modelSettings.timeoutMs is ${timeoutMs}. Give milliseconds above 0`);
    await expect(
      drain(streamModel(new ScriptedFailures([]), request(undefined, { modelSettings: { timeoutMs } }))),
    ).rejects.toBeInstanceOf(UserError);
  });
});
