import { describe, expect, test } from 'vitest';
import { ModelTimeoutError, UserError } from '../../protocol/errors.ts';
import type { ModelCallAttempt, ModelRequest, StreamEvent } from '../../protocol/model.ts';
import { balance, createRouter, RouteUnavailableError } from './index.ts';
import { bench, failure, FakeModel, requestOf, requestWith, streamedText, textOf } from './router.fixture.ts';

const kinds = (events: { type: string }[]): string[] => events.map(({ type }) => type);

describe('a refusal', () => {
  const route = (...steps: ConstructorParameters<typeof FakeModel>[1][]) => ({
    targets: new FakeModel('a', { refusal: 'no' }),
    onRefusal: [new FakeModel('b', ...steps)],
  });

  test('is the answer where no chain is for it, else another model is asked, streamed too', async () => {
    expect(await textOf(bench({ main: new FakeModel('a', { refusal: 'no' }) }).router('main'))).toBe('refused: no');
    expect(await textOf(bench({ main: route() }).router('main'))).toBe('b says');
    const held: StreamEvent = { type: 'model', event: { type: 'response.refusal.delta', delta: 'no' } };
    const streamed = route();
    streamed.targets.steps[0] = { refusal: 'no', events: [{ type: 'response_started' }, held] };
    expect(await streamedText(bench({ main: streamed }).router('main'))).toBe('b says.');
  });

  test('stays the answer where the others fail', async () => {
    expect(await textOf(bench({ main: route(failure('auth')) }).router('main'))).toBe('refused: no');
    const streamed = route({ ...failure('auth'), events: [] });
    streamed.targets.steps[0] = { refusal: 'no', events: [] };
    expect(await streamedText(bench({ main: streamed }).router('main'))).toBe('.');
    // After words of the other one it is not: nothing is spliced.
    const spliced = route(failure('truncated_stream'));
    spliced.targets.steps[0] = { refusal: 'no', events: [] };
    await expect(streamedText(bench({ main: spliced }).router('main'))).rejects.toMatchObject({
      kind: 'truncated_stream',
    });
  });
});

describe('a stream', () => {
  const delta = (text: string): StreamEvent => ({ type: 'output_text_delta', delta: text });
  const cut = (...events: StreamEvent[]) => ({ events, ...failure('truncated_stream', { responseStarted: true }) });

  test('that fails before its first content is repeated or moved without a trace', async () => {
    const silent: StreamEvent[] = [
      { type: 'response_started' },
      { type: 'model', event: { type: 'response.created' } },
      { type: 'model', event: { choices: [{ delta: { role: 'assistant', content: '' } }] } },
      { type: 'model', event: { type: 'message_start' } },
    ];
    const a = new FakeModel('a', cut(...silent), cut(...silent), cut(...silent));
    const { router } = bench({ main: [a, new FakeModel('b')] });
    expect(await streamedText(router('main'))).toBe('b says.');
  });

  test.each([
    ['text', delta('half ')],
    ['a piece of a call', { type: 'model', event: { type: 'response.function_call_arguments.delta', delta: '{"a' } }],
    [
      'a piece of a call in a chunk',
      { type: 'model', event: { choices: [{ delta: { tool_calls: [{ index: 0 }] } }] } },
    ],
    ['a thought', { type: 'model', event: { type: 'content_block_delta' } }],
    ['something unheard of', { type: 'model', event: { type: 'new.thing' } }],
  ] as [string, StreamEvent][])('that fails after %s is a typed error', async (_what, event) => {
    const b = new FakeModel('b');
    const { router } = bench({ main: [new FakeModel('a', cut(event)), b] });
    await expect(streamedText(router('main'))).rejects.toMatchObject({ kind: 'truncated_stream' });
    expect(b.asked).toBe(0);
  });

  test('may begin anew after content, and says so', async () => {
    const a = new FakeModel('a', cut(delta('half ')), cut(delta('again ')), cut());
    const { router, events } = bench({ main: [a, new FakeModel('b')] }, { midStream: 'restart' });
    expect(await streamedText(router('main'))).toBe('half |again |b says.');
    expect(kinds(events).filter((kind) => kind === 'stream.restarted')).toHaveLength(2);
  });

  test('that ends without its last event is cut off', async () => {
    const a = new FakeModel('a');
    a.getStreamedResponse = async function* () {
      yield delta('half');
    };
    await expect(streamedText(bench({ main: a }).router('main'))).rejects.toMatchObject({ kind: 'truncated_stream' });
  });

  test('that its reader leaves is closed, counts as an attempt, and frees its place', async () => {
    const attempts: ModelCallAttempt[] = [];
    const { router } = bench({ main: { model: new FakeModel('a'), maxConcurrent: 1 } }, { maxQueueMs: 0 });
    for await (const event of router('main').getStreamedResponse(requestWith(attempts)))
      if (event.type === 'output_text_delta') break;
    expect(attempts).toMatchObject([{ target: 'acme/a', error: { name: 'AbortError' } }]);
    expect(await textOf(router('main'))).toBe('a says');
  });
});

