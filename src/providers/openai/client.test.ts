/** The client and the models over a real socket: every way in which a request can fail, and what retries make of it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callModel, retryPolicies, streamModel } from '../../model/index.ts';
import type { Model, ModelRequest, StreamEvent } from '../../protocol/model.ts';
import { chatReply, createFakeServer, errorBody, responsesReply, type FakeAnswer, type FakeServer } from '../../testing/fake-server/index.ts';
import { isModelError, type ModelErrorFacts } from '../../wire/index.ts';
import { OpenAIProvider, type OpenAIProviderOptions } from './provider.ts';

const KEY = 'sk-planted-key-0123456789';
const ENV = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID'] as const;
const saved = ENV.map((name) => [name, process.env[name]] as const);

let server: FakeServer;
beforeAll(async () => {
  for (const name of ENV) delete process.env[name];
  server = await createFakeServer();
});
afterAll(async () => {
  for (const [name, value] of saved) if (value !== undefined) process.env[name] = value;
  await server.close();
});
afterEach(() => {
  for (const name of ENV) delete process.env[name];
  server.requests.length = 0;
});

const WIRES = ['responses', 'chat'] as const;
type Wire = (typeof WIRES)[number];
const reply = (wire: Wire, ...args: Parameters<typeof chatReply>) => (wire === 'chat' ? chatReply(...args) : responsesReply(...args));

const model = (wire: Wire, options: OpenAIProviderOptions = {}): Promise<Model> =>
  new OpenAIProvider({ apiKey: KEY, baseURL: server.baseURL, useResponses: wire === 'responses', ...options }).getModel('fake');

const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  input: 'hi', modelSettings: {}, tools: [], outputType: 'text', handoffs: [], tracing: false, ...more,
});

async function drain(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

const ask = async (wire: Wire, stream: boolean, options?: OpenAIProviderOptions, more?: Partial<ModelRequest>): Promise<unknown> => {
  const asked = await model(wire, options);
  return stream ? await drain(asked.getStreamedResponse(request(more))) : await asked.getResponse(request(more));
};

/** What a program and a log can see of an error: nothing of it may hold the key. */
function everythingOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    parts.push(at.message, at.stack ?? '', JSON.stringify(at, Object.getOwnPropertyNames(at)));
  }
  return parts.join('\n');
}

async function failure(asking: Promise<unknown>): Promise<ModelErrorFacts & { message: string }> {
  const error: unknown = await asking.then(
    () => expect.fail('The request should have failed.'),
    (reason: unknown) => reason,
  );
  expect(everythingOf(error)).not.toContain(KEY);
  if (!isModelError(error)) throw error;
  return { ...error, message: error.message };
}

const both = WIRES.flatMap((wire) => [false, true].map((stream) => [wire, stream] as const));

