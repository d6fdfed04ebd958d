import { expect, test } from 'vitest';
import type { ModelRetryAdvice, ModelRetryAdviceRequest } from '../../../src/protocol/model.ts';
import type { ScriptedModel } from '../../../src/testing/index.ts';
import { compare, drain, missingNames, request } from './both.ts';

compare({
  'items made by the helpers': async (kit, see) => {
    await see(() => kit.assistantMessage('x'));
    await see(() => kit.assistantMessage('', { id: 'i', phase: 'commentary', providerData: { q: 1 } }));
    await see(() => kit.functionCall('n', { a: 1 }, { callId: 'c' }));
    await see(() => kit.functionCall('n', '{raw', { callId: 'c', id: 'i', namespace: 'ns', providerData: { z: 1 } }));
    await see(() => kit.modelResponse([]));
    await see(() => kit.modelError('e', { suggested: true }));
    await see(() => kit.modelStream([]));
    await see(() => Object.keys(kit.modelResponder(() => [])));
    await see(() => kit.modelStreamResponder(() => []).type);
  },

  'responses, their default usage and ids': async (kit, see) => {
    const usage = new kit.Usage({ requests: 1, inputTokens: 5 });
    const message = kit.assistantMessage('a');
    const whole = {
      output: [message],
      usage,
      responseId: 'R',
      requestId: 'Q',
      providerData: { x: 1 },
      rawUsage: { y: 1 },
    };
    const model = new kit.ScriptedModel([[message], { output: [message], usage }, whole, whole]);
    for (let i = 0; i < 3; i += 1) await see(() => model.getResponse(request()));
    await see(() => model.getResponse(request({ modelSettings: { preserveRawUsage: true } })));
    await see(() => model.getResponse(request()));
    await see(() => [model.calls.length, model.remainingSteps]);
    model.enqueue([message]);
    await see(() => model.getResponse(request()));
  },

  'errors and responders': async (kit, see) => {
    const error = new Error('boom');
    const model = new kit.ScriptedModel([
      kit.modelError(error),
      kit.modelError('text'),
      kit.modelError(undefined),
      kit.modelResponder(() => {
        throw error;
      }),
      kit.modelResponder(() => 5 as never),
      kit.modelResponder(() => kit.modelResponse([]) as never),
      kit.modelResponder(() => ({ output: [], usage: {} }) as never),
    ]);
    for (let i = 0; i < 8; i += 1) await see(() => model.getResponse(request()));
    const same = await new kit.ScriptedModel([kit.modelError(error)])
      .getResponse(request())
      .catch((e: unknown) => e === error);
    await see(() => same);
  },

  'inputs that are no steps': async (kit, see) => {
    const usage = new kit.Usage();
    const inputs: unknown[] = [
      5,
      'x',
      null,
      undefined,
      () => [],
      {},
      { type: 'zzz' },
      { type: 5 },
      kit.assistantMessage('x'),
      { output: [] },
      { usage },
      { output: 5, usage },
      { output: [], usage: {} },
      { output: [], usage: { ...usage, add() {} } },
      { type: 'response' },
      { type: 'response', response: null },
      { type: 'response', response: { output: [] } },
      { type: 'error' },
      { type: 'error', error: undefined },
      { type: 'responder' },
      { type: 'responder', respond: 5 },
      { type: 'stream' },
      { type: 'stream', events: 5 },
      { type: 'stream', events: 'abc' },
      { type: 'stream_responder' },
      { type: 'other', output: [], usage },
      [5],
      [{}],
    ];
    for (const input of inputs) {
      await see(() => new kit.ScriptedModel([[kit.assistantMessage('fine')], input as never]).remainingSteps);
    }
    const model = new kit.ScriptedModel();
    await see(() => model.enqueue([], 5 as never));
    await see(() => model.remainingSteps);
    await see(() => model.assertComplete());
    model.enqueue([], []);
    await see(() => model.assertComplete());
    await see(() => new kit.ScriptedModel([[]]).assertComplete());
  },

  'snapshots of requests': async (kit, see) => {
    class Custom {
      x = 1;
    }
    const keep = {
      custom: new Custom(),
      fn: () => 1,
      date: new Date(0),
      map: new Map([[1, 2]]),
      url: new URL('http://a/b'),
    };
    const copy = {
      bytes: new Uint8Array([1, 2]),
      buffer: Buffer.from('ab'),
      bare: Object.assign(Object.create(null), { z: 1 }),
    };
    const circle: Record<string, unknown> = { deep: { n: 1 } };
    circle.self = circle;
    const content = [{ type: 'input_text' as const, text: 'before' }];
    const item = {
      type: 'message' as const,
      role: 'user' as const,
      content,
      providerData: { ...keep, ...copy, circle, again: circle, sameBytes: copy.bytes },
    };
    const { signal } = new AbortController();
    const policy = () => false;
    const live = request({ input: [item], signal, modelSettings: { retry: { policy } }, tools: [] });
    const model = new kit.ScriptedModel([[], []]);
    await model.getResponse(live);
    content[0] = { type: 'input_text', text: 'after' };
    const call = model.firstCall;
    const sent = call?.request;
    const first = (Array.isArray(sent?.input) ? sent.input[0] : undefined) as typeof item;
    const data = first.providerData as Record<string, unknown>;
    await see(() => [first.content, Object.keys(sent ?? {}), sent?.signal === signal]);
    await see(() => [
      sent?.modelSettings === live.modelSettings,
      sent?.modelSettings.retry?.policy === policy,
      sent?.tools === live.tools,
    ]);
    await see(() =>
      Object.entries({ ...keep, ...copy }).map(([key, value]) => [
        key,
        data[key] === value,
        data[key]?.constructor?.name,
      ]),
    );
    await see(() => [
      data.circle === circle,
      (data.circle as typeof circle).self === data.circle,
      data.again === data.circle,
      data.sameBytes === data.bytes,
    ]);
    await see(() => [call, sent, sent?.input, sent?.modelSettings, model.calls].map((value) => Object.isFrozen(value)));
    const before = model.calls;
    await model.getResponse(live);
    await see(() => [before.length, model.calls.length, model.firstCall === model.calls[0], model.lastCall?.index]);
  },

  'what a responder is shown': async (kit, see) => {
    const model = new kit.ScriptedModel([
      kit.modelResponder(({ request: { input } }) => {
        if (Array.isArray(input)) input.push({ type: 'unknown' });
        return [];
      }),
    ]);
    const live = request({ input: [] });
    await model.getResponse(live);
    await see(() => [live.input.length, model.firstCall?.request.input.length]);
    for (const read of [() => model.firstCall, () => model.lastCall, () => model.calls[0]]) {
      const input = read()?.request.input;
      if (Array.isArray(input)) input.push({ type: 'unknown' });
      await see(() => [read()?.request.input.length, read() === read()]);
    }
  },

  'responses that the test changes afterwards': async (kit, see) => {
    const output = [kit.assistantMessage('x')];
    const whole = { output, usage: new kit.Usage({ requests: 1 }), providerData: { a: { b: 1 } } };
    const model = new kit.ScriptedModel([output, whole, kit.modelResponder(() => whole)]);
    output[0] = kit.assistantMessage('changed');
    output.push(kit.assistantMessage('added'));
    await see(() => model.getResponse(request()));
    const second = await model.getResponse(request());
    await see(() => [second, second.usage === whole.usage, second.usage instanceof kit.Usage]);
    const third = await model.getResponse(request());
    await see(() => [third === whole, third.output === output]);
  },

  'retry advice': async (kit, see) => {
    const error = new Error('e');
    const ask = (
      model: ScriptedModel,
      query: Partial<ModelRetryAdviceRequest>,
    ): Promise<ModelRetryAdvice | undefined> =>
      model.getRetryAdvice({ request: request(), error, stream: false, attempt: 7, ...query });
    const one = new kit.ScriptedModel([kit.modelError(error, { reason: '1' })]);
    const failed = request();
    await see(() => ask(one, {}));
    await one.getResponse(failed).catch(() => {});
    await see(() => ask(one, { stream: true }));
    await see(() => ask(one, { error: 'other' }));
    await see(() => ask(one, {}));
    await see(() => ask(one, { request: failed }));

    const advice = [
      { reason: 'a' },
      undefined,
      ({ attempt }: ModelRetryAdviceRequest) => ({ reason: `try ${attempt}` }),
    ];
    const three = new kit.ScriptedModel(advice.map((entry) => kit.modelError(error, entry)));
    const requests = [request(), request(), request()];
    for (const failing of requests) await three.getResponse(failing).catch(() => {});
    for (const failing of [...requests.reverse(), request()]) await see(() => ask(three, { request: failing }));

    const thrown = new kit.ScriptedModel([
      kit.modelError('s', () => {
        throw error;
      }),
    ]);
    await drain(thrown.getStreamedResponse(failed)).catch(() => {});
    await see(() => ask(thrown, { error: 's', stream: true }));
    await see(() => ask(thrown, { error: 's', stream: true }));
  },
});

test('each published name is there, but those of sandboxes', () => {
  expect(missingNames().filter((name) => !/sandbox/i.test(name))).toEqual([]);
});