describe('a conversation', () => {
  const by = (model: string): ModelRequest['input'] => [
    { type: 'message', role: 'user', content: 'hi' },
    {
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'x' }],
      origin: { provider: 'acme', api: 'test', model },
    },
    { type: 'message', role: 'user', content: 'more' },
  ];

  test('stays with the key that answered, where a pool has several of one model; others share them', async () => {
    const [one, two] = [new FakeModel('m'), new FakeModel('m')];
    const pool = [one, two].map((model, at) => ({ model, label: `key ${at}`, credential: `key ${at}` }));
    const { router } = bench({ main: balance(pool) }, { clock: { random: () => 0.9 } });
    const attempts: ModelCallAttempt[] = [];
    const { output } = await router('main').getResponse(requestWith(attempts));
    await textOf(router('main'), requestWith(attempts, { input: output as never }));
    expect(attempts.map(({ target }) => target)).toEqual(['key 1', 'key 1']);
    // Of another conversation nothing is known: whoever has less to do.
    one.steps.push({ wait: new Promise(() => undefined) });
    const other = () => requestOf({ input: output as never });
    void textOf(router('main'), other());
    await new Promise((resolve) => setImmediate(resolve));
    await textOf(router('main'), other());
    expect([one.asked, two.asked]).toEqual([1, 3]);
  });

  test('stays with whoever answered last, as its items say', async () => {
    const { router } = bench({
      main: [new FakeModel('a'), new FakeModel('b')],
      pool: balance([new FakeModel('a'), new FakeModel('c')]),
    });
    expect(await textOf(router('main'), requestOf({ input: by('b') }))).toBe('b says');
    expect(await textOf(router('pool'), requestOf({ input: by('c') }))).toBe('c says');
    expect(await textOf(router('main'), requestOf({ input: by('unknown') }))).toBe('a says');
    const loose = bench({ main: [new FakeModel('a'), new FakeModel('b')] }, { sticky: false });
    expect(await textOf(loose.router('main'), requestOf({ input: by('b') }))).toBe('a says');
  });

  test('stays by session and agent where the items do not say who spoke', async () => {
    const { router } = bench(
      { main: [new FakeModel('a', failure('auth')), new FakeModel('b')] },
      { breaker: { configErrorMs: 0 } },
    );
    const call = (sessionId: string, agent: string) =>
      requestOf({ call: { id: 'x', runId: 'r', agent, sessionId, recoveries: 0, onAttempt: () => undefined } });
    expect(await textOf(router('main'), call('s', 'A'))).toBe('b says');
    expect(await textOf(router('main'), call('s', 'A'))).toBe('b says');
    expect(await textOf(router('main'), call('s', 'B'))).toBe('a says');
    expect(await textOf(router('main'), call('t', 'A'))).toBe('a says');
  });

  test.each([{ previousResponseId: 'p' }, { conversationId: 'c' }])(
    'that a server holds (%j) is never moved',
    async (held) => {
      const a = new FakeModel('a', failure('rate_limit', { retryAfterMs: 100 }), failure('server'));
      const b = new FakeModel('b');
      const { router } = bench({ main: [a, b], pool: balance([a, b]) });
      // Refused before anything was done: the same target may be asked again. After a failure in the middle it may not.
      await expect(textOf(router('main'), requestOf(held))).rejects.toMatchObject({ kind: 'server' });
      expect([a.asked, b.asked]).toEqual([2, 0]);
    },
  );
});