describe.each(both)('%s, streamed: %s', (wire, stream) => {
  test('an answer is an answer, with its request id', async () => {
    server.reply(reply(wire, { text: 'Hello there, world', toolCalls: [{ name: 'f', arguments: { a: 1 }, id: 'c1' }] }));
    const tools = [{ type: 'function' as const, name: 'f', description: '', parameters: { type: 'object' as const, properties: {}, required: [], additionalProperties: false }, strict: true }];
    const answered = await ask(wire, stream, {}, { tools });
    const { output, requestId, usage } = stream
      ? ((answered as StreamEvent[]).find((event) => event.type === 'response_done')?.response ?? {} as never)
      : (answered as Awaited<ReturnType<Model['getResponse']>>);
    expect(output).toMatchObject([{ type: 'message', content: [{ text: 'Hello there, world' }] }, { type: 'function_call', callId: 'c1', name: 'f', arguments: '{"a":1}' }]);
    expect(requestId).toMatch(/^req_fake_\d+$/);
    expect(usage).toMatchObject({ inputTokens: 10, outputTokens: 5 });
    if (stream) {
      const text = (answered as StreamEvent[]).flatMap((event) => (event.type === 'output_text_delta' ? [event.delta] : []));
      expect(text.length).toBeGreaterThan(1);
      expect(text.join('')).toBe('Hello there, world');
    }
    expect(server.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${KEY}` });
  });

  const inAMinute = new Date(Date.now() + 60_000).toUTCString();
  test.each<[string, FakeAnswer, object]>([
    ['429 with retry-after-ms', { status: 429, headers: { 'retry-after-ms': '1500' }, body: errorBody('slow') }, { kind: 'rate_limit', retryable: true, status: 429, retryAfterMs: 1500 }],
    ['429 with retry-after in seconds', { status: 429, headers: { 'retry-after': '2' }, body: errorBody('slow') }, { kind: 'rate_limit', retryAfterMs: 2000 }],
    ['429 with retry-after as a date', { status: 429, headers: { 'retry-after': inAMinute }, body: errorBody('slow') }, { kind: 'rate_limit', retryAfterMs: expect.closeTo(59_000, -4) as number }],
    ['429 of an empty account', { status: 429, body: errorBody('no money', 'insufficient_quota', { code: 'insufficient_quota' }) }, { kind: 'quota_exhausted', retryable: false }],
    ['500', { status: 500, body: errorBody('boom', 'server_error') }, { kind: 'server', retryable: true, status: 500 }],
    ['502 in HTML', { status: 502, body: '<html>bad gateway</html>' }, { kind: 'server', retryable: true }],
    ['503', { status: 503, body: '' }, { kind: 'overloaded', retryable: true }],
    ['401 that quotes the key', { status: 401, body: errorBody(`Incorrect API key provided: ${KEY}.`, 'x', { code: 'invalid_api_key' }) }, { kind: 'auth', retryable: false }],
    ['400 that quotes the header', { status: 400, body: errorBody(`Bad header Authorization: Bearer ${KEY}`) }, { kind: 'bad_request', retryable: false }],
    ['200 with an error as JSON', { body: errorBody('upstream', 'server_error') }, { kind: 'server', responseStarted: stream ? undefined : true }],
  ])('%s is a typed error', async (_name, answer, facts) => {
    server.reply(answer);
    expect(await failure(ask(wire, stream))).toMatchObject(Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)));
  });

  test('headers that never come are a timeout', async () => {
    server.reply({ hang: 'headers' });
    const facts = await failure(ask(wire, stream, { timeouts: { headersMs: 40 } }));
    expect(facts).toMatchObject({ kind: 'timeout', retryable: true, responseStarted: false });
  });

  test('a body that never comes is a timeout', async () => {
    server.reply({ ...{ reply: reply(wire, 'x') }, hang: 'body' });
    const facts = await failure(ask(wire, stream, { timeouts: { idleMs: 40 } }));
    expect(facts).toMatchObject({ kind: 'timeout', responseStarted: true });
  });

  test('a port where nobody listens is a network error that is safe to repeat', async () => {
    const gone = await createFakeServer();
    await gone.close();
    const facts = await failure(ask(wire, stream, { baseURL: gone.baseURL }));
    expect(facts).toMatchObject({ kind: 'network', retryable: true, replaySafe: true, providerCode: 'ECONNREFUSED' });
  });

  test("an abort rejects with the caller's own reason", async () => {
    const controller = new AbortController();
    const reason = new Error('mine');
    server.reply({ hang: 'headers' });
    const asking = ask(wire, stream, {}, { signal: controller.signal });
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(reason);
    await expect(asking).rejects.toBe(reason);
    await expect(ask(wire, stream, {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  test('a missing key is an error that names the variable, and nothing is sent', async () => {
    const asking = new OpenAIProvider({ baseURL: server.baseURL, useResponses: wire === 'responses' }).getModel('fake');
    const asked = await asking;
    const call = stream ? drain(asked.getStreamedResponse(request())) : asked.getResponse(request());
    await expect(call).rejects.toThrow(/OPENAI_API_KEY/);
    expect(server.requests).toEqual([]);
  });

  test('the environment is read when the model is asked', async () => {
    const asked = await new OpenAIProvider({ useResponses: wire === 'responses' }).getModel('fake');
    Object.assign(process.env, { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `${server.baseURL}/`, OPENAI_ORG_ID: 'org', OPENAI_PROJECT_ID: 'proj' });
    server.reply(reply(wire, 'x'));
    if (stream) await drain(asked.getStreamedResponse(request()));
    else await asked.getResponse(request());
    expect(server.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${KEY}`, 'openai-organization': 'org', 'openai-project': 'proj' });
  });

  test('the retry policy follows the kinds: a full minute is waited for, an empty account is not', async () => {
    const waits: number[] = [];
    const hooks = { sleep: async (ms: number): Promise<void> => void waits.push(ms) };
    const retry = { maxRetries: 2, policy: retryPolicies.any(retryPolicies.providerSuggested(), retryPolicies.networkError()) };
    const call = async (): Promise<unknown> => {
      const asked = await model(wire, { timeouts: { headersMs: 40 } });
      const retried = request({ modelSettings: { retry } });
      return stream ? drain(streamModel(asked, retried, hooks)) : callModel(asked, retried, hooks);
    };
    server.reply({ status: 429, headers: { 'retry-after': '7' }, body: '' }, { status: 503, headers: { 'retry-after-ms': '9' }, body: '' }, reply(wire, 'x'));
    await call();
    expect(waits).toEqual([7000, 9]);
    server.reply({ hang: 'headers' }, reply(wire, 'x'));
    await call();
    expect(waits).toHaveLength(3);
    server.reply({ status: 429, body: errorBody('no money', 'x', { code: 'insufficient_quota' }) });
    expect(await failure(call())).toMatchObject({ kind: 'quota_exhausted' });
    server.reply({ status: 400, body: errorBody('bad') });
    expect(await failure(call())).toMatchObject({ kind: 'bad_request' });
    expect(waits).toHaveLength(3);
  });
});

