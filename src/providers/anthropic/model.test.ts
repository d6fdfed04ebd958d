/** Answers, over a real socket: what comes back, plain and streamed. */
import { describe, expect, test } from 'vitest';
import type { AgentInputItem } from '../../protocol/items.ts';
import { messagesErrorBody, messagesReply, type FakeAnswer } from '../../testing/fake-server/index.ts';
import { ask, drain, failure, KEY, model, request, server, tool } from './socket.fixture.ts';

const origin = { provider: 'anthropic', api: 'anthropic', model: 'claude-opus-4-7' };
const WAYS = [
  ['plain', false],
  ['streamed', true],
] as const;
const lastBody = (): Record<string, unknown> => server.requests.at(-1)?.body ?? {};

describe.each(WAYS)('a %s answer', (_way, stream) => {
  test('is a text', async () => {
    server.reply(messagesReply('Hello there, you.'));
    const { output, responseId, requestId, usage } = await ask(stream);
    expect(output).toEqual([
      {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hello there, you.' }],
        origin,
      },
    ]);
    expect(responseId).toMatch(/^msg_/);
    expect(requestId).toMatch(/^req_/);
    expect(usage).toMatchObject({ requests: 1, inputTokens: 10, outputTokens: 5, totalTokens: 15 });
  });

  test('has signed thoughts that go back word for word, and are dropped for another model', async () => {
    server.reply(
      messagesReply({
        reasoning: 'Let me see, step by step.',
        toolCalls: [{ name: 'f', id: 'toolu_1', arguments: { a: 1 } }],
      }),
    );
    const tools = [tool('f')];
    const { output } = await ask(stream, { tools });
    expect(output.map(({ type }) => type)).toEqual(['reasoning', 'function_call']);
    const result: AgentInputItem = {
      type: 'function_call_result',
      callId: 'toolu_1',
      name: 'f',
      status: 'completed',
      output: 'ok',
    };
    // As a log or a session keeps it.
    const input: AgentInputItem[] = JSON.parse(JSON.stringify([{ role: 'user', content: 'hi' }, ...output, result]));
    server.reply(messagesReply('done'), messagesReply('done'));
    await ask(stream, { tools, input });
    const n = server.requests.length - 1;
    expect(lastBody()['messages']).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Let me see, step by step.', signature: `sig_${n}` },
          { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'ok' }] },
    ]);
    await ask(stream, { tools, input }, { model: 'claude-haiku-4-5' });
    expect(JSON.stringify(lastBody())).not.toContain('sig_');
  });

  test('has redacted thoughts that go back as they came', async () => {
    server.reply(messagesReply({ items: [{ type: 'redacted_thinking', data: 'opaque' }], text: 'x' }));
    const { output } = await ask(stream);
    server.reply(messagesReply('y'));
    await ask(stream, { input: [{ role: 'user', content: 'hi' }, ...output, { role: 'user', content: 'and' }] });
    expect(JSON.stringify(lastBody())).toContain('{"type":"redacted_thinking","data":"opaque"}');
  });

  test('has several calls, some without arguments', async () => {
    server.reply(
      messagesReply({
        text: 'Well.',
        toolCalls: [{ name: 'f' }, { name: 'g', arguments: { city: 'Oslo', n: [1, 2] } }],
      }),
    );
    const { output } = await ask(stream, { tools: [tool('f'), tool('g')] });
    expect(output.slice(1)).toMatchObject([
      { type: 'function_call', name: 'f', arguments: '{}', status: 'completed', origin },
      { type: 'function_call', name: 'g', arguments: '{"city":"Oslo","n":[1,2]}' },
    ]);
  });

  test('calls a tool by its own name, whatever name was sent', async () => {
    server.reply(messagesReply([{ name: 'mail_send' }]));
    const { output } = await ask(stream, { tools: [tool('mail.send')] });
    expect(lastBody()['tools']).toMatchObject([{ name: 'mail_send' }]);
    expect(output).toMatchObject([{ name: 'mail.send' }]);
  });

  test('counts tokens from and into caches as input', async () => {
    server.reply(
      messagesReply({ text: 'x', usage: { input: 7, output: 3, cached: 100, cacheWrite5m: 20, cacheWrite1h: 30 } }),
    );
    const { usage, rawUsage } = await ask(stream, { modelSettings: { preserveRawUsage: true } });
    const details = { cached_tokens: 100, cacheRead: 100, cacheWrite5m: 20, cacheWrite1h: 30 };
    expect(usage).toMatchObject({ inputTokens: 157, outputTokens: 3, totalTokens: 160, inputTokensDetails: [details] });
    expect(usage.requestUsageEntries).toMatchObject([
      { inputTokens: 157, inputTokensDetails: details, endpoint: 'messages.create' },
    ]);
    expect(rawUsage).toMatchObject({ input_tokens: 7, cache_read_input_tokens: 100 });
  });

  test('keeps citations with their text, and sends them back', async () => {
    const citation = {
      type: 'char_location',
      cited_text: 'Rain',
      document_index: 0,
      start_char_index: 0,
      end_char_index: 4,
    };
    server.reply(
      messagesReply({
        items: [
          { type: 'text', text: 'It says ' },
          { type: 'text', text: 'rain', citations: [citation] },
        ],
        text: '.',
      }),
    );
    const { output } = await ask(stream);
    expect(output).toMatchObject([
      {
        content: [
          { text: 'It says ' },
          { text: 'rain', providerData: { anthropic: { citations: [citation] } } },
          { text: '.' },
        ],
      },
    ]);
    server.reply(messagesReply('y'));
    await ask(stream, { input: [{ role: 'user', content: 'hi' }, ...output, { role: 'user', content: 'and' }] });
    expect(JSON.stringify(lastBody())).toContain(JSON.stringify([citation]));
  });

  test('shows what server tools did, and sends it back whole', async () => {
    const use = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'rain' } };
    const found = {
      type: 'web_search_tool_result',
      tool_use_id: 'srvtoolu_1',
      content: [{ type: 'web_search_result', title: 'Rain', url: 'https://x.test', encrypted_content: 'secret' }],
    };
    server.reply(messagesReply({ items: [use, found], text: 'Rain.' }));
    const { output } = await ask(stream);
    expect(output[0]).toMatchObject({
      type: 'hosted_tool_call',
      name: 'web_search',
      arguments: '{"query":"rain"}',
      status: 'completed',
      output: 'Rain https://x.test',
    });
    server.reply(messagesReply('y'));
    await ask(stream, { input: [{ role: 'user', content: 'hi' }, ...output, { role: 'user', content: 'and' }] });
    expect(lastBody()['messages']).toMatchObject([{}, { content: [use, found, { type: 'text', text: 'Rain.' }] }, {}]);
  });

  test('that pauses is told to go on, and is one answer', async () => {
    const use = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} };
    server.reply(
      messagesReply({ text: 'First ', items: [use], finishReason: 'pause_turn' }),
      messagesReply('and then.'),
    );
    const before = server.requests.length;
    const { output, usage } = await ask(stream);
    expect(server.requests.length - before).toBe(2);
    expect(lastBody()['messages']).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: [use, { text: 'First ' }] },
    ]);
    expect(output.at(-1)).toMatchObject({ content: [{ text: 'First ' }, { text: 'and then.' }] });
    expect(usage).toMatchObject({ requests: 2, inputTokens: 20, outputTokens: 10 });
    expect(usage.requestUsageEntries).toHaveLength(2);
  });

  test('that pauses and is then refused had begun: what was said before is paid for', async () => {
    const use = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} };
    const refusal = { status: 429, body: messagesErrorBody('Slow down', 'rate_limit_error') };
    server.reply(messagesReply({ items: [use], finishReason: 'pause_turn' }), refusal);
    expect(await failure(ask(stream))).toMatchObject({ kind: 'rate_limit', status: 429, responseStarted: true });
  });

  test('that is a refusal is a refusal, without what was said before', async () => {
    server.reply(messagesReply({ finishReason: 'refusal', toolCalls: [{ name: 'f' }] }));
    const { output } = await ask(stream, { tools: [tool('f')] });
    expect(output).toMatchObject([{ content: [{ type: 'refusal', refusal: 'The model declined to answer.' }] }]);
  });

  test('that was cut off is incomplete', async () => {
    server.reply(messagesReply({ text: 'Once upon', finishReason: 'max_tokens' }));
    expect((await ask(stream)).output).toMatchObject([{ status: 'incomplete', content: [{ text: 'Once upon' }] }]);
  });

  test.each([
    ['in the middle of a call', { toolCalls: [{ name: 'f' }], finishReason: 'max_tokens' }, 'incomplete'],
    ['before it began', { finishReason: 'max_tokens' }, 'incomplete'],
    ['while it thought', { reasoning: 'hm', finishReason: 'max_tokens' }, 'incomplete'],
    ['by a full context', { finishReason: 'model_context_window_exceeded' }, 'context_window'],
  ])('that was cut off %s is an error', async (_when, content, kind) => {
    server.reply(messagesReply(content));
    expect(await failure(ask(stream, { tools: [tool('f')] }))).toMatchObject({ kind, retryable: false });
  });

  const ERRORS: [string, FakeAnswer, object][] = [
    [
      'overloaded',
      { status: 529, body: messagesErrorBody('Overloaded', 'overloaded_error') },
      { kind: 'overloaded', status: 529, retryable: true },
    ],
    [
      'a usage limit',
      {
        status: 400,
        body: messagesErrorBody(
          'You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.',
        ),
      },
      { kind: 'quota_exhausted', retryable: false },
    ],
    [
      'no credit',
      { status: 400, body: messagesErrorBody('Your credit balance is too low to access the Anthropic API.') },
      { kind: 'quota_exhausted' },
    ],
    [
      'a long prompt',
      { status: 400, body: messagesErrorBody('prompt is too long: 210000 tokens > 200000 maximum') },
      { kind: 'context_window' },
    ],
    [
      'a full minute',
      { status: 429, headers: { 'retry-after': '7' }, body: messagesErrorBody('x', 'rate_limit_error') },
      { kind: 'rate_limit', retryAfterMs: 7000 },
    ],
    [
      'a wrong key',
      { status: 401, body: messagesErrorBody(`invalid x-api-key ${KEY}`, 'authentication_error') },
      { kind: 'auth' },
    ],
    [
      'an unknown model',
      { status: 404, body: messagesErrorBody('model: x', 'not_found_error') },
      { kind: 'not_found' },
    ],
    [
      'something broken',
      { status: 500, body: messagesErrorBody('Internal server error', 'api_error') },
      { kind: 'server', retryable: true },
    ],
  ];
  test.each(ERRORS)('that is %s is a typed error', async (_what, answer, facts) => {
    server.reply(answer);
    expect(await failure(ask(stream))).toMatchObject(facts);
  });
});

