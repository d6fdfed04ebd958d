/** Streams over a real socket: cut, silent, broken, or with an error inside. */
import { describe, expect, test } from 'vitest';
import { WIRES, ask, drain, failure, model, reply, request, server } from '../../../test/openai/socket.ts';
import { streamModel } from '../../model/index.ts';
import type { ModelRequest, StreamEvent } from '../../protocol/model.ts';
import { chatReply, responsesReply, type FakeAnswer } from '../../testing/fake-server/index.ts';

describe.each(WIRES)('a stream of %s', (wire) => {
  const whole = reply(wire, { text: 'Hi \u{1F600} there', toolCalls: [{ name: 'f' }] });
  const tools: ModelRequest['tools'] = [
    {
      type: 'function',
      name: 'f',
      description: '',
      parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
      strict: true,
    },
  ];

  test('cut into chunks of any size is the same stream', async () => {
    const results: unknown[] = [];
    for (const chunks of [100_000, 1000, 100, 17]) {
      server.reply({ reply: whole, chunks });
      const events = (await ask(wire, true, { more: { tools } })) as StreamEvent[];
      // Ids are numbered by request.
      results.push(JSON.parse(JSON.stringify(events).replace(/(_|-)\d+/g, '')));
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  test('whose socket is cut anywhere is a typed error, or whole', async () => {
    const bytes = whole.events(1).length;
    const kinds = new Set<string>();
    for (let events = 0; events < bytes - (wire === 'chat' ? 2 : 0); events++) {
      server.reply({ reply: whole, cut: { events } });
      kinds.add((await failure(ask(wire, true, { more: { tools } }))).kind);
    }
    expect([...kinds]).toEqual(['truncated_stream']);
  });

  test('whose socket is cut inside of an event is a typed error', async () => {
    for (const bytes of [0, 1, 5, 50, 301, 407, 533]) {
      server.reply({ reply: whole, cut: { bytes }, chunks: 100 });
      expect((await failure(ask(wire, true, { more: { tools } }))).kind, `byte ${bytes}`).toBe('truncated_stream');
    }
  });

  test('that ends without its last event is a typed error', async () => {
    const last = wire === 'chat' ? -3 : -1;
    server.reply({ events: whole.events(1).slice(0, last) });
    expect(await failure(ask(wire, true, { more: { tools } }))).toMatchObject({
      kind: 'truncated_stream',
      retryable: true,
    });
    server.reply({ events: [] });
    expect(await failure(ask(wire, true))).toMatchObject({ kind: 'truncated_stream' });
  });

  test('that goes silent in the middle is a timeout', async () => {
    server.reply({ reply: whole, hang: { afterEvents: 2 } });
    const facts = await failure(ask(wire, true, { provider: { timeouts: { idleMs: 300 } }, more: { tools } }));
    expect(facts).toMatchObject({ kind: 'timeout', responseStarted: true });
  });

  test('that is slow but never silent has no timeout', async () => {
    const count = whole.events(1).length;
    server.reply({ reply: whole, delayMs: { events: 60 } });
    const events = await ask(wire, true, { provider: { timeouts: { idleMs: 60 * count * 0.75 } }, more: { tools } });
    expect((events as StreamEvent[]).some(({ type }) => type === 'response_done')).toBe(true);
  });

  test('with something that is not JSON is a typed error', async () => {
    server.reply({ events: [{ data: '{"id": "half' }] });
    expect(await failure(ask(wire, true))).toMatchObject({ kind: 'server', responseStarted: true });
  });

  test('with an error line is a typed error, and is not asked again once something was seen', async () => {
    const first = whole.events(1).slice(0, 4);
    server.reply({ events: [...first, { data: { error: { message: 'Provider returned error', code: 429 } } }] });
    const retry = { maxRetries: 3, policy: (): boolean => true };
    const asking = model(wire).then((asked) => drain(streamModel(asked, request({ tools, modelSettings: { retry } }))));
    expect(await failure(asking)).toMatchObject({ kind: 'rate_limit', responseStarted: true });
    expect(server.requests).toHaveLength(1);
  });

  test('that is left early lets go of the connection', async () => {
    let cancelled = false;
    const text = whole
      .events(1)
      .slice(0, 3)
      .map(({ data }) => `data: ${JSON.stringify(data)}\n\n`)
      .join('');
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
      cancel: () => void (cancelled = true),
    });
    const asked = await model(wire, { fetch: () => Promise.resolve(new Response(body)) });
    for await (const _event of asked.getStreamedResponse(request({ tools }))) break;
    expect(cancelled).toBe(true);
  });

  test('that is left before its headers are there lets go of the connection', async () => {
    let cancelled = false;
    let answer = (_response: Response): void => undefined;
    let sent = (): void => undefined;
    const isSent = new Promise<void>((resolve) => (sent = resolve));
    const headers = new Promise<Response>((resolve) => (answer = resolve));
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('data: {}\n\n')),
      cancel: () => void (cancelled = true),
    });
    const asked = await model(wire, { fetch: () => (sent(), headers) });
    const stream = asked.getStreamedResponse(request({ tools }))[Symbol.asyncIterator]();
    const first = stream.next();
    await isSent;
    await stream.return?.();
    answer(new Response(body));
    expect(await first).toEqual({ done: true, value: undefined });
    await expect.poll(() => cancelled).toBe(true);
  });
});

describe('errors of the Responses API inside a 200 stream', () => {
  const created = responsesReply('x').events(1).slice(0, 1);
  const failed = (error: object): FakeAnswer => ({
    events: [
      ...created,
      { event: 'response.failed', data: { type: 'response.failed', response: { id: 'r', status: 'failed', error } } },
    ],
  });

  test.each<[string, FakeAnswer, object]>([
    [
      'response.failed',
      failed({ code: 'server_error', message: 'boom' }),
      { kind: 'server', retryable: true, providerCode: 'server_error' },
    ],
    ['response.failed for the rate', failed({ code: 'rate_limit_exceeded', message: 'slow' }), { kind: 'rate_limit' }],
    [
      'event: error',
      {
        events: [
          ...created,
          { event: 'error', data: { type: 'error', code: 'rate_limit_exceeded', message: 'slow', param: null } },
        ],
      },
      { kind: 'rate_limit' },
    ],
    [
      'response.incomplete for the length',
      {
        events: [
          ...created,
          {
            data: {
              type: 'response.incomplete',
              response: { id: 'r', incomplete_details: { reason: 'max_output_tokens' } },
            },
          },
        ],
      },
      { kind: 'incomplete', retryable: false },
    ],
    [
      'response.incomplete for the filter',
      {
        events: [
          ...created,
          {
            data: {
              type: 'response.incomplete',
              response: { id: 'r', incomplete_details: { reason: 'content_filter' } },
            },
          },
        ],
      },
      { kind: 'content_policy', retryable: false },
    ],
  ])('%s is a typed error with the request id', async (_name, answer, facts) => {
    server.reply(answer);
    expect(await failure(ask('responses', true))).toMatchObject({
      ...facts,
      requestId: expect.stringMatching(/^req_fake/) as string,
    });
  });
});

test('a chat server that sends [DONE] but no finish reason has answered', async () => {
  const events = chatReply('x').events(1);
  const unfinished = events.filter(({ data }) => !JSON.stringify(data).includes('"finish_reason":"stop"'));
  server.reply({ events: unfinished });
  expect(await ask('chat', true)).toContainEqual(expect.objectContaining({ type: 'response_done' }));
});