describe.each(WIRES)('a stream of %s', (wire) => {
  const whole = reply(wire, { text: 'Hi \u{1F600} there', toolCalls: [{ name: 'f' }] });
  const tools: ModelRequest['tools'] = [{ type: 'function', name: 'f', description: '', parameters: { type: 'object', properties: {}, required: [], additionalProperties: false }, strict: true }];

  test('cut into chunks of any size is the same stream', async () => {
    const results: unknown[] = [];
    for (const chunks of [100_000, 1000, 100, 17]) {
      server.reply({ reply: whole, chunks });
      const events = (await ask(wire, true, {}, { tools })) as StreamEvent[];
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
      kinds.add((await failure(ask(wire, true, {}, { tools }))).kind);
    }
    expect([...kinds]).toEqual(['truncated_stream']);
  });

  test('whose socket is cut inside of an event is a typed error', async () => {
    for (const bytes of [0, 1, 5, 50, 301, 407, 533]) {
      server.reply({ reply: whole, cut: { bytes }, chunks: 100 });
      expect((await failure(ask(wire, true, {}, { tools }))).kind, `byte ${bytes}`).toBe('truncated_stream');
    }
  });

  test('that ends without its last event is a typed error', async () => {
    const last = wire === 'chat' ? -3 : -1;
    server.reply({ events: whole.events(1).slice(0, last) });
    expect(await failure(ask(wire, true, {}, { tools }))).toMatchObject({ kind: 'truncated_stream', retryable: true });
    server.reply({ events: [] });
    expect(await failure(ask(wire, true))).toMatchObject({ kind: 'truncated_stream' });
  });

  test('that goes silent in the middle is a timeout', async () => {
    server.reply({ reply: whole, hang: { afterEvents: 2 } });
    const facts = await failure(ask(wire, true, { timeouts: { idleMs: 40 } }, { tools }));
    expect(facts).toMatchObject({ kind: 'timeout', responseStarted: true });
  });

  test('that is slow but never silent has no timeout', async () => {
    const count = whole.events(1).length;
    server.reply({ reply: whole, delayMs: { events: 8 } });
    const events = await ask(wire, true, { timeouts: { idleMs: 8 * count * 0.75 } }, { tools });
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
    const text = whole.events(1).slice(0, 3).map(({ data }) => `data: ${JSON.stringify(data)}\n\n`).join('');
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
      cancel: () => void (cancelled = true),
    });
    const asked = await model(wire, { fetch: () => Promise.resolve(new Response(body)) });
    for await (const _event of asked.getStreamedResponse(request({ tools }))) break;
    expect(cancelled).toBe(true);
  });
});

describe('errors of the Responses API inside a 200 stream', () => {
  const created = responsesReply('x').events(1).slice(0, 1);
  const failed = (error: object): FakeAnswer => ({ events: [...created, { event: 'response.failed', data: { type: 'response.failed', response: { id: 'r', status: 'failed', error } } }] });

  test.each<[string, FakeAnswer, object]>([
    ['response.failed', failed({ code: 'server_error', message: 'boom' }), { kind: 'server', retryable: true, providerCode: 'server_error' }],
    ['response.failed for the rate', failed({ code: 'rate_limit_exceeded', message: 'slow' }), { kind: 'rate_limit' }],
    ['event: error', { events: [...created, { event: 'error', data: { type: 'error', code: 'rate_limit_exceeded', message: 'slow', param: null } }] }, { kind: 'rate_limit' }],
    ['response.incomplete for the length', { events: [...created, { data: { type: 'response.incomplete', response: { id: 'r', incomplete_details: { reason: 'max_output_tokens' } } } }] }, { kind: 'incomplete', retryable: false }],
    ['response.incomplete for the filter', { events: [...created, { data: { type: 'response.incomplete', response: { id: 'r', incomplete_details: { reason: 'content_filter' } } } }] }, { kind: 'content_policy', retryable: false }],
  ])('%s is a typed error with the request id', async (_name, answer, facts) => {
    server.reply(answer);
    expect(await failure(ask('responses', true))).toMatchObject({ ...facts, requestId: expect.stringMatching(/^req_fake/) as string });
  });
});

test('a chat server that sends [DONE] but no finish reason has answered', async () => {
  const events = chatReply('x').events(1);
  const unfinished = events.filter(({ data }) => !JSON.stringify(data).includes('"finish_reason":"stop"'));
  server.reply({ events: unfinished });
  expect(await ask('chat', true)).toContainEqual(expect.objectContaining({ type: 'response_done' }));
});

test('a client of the official shape is told not to retry', async () => {
  let options: unknown;
  const create = (_body: unknown, given: unknown): Promise<object> => {
    options = given;
    return Promise.resolve({ id: 'r', output: [], status: 'completed' });
  };
  const client = { responses: { create }, chat: { completions: { create } } };
  await (await new OpenAIProvider({ openAIClient: client }).getModel('m')).getResponse(request());
  expect(options).toMatchObject({ maxRetries: 0 });
});

test('a client and options for making one exclude each other', () => {
  const create = (): object => ({});
  const openAIClient = { responses: { create }, chat: { completions: { create } } };
  expect(() => new OpenAIProvider({ openAIClient, apiKey: KEY })).toThrow(/either openAIClient or apiKey/);
});
