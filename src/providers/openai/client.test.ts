/** Requests over a real socket: every way in which one can fail, and what retries make of it. */
import { APIError } from 'openai';
import { describe, expect, test } from 'vitest';
import {
  WIRES,
  KEY,
  ask,
  drain,
  everythingOf,
  failure,
  model,
  reply,
  request,
  server,
} from '../../../test/openai/socket.ts';
import { callModel, retryPolicies, streamModel } from '../../model/index.ts';
import type { Model, StreamEvent } from '../../protocol/model.ts';
import { createFakeServer, errorBody, type FakeAnswer, type RenderedReply } from '../../testing/fake-server/index.ts';
import { isModelError, type Fetch } from '../../wire/index.ts';
import { OpenAIProvider, type OpenAIProviderOptions } from './provider.ts';

/** A server that never answers. */
const silent = ({ signal }: RequestInit): Promise<Response> =>
  new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));

function answerOf(rendered: RenderedReply, stream: boolean): Response {
  if (!stream) return Response.json(rendered.json(1));
  const events = rendered.events(1).map(({ data }) => (typeof data === 'string' ? data : JSON.stringify(data)));
  const body = events.map((data) => `data: ${data}\n\n`).join('');
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

const both = WIRES.flatMap((wire) => [false, true].map((stream) => [wire, stream] as const));

describe.each(both)('%s, streamed: %s', (wire, stream) => {
  test('an answer is an answer, with its request id', async () => {
    server.reply(
      reply(wire, { text: 'Hello there, world', toolCalls: [{ name: 'f', arguments: { a: 1 }, id: 'c1' }] }),
    );
    const tools = [
      {
        type: 'function' as const,
        name: 'f',
        description: '',
        parameters: { type: 'object' as const, properties: {}, required: [], additionalProperties: false },
        strict: true,
      },
    ];
    const answered = await ask(wire, stream, { more: { tools } });
    const { output, requestId, usage } = stream
      ? ((answered as StreamEvent[]).find((event) => event.type === 'response_done')?.response ?? ({} as never))
      : (answered as Awaited<ReturnType<Model['getResponse']>>);
    expect(output).toMatchObject([
      { type: 'message', content: [{ text: 'Hello there, world' }] },
      { type: 'function_call', callId: 'c1', name: 'f', arguments: '{"a":1}' },
    ]);
    expect(requestId).toMatch(/^req_fake_\d+$/);
    expect(usage).toMatchObject({ inputTokens: 10, outputTokens: 5 });
    if (stream) {
      const text = (answered as StreamEvent[]).flatMap((event) =>
        event.type === 'output_text_delta' ? [event.delta] : [],
      );
      expect(text.length).toBeGreaterThan(1);
      expect(text.join('')).toBe('Hello there, world');
    }
    expect(server.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${KEY}` });
  });

  const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
  test.each<[string, FakeAnswer, object]>([
    [
      '429 with retry-after-ms',
      { status: 429, headers: { 'retry-after-ms': '1500' }, body: errorBody('slow') },
      { kind: 'rate_limit', retryable: true, status: 429, retryAfterMs: 1500 },
    ],
    [
      '429 with retry-after in seconds',
      { status: 429, headers: { 'retry-after': '2' }, body: errorBody('slow') },
      { kind: 'rate_limit', retryAfterMs: 2000 },
    ],
    [
      '429 with retry-after as a date',
      { status: 429, headers: { 'retry-after': inAnHour }, body: errorBody('slow') },
      { kind: 'rate_limit', retryAfterMs: expect.closeTo(3_600_000, -6) as number },
    ],
    [
      '429 of an empty account',
      { status: 429, body: errorBody('no money', 'insufficient_quota', { code: 'insufficient_quota' }) },
      { kind: 'quota_exhausted', retryable: false },
    ],
    ['500', { status: 500, body: errorBody('boom', 'server_error') }, { kind: 'server', retryable: true, status: 500 }],
    ['502 in HTML', { status: 502, body: '<html>bad gateway</html>' }, { kind: 'server', retryable: true }],
    ['503', { status: 503, body: '' }, { kind: 'overloaded', retryable: true }],
    [
      '401 that quotes the key',
      { status: 401, body: errorBody(`Incorrect API key provided: ${KEY}.`, 'x', { code: 'invalid_api_key' }) },
      { kind: 'auth', retryable: false },
    ],
    [
      '400 that quotes the header',
      { status: 400, body: errorBody(`Bad header Authorization: Bearer ${KEY}`) },
      { kind: 'bad_request', retryable: false },
    ],
    [
      '200 with an error as JSON',
      { body: errorBody('upstream', 'server_error') },
      { kind: 'server', responseStarted: stream ? undefined : true },
    ],
  ])('%s is a typed error', async (_name, answer, facts) => {
    server.reply(answer);
    expect(await failure(ask(wire, stream))).toMatchObject(
      Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
    );
  });

  test('headers that never come are a timeout', async () => {
    server.reply({ hang: 'headers' });
    const facts = await failure(ask(wire, stream, { provider: { timeouts: { headersMs: 40 } } }));
    expect(facts).toMatchObject({ kind: 'timeout', retryable: true, responseStarted: false });
  });

  test('a body that never comes is a timeout', async () => {
    server.reply({ reply: reply(wire, 'x'), hang: 'body' });
    const facts = await failure(ask(wire, stream, { provider: { timeouts: { idleMs: 40 } } }));
    expect(facts).toMatchObject({ kind: 'timeout', responseStarted: true });
  });

  test('a port where nobody listens is a network error that is safe to repeat', async () => {
    const gone = await createFakeServer();
    await gone.close();
    const facts = await failure(ask(wire, stream, { provider: { baseURL: gone.baseURL } }));
    expect(facts).toMatchObject({ kind: 'network', retryable: true, replaySafe: true, providerCode: 'ECONNREFUSED' });
  });

  test("an abort rejects with the caller's own reason", async () => {
    const controller = new AbortController();
    const reason = new Error('mine');
    server.reply({ hang: 'headers' });
    const asking = ask(wire, stream, { more: { signal: controller.signal } });
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(reason);
    await expect(asking).rejects.toBe(reason);
    await expect(ask(wire, stream, { more: { signal: AbortSignal.abort(reason) } })).rejects.toBe(reason);
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
    Object.assign(process.env, {
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: `${server.baseURL}/`,
      OPENAI_ORG_ID: 'org',
      OPENAI_PROJECT_ID: 'proj',
    });
    server.reply(reply(wire, 'x'));
    if (stream) await drain(asked.getStreamedResponse(request()));
    else await asked.getResponse(request());
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'openai-organization': 'org',
      'openai-project': 'proj',
    });
  });

  test('the retry policy follows the kinds: a full minute is waited for, an empty account is not', async () => {
    const waits: number[] = [];
    const hooks = { sleep: async (ms: number): Promise<void> => void waits.push(ms) };
    const retry = {
      maxRetries: 2,
      policy: retryPolicies.any(retryPolicies.providerSuggested(), retryPolicies.networkError()),
    };
    const call = async (provider: OpenAIProviderOptions = {}): Promise<unknown> => {
      const asked = await model(wire, provider);
      const retried = request({ modelSettings: { retry } });
      return stream ? drain(streamModel(asked, retried, hooks)) : callModel(asked, retried, hooks);
    };
    server.reply(
      { status: 429, headers: { 'retry-after': '7' }, body: '' },
      { status: 503, headers: { 'retry-after-ms': '9' }, body: '' },
      reply(wire, 'x'),
    );
    await call();
    expect(waits).toEqual([7000, 9]);
    // Not over a socket: on a busy machine a real second answer would be too late as well.
    const answers = [silent, () => Promise.resolve(answerOf(reply(wire, 'x'), stream))];
    const fetch: Fetch = (_url, init) => (answers.shift() ?? silent)(init);
    await call({ fetch, timeouts: { headersMs: 5 } });
    expect(waits).toHaveLength(3);
    server.reply({ status: 429, body: errorBody('no money', 'x', { code: 'insufficient_quota' }) });
    expect(await failure(call())).toMatchObject({ kind: 'quota_exhausted' });
    server.reply({ status: 400, body: errorBody('bad') });
    expect(await failure(call())).toMatchObject({ kind: 'bad_request' });
    expect(waits).toHaveLength(3);
  });
});

test('a key of no known shape is not shown either, whoever quotes it', async () => {
  const apiKey = 'plainkeyofnoshape';
  for (const stream of [false, true]) {
    server.reply({ status: 400, body: errorBody(`The key ${apiKey} is wrong.`) });
    const error: unknown = await ask('responses', stream, { provider: { apiKey } }).catch((reason: unknown) => reason);
    expect(isModelError(error) && error.message).toContain('[redacted]');
    expect(everythingOf(error)).not.toContain(apiKey);
  }
});

test('a key that cannot be a header is refused without being shown', async () => {
  const apiKey = 'line\none-secret';
  const error: unknown = await ask('responses', false, { provider: { apiKey } }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ kind: 'bad_request', retryable: false });
  expect(everythingOf(error)).not.toContain('one-secret');
});

describe.each(WIRES)('what an error of the official client says about asking again, on %s', (wire) => {
  const advice = async (status: number, body: object, headers = {}): Promise<unknown> => {
    const error = APIError.generate(status, { error: body }, undefined, new Headers(headers));
    return (await model(wire)).getRetryAdvice?.({ request: request(), error, stream: false, attempt: 1 });
  };

  test('a full minute is worth waiting for, an empty account is not', async () => {
    const quota = {
      message: 'You exceeded your current quota.',
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    };
    expect(await advice(429, { message: 'Slow down.', code: 'rate_limit_exceeded' })).toMatchObject({
      suggested: true,
    });
    expect(await advice(429, quota)).toMatchObject({ suggested: false });
    // The server knows best.
    expect(await advice(429, quota, { 'x-should-retry': 'true' })).toMatchObject({ suggested: true });
    expect(await advice(500, { message: 'boom' }, { 'x-should-retry': 'false' })).toMatchObject({ suggested: false });
    expect(await advice(400, { message: 'bad' })).toBeUndefined();
  });
});

test('a key may be a function: it is asked before each attempt, with the model, and its keys are shown to nobody', async () => {
  const asked: unknown[] = [];
  const apiKey = ({ model: name }: { model?: string }): Promise<string> => {
    asked.push(name);
    return Promise.resolve(`rotated-secret-${asked.length}`);
  };
  for (const wire of WIRES) {
    asked.length = 0;
    server.requests.length = 0;
    const keyed = await model(wire, { apiKey });
    server.reply(reply(wire, 'x'), { status: 400, body: errorBody('The key rotated-secret-2 is wrong.') });
    await keyed.getResponse(request());
    const error: unknown = await keyed.getResponse(request()).catch((reason: unknown) => reason);
    expect(asked).toEqual(['fake', 'fake']);
    expect(server.requests.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer rotated-secret-1',
      'Bearer rotated-secret-2',
    ]);
    expect(everythingOf(error)).not.toContain('rotated-secret');
  }
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