describe('a stream', () => {
  const whole = messagesReply({
    reasoning: 'hm, hm and hm',
    text: 'Hi \u{1F600} there',
    toolCalls: [{ name: 'f', arguments: { city: 'Oslo' } }],
  });
  const tools = [tool('f')];

  test('gives its text piece by piece, and the same answer as the plain call', async () => {
    server.reply(whole, whole);
    const plain = await model().getResponse(request({ tools }));
    const events = await drain(model().getStreamedResponse(request({ tools })));
    const text = events.flatMap((event) => (event.type === 'output_text_delta' ? [event.delta] : []));
    expect(text.length).toBeGreaterThan(1);
    expect(text.join('')).toBe('Hi \u{1F600} there');
    expect(events[0]?.type).toBe('response_started');
    const done = events.at(-1);
    const strip = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replace(/_\d+(_\d+)?"/g, '"'));
    expect(done?.type === 'response_done' && strip(done.response.output)).toEqual(strip(plain.output));
  });

  test('cut into chunks of any size is the same stream', async () => {
    const results: unknown[] = [];
    for (const chunks of [100_000, 1000, 100, 17]) {
      server.reply({ reply: whole, chunks });
      results.push(JSON.parse(JSON.stringify((await ask(true, { tools })).output).replace(/_\d+(_\d+)?"/g, '"')));
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  test('cut after any event is a typed error', async () => {
    const kinds = new Set<string>();
    for (let events = 0; events < whole.events(1).length; events++) {
      server.reply({ reply: whole, cut: { events } });
      kinds.add((await failure(ask(true, { tools }))).kind);
      // The socket may also end politely.
      server.reply({ events: whole.events(1).slice(0, events) });
      kinds.add((await failure(ask(true, { tools }))).kind);
    }
    expect([...kinds]).toEqual(['truncated_stream']);
  });

  test('that lost the end of a block is truncated', async () => {
    server.reply({ events: whole.events(1).filter(({ event }) => event !== 'content_block_stop') });
    expect(await failure(ask(true, { tools }))).toMatchObject({ kind: 'truncated_stream' });
  });

  test('with an error inside is that error', async () => {
    const error = {
      event: 'error',
      data: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    };
    server.reply({ events: [...whole.events(1).slice(0, 4), error] });
    expect(await failure(ask(true, { tools }))).toMatchObject({
      kind: 'overloaded',
      retryable: true,
      responseStarted: true,
    });
  });

  test('takes the last count of each kind, and adds none up', async () => {
    const events = messagesReply({ text: 'x', usage: { input: 7, output: 9, cached: 3 } }).events(1);
    const delta = {
      event: 'message_delta',
      data: { type: 'message_delta', delta: {}, usage: { output_tokens: 4, input_tokens: null } },
    };
    server.reply({ events: [...events.slice(0, -2), delta, ...events.slice(-2)] });
    expect((await ask(true)).usage).toMatchObject({ inputTokens: 10, outputTokens: 9 });
  });

  test('asks nothing before it is read, and ends the request when it is left', async () => {
    const stream = model().getStreamedResponse(request());
    expect(server.requests).toHaveLength(0);
    server.reply({ reply: whole, hang: { afterEvents: 3 } });
    for await (const _event of stream) break;
    expect(server.requests).toHaveLength(1);
  });

  test('says what an unreadable call said', async () => {
    const events = messagesReply([{ name: 'f', arguments: { a: 1 } }]).events(1);
    const broken = events.map((event) => JSON.parse(JSON.stringify(event).replaceAll('{\\"a\\":1}', '{\\"a\\":')));
    server.reply({ events: broken });
    expect((await ask(true, { tools })).output).toMatchObject([{ type: 'function_call', arguments: '{"a":' }]);
  });
});
