import { describe, expect, test } from 'vitest';
import {
  AnthropicModel,
  createOpenAIClient,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  type Model,
} from '../../index.ts';
import {
  chatReply,
  createFakeServer,
  messagesReply,
  responsesReply,
  type FakeReplyContent,
  type FakeServer,
} from '../../testing/index.ts';
import type { StreamEvent } from '../../protocol/model.ts';
import { createRouter, type RouterOptions } from './index.ts';
import { bench, failure, FakeModel, requestOf } from './router.fixture.ts';

type Wire = { name: string; model: (server: FakeServer) => Model; reply: typeof chatReply };
const client = ({ baseURL }: FakeServer) => createOpenAIClient({ apiKey: 'k', baseURL });
const WIRES: Wire[] = [
  { name: 'responses', model: (server) => new OpenAIResponsesModel(client(server), 'gpt-5.4'), reply: responsesReply },
  { name: 'chat', model: (server) => new OpenAIChatCompletionsModel(client(server), 'gpt-5.4'), reply: chatReply },
  {
    name: 'messages',
    model: ({ baseURL }) => new AnthropicModel({ apiKey: 'k', baseURL }, 'claude-opus-4-7'),
    reply: messagesReply,
  },
];

const TEXT = 'The quick brown fox jumps over the lazy dog.';
const ANSWERS: [string, FakeReplyContent][] = [
  ['a text', { text: TEXT }],
  ['a thought and a text', { reasoning: 'Let me think about it.', text: TEXT }],
  ['a call', { toolCalls: [{ name: 'f', arguments: { a: 'some long argument' }, id: 'call_1' }] }],
  [
    'a text and two calls',
    {
      text: TEXT,
      toolCalls: [
        { name: 'f', id: 'call_1' },
        { name: 'f', arguments: { b: 2 }, id: 'call_2' },
      ],
    },
  ],
];

const tools = [
  {
    type: 'function',
    name: 'f',
    description: 'F.',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    strict: false,
  },
] as never;
const options: Partial<RouterOptions> = { retry: { initialDelayMs: 0 }, breaker: { minCalls: 1e9 } };

type Seen = {
  text: string;
  output: unknown[] | undefined;
  error: unknown;
  resets: number;
  contentBeforeError: boolean;
};

async function read(model: Model): Promise<Seen> {
  const seen: Seen = { text: '', output: undefined, error: undefined, resets: 0, contentBeforeError: false };
  try {
    for await (const event of model.getStreamedResponse(requestOf({ tools, modelSettings: { maxTokens: 1000 } }))) {
      if (event.type === 'output_text_delta') seen.text += event.delta;
      if (event.type === 'response_done') seen.output = event.response.output;
      if (event.type === 'model' && (event.event as { type?: string }).type === 'stream.reset') {
        seen.resets += 1;
        seen.text = '';
      }
      seen.contentBeforeError = true;
    }
  } catch (error) {
    seen.error = error;
  }
  return seen;
}

const namesIn = (output: unknown[] | undefined): unknown[] =>
  (output ?? []).flatMap((item) =>
    (item as { type?: string }).type === 'function_call' ? [(item as { callId: string }).callId] : [],
  );