describe('time limits', () => {
  const real = { clock: {} };
  test('timeoutMs spans all attempts and the waits between them', async () => {
    const a = new FakeModel('a', failure('server'), { hang: true });
    const { router } = bench({ main: [a, new FakeModel('b')] }, { ...real, retry: { initialDelayMs: 1 } });
    // With too little left for another attempt it would go to the next target: enough for a machine that is busy.
    const call = textOf(router('main'), requestOf({ modelSettings: { timeoutMs: 500 } }));
    await expect(call).rejects.toBeInstanceOf(ModelTimeoutError);
    expect(a.asked).toBe(2);
  });

  test('timeouts.totalMs holds for plain and streamed calls of models that do not listen', async () => {
    for (const ask of [textOf, streamedText]) {
      const { router } = bench(
        { main: new FakeModel('a', { hang: true, events: [] }) },
        { ...real, timeouts: { totalMs: 10 } },
      );
      await expect(ask(router('main'))).rejects.toMatchObject({ code: 'ETIMEDOUT', timeoutMs: 10 });
    }
  });

  test.each([
    ['headersMs', []],
    ['firstTokenMs', [{ type: 'response_started' }]],
  ] as [string, StreamEvent[]][])('%s moves a silent stream on', async (limit, events) => {
    const a = new FakeModel('a', { hang: true, events }, { hang: true, events });
    const { router } = bench(
      { main: [a, new FakeModel('b')] },
      { ...real, timeouts: { [limit]: 10 }, retry: { maxAttempts: 1 } },
    );
    expect(await streamedText(router('main'))).toBe('b says.');
  });

  test('idleMs ends a stream that goes silent in the middle', async () => {
    const a = new FakeModel('a', { hang: true, events: [{ type: 'output_text_delta', delta: 'x' }] });
    const { router } = bench({ main: a }, { ...real, timeouts: { idleMs: 10 } });
    await expect(streamedText(router('main'))).rejects.toMatchObject({ kind: 'timeout', responseStarted: true });
  });

  test('an abort ends attempt, wait and queue with its own reason', async () => {
    const reason = new Error('mine');
    const hanging = new FakeModel('a');
    hanging.getResponse = ({ signal }) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    const waiting = new FakeModel('b', failure('server'));
    const busy = { model: hanging, maxConcurrent: 1 };
    const { router } = bench(
      { attempt: hanging, wait: waiting, queue: busy },
      { ...real, retry: { initialDelayMs: 60_000, maxDelayMs: 60_000 }, maxQueueMs: 60_000 },
    );
    for (const route of ['attempt', 'wait', 'queue']) {
      const controller = new AbortController();
      const first = route === 'queue' ? textOf(router('queue'), requestOf({ signal: controller.signal })) : undefined;
      const call = textOf(router(route), requestOf({ signal: controller.signal }));
      setTimeout(() => controller.abort(reason), 5);
      await expect(call).rejects.toBe(reason);
      await first?.catch(() => undefined);
    }
    await expect(textOf(router('attempt'), requestOf({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
  });
});

describe('a target', () => {
  const tool = { type: 'function', name: 'f', description: '', parameters: {}, strict: false } as never;
  const image = [
    { type: 'message', role: 'user', content: [{ type: 'input_image', image: 'https://x/y.png' }] },
  ] as never;
  test.each([
    [{ tools: false }, { tools: [tool] }],
    [{ hostedTools: false }, { tools: [{ type: 'hosted_tool', name: 'web' } as never] }],
    [{ structuredOutput: false }, { outputType: { type: 'json_schema' } as never }],
    [{ vision: false }, { input: image }],
    [{ contextWindow: 100 }, { input: 'x'.repeat(900) }],
  ])('without a capability (%j) is passed over', async (capabilities, more) => {
    const a = new FakeModel('a');
    const { router, events } = bench({ main: [{ model: a, capabilities }, new FakeModel('b')] });
    expect(await textOf(router('main'), requestOf(more))).toBe('b says');
    expect(events[0]).toMatchObject({ type: 'skipped', because: Object.keys(capabilities)[0] });
    expect(await textOf(router('main'))).toBe('a says');
  });

  test('that its provider does not find is passed over; a mistake in its name is not', async () => {
    const find = (name: string): Promise<FakeModel> | FakeModel => {
      if (name === 'b') return new FakeModel('b');
      throw name === 'gone' ? new Error('no such deployment') : new UserError('no such name');
    };
    const providers = { x: find };
    const { router, events } = bench(
      { main: ['x/gone', 'x/b'], only: 'x/gone', wrong: ['x/wrong', 'x/b'] },
      { providers },
    );
    expect(await textOf(router('main'))).toBe('b says');
    expect(await streamedText(router('main'))).toBe('b says.');
    expect(events.map(({ type }) => type).slice(0, 3)).toEqual(['fallback', 'attempt.started', 'attempt.succeeded']);
    await expect(textOf(router('only'))).rejects.toThrow('no such deployment');
    await expect(textOf(router('wrong'))).rejects.toThrow('no such name');
  });

  test('that nobody can stand in for is an error that says why', async () => {
    const { router } = bench({ main: { model: new FakeModel('a'), capabilities: { tools: false } } });
    const failing = textOf(router('main'), requestOf({ tools: [tool] }));
    await expect(failing).rejects.toBeInstanceOf(RouteUnavailableError);
    await expect(failing).rejects.toThrow('acme/a (has no tools). Add one that can.');
  });

  test('that is a route itself is refused: two loops would multiply', () => {
    const { router } = bench({ main: new FakeModel('a') });
    expect(() => createRouter({ models: { outer: router('main') } })).toThrow('Two loops');
  });
});