describe.each(WIRES)('a stream on $name', ({ model, reply }) => {
  test.each(ANSWERS)('of %s, cut after every event, shows no text twice and no half call', async (_what, content) => {
    await using server = await createFakeServer();
    const whole = reply(content);
    const count = whole.events(1).length;
    const calls = (content.toolCalls ?? []).map(({ id }) => id);
    const route = createRouter({ ...options, models: { main: [model(server)] } })('main');
    const modes = new Set<string>();
    for (let events = 0; events < count; events++) {
      server.reply({ reply: whole, cut: { events } });
      server.reply(whole);
      const asked = server.requests.length;
      const seen = await read(route);
      const attempts = server.requests.length - asked;
      if (seen.error === undefined) {
        // Nothing was shown, and the second attempt is the answer; or all that counts had come.
        expect(seen.text, `cut after ${events}`).toBe(content.text ?? '');
        expect(namesIn(seen.output)).toEqual(calls);
        modes.add(attempts === 2 ? 'again' : 'whole');
      } else {
        expect(seen.error, `cut after ${events}`).toMatchObject({ kind: 'truncated_stream' });
        expect((content.text ?? '').startsWith(seen.text)).toBe(true);
        expect([seen.output, attempts]).toEqual([undefined, 1]);
        modes.add('error');
      }
      // What is left of the script belongs to this cut.
      if (attempts === 1) await read(route);
    }
    expect(modes).toContain('again');
    expect(modes).toContain('error');
  });

  test('cut after every event, begun anew where that is allowed, is whole in the end', async () => {
    await using server = await createFakeServer();
    const [, content] = ANSWERS[3] ?? ['', {}];
    const whole = reply(content);
    const route = createRouter({
      ...options,
      midStream: 'restart',
      retry: { initialDelayMs: 0, budgetBurst: 1000 },
      models: { main: [model(server)] },
    })('main');
    let resets = 0;
    for (let events = 0; events < whole.events(1).length; events++) {
      server.reply({ reply: whole, cut: { events } });
      const asked = server.requests.length;
      server.fallback(whole);
      const seen = await read(route);
      expect([seen.error, seen.text, namesIn(seen.output)], `cut after ${events}`).toEqual([
        undefined,
        TEXT,
        ['call_1', 'call_2'],
      ]);
      expect(seen.resets).toBeLessThanOrEqual(server.requests.length - asked - 1);
      resets += seen.resets;
    }
    expect(resets).toBeGreaterThan(3);
  });

  test('with an error inside falls back before content', async () => {
    await using server = await createFakeServer();
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    server.reply({ events: [{ event: 'error', data: error }] });
    server.reply(reply({ text: TEXT }));
    const route = createRouter({ ...options, models: { main: [model(server)] } })('main');
    expect((await read(route)).text).toBe(TEXT);
    expect(server.requests).toHaveLength(2);
  });

  test('and a plain call: headers that never come are left for the next target', async () => {
    await using server = await createFakeServer();
    for (const ask of ['getResponse', 'getStreamedResponse'] as const) {
      server.reply({ hang: 'headers' });
      server.reply(reply({ text: TEXT }));
      const route = createRouter({
        ...options,
        timeouts: { headersMs: 400 },
        models: { main: [model(server), model(server)] },
      })('main');
      if (ask === 'getStreamedResponse') expect((await read(route)).text).toBe(TEXT);
      else expect((await route.getResponse(requestOf({ modelSettings: { maxTokens: 10 } }))).output).toHaveLength(1);
    }
  });

  test('and a plain call: a body that goes silent is left too', async () => {
    await using server = await createFakeServer();
    server.reply({ hang: 'body' });
    server.reply(reply({ text: TEXT }));
    const route = createRouter({ ...options, timeouts: { idleMs: 400 }, models: { main: [model(server)] } })('main');
    expect((await route.getResponse(requestOf({ modelSettings: { maxTokens: 10 } }))).output).toHaveLength(1);
  });
});

describe('a reader', () => {
  type Read = IteratorResult<StreamEvent, unknown>;
  const deltas = (results: Read[]): string =>
    results.map(({ value, done }) => (done ? '.' : value.type === 'output_text_delta' ? value.delta : '-')).join('');
  const iteratorOf = (model: Model): AsyncIterator<StreamEvent> =>
    model.getStreamedResponse(requestOf())[Symbol.asyncIterator]();

  test('that asks for all events at once gets them in order, also where an attempt fails', async () => {
    const a = new FakeModel('a', { ...failure('server'), events: [{ type: 'response_started' }] });
    const { router } = bench(
      { main: [a, new FakeModel('b', { text: 'one two three' })] },
      { retry: { maxAttempts: 1 } },
    );
    const stream = iteratorOf(router('main'));
    const results = await Promise.all(Array.from({ length: 8 }, () => stream.next()));
    expect(deltas(results)).toMatch(/^-+one two three-\.+$/);
  });

  test('that leaves while an event is on its way gets that event, and no other', async () => {
    const { router } = bench({ main: new FakeModel('a', { text: 'one two three' }) });
    // The first request of all loads the route: whoever leaves it has asked nobody.
    const early = iteratorOf(router('main'));
    const none = early.next();
    await early.return?.();
    expect(await none).toEqual({ done: true, value: undefined });
    const stream = iteratorOf(router('main'));
    const first = stream.next();
    const left = stream.return?.();
    expect(await first).toMatchObject({ done: false });
    expect(await left).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('that never asks has asked nobody', async () => {
    const a = new FakeModel('a');
    const { router } = bench({ main: a });
    await iteratorOf(router('main')).return?.();
    expect(a.asked).toBe(0);
  });

  test('is told of the end once, and of an error once', async () => {
    const a = new FakeModel('a', { ...failure('bad_request'), events: [{ type: 'output_text_delta', delta: 'x' }] });
    const { router } = bench({ main: a });
    const stream = iteratorOf(router('main'));
    expect(deltas([await stream.next()])).toBe('x');
    await expect(stream.next()).rejects.toMatchObject({ kind: 'bad_request' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});

test('headers are learned from: no more is asked of a vendor that has nothing left', async () => {
  await using server = await createFakeServer();
  const headers = { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1h' };
  server.reply({ reply: chatReply('one'), headers });
  server.fallback(chatReply('more'));
  const names: string[] = [];
  const models = createRouter({
    models: {
      main: [
        { model: new OpenAIChatCompletionsModel(client(server), 'a'), label: 'a' },
        { model: new OpenAIChatCompletionsModel(client(server), 'b'), label: 'b' },
      ],
    },
    sticky: false,
    onEvent: (event) => void (event.type === 'attempt.started' && names.push(event.target)),
  });
  await models('main').getResponse(requestOf());
  await models('main').getResponse(requestOf());
  expect(names).toEqual(['a', 'b']);
});
