/** Responses over real WebSockets, from a real server: what holds for HTTP holds here. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket as WsSocket, WebSocketServer, type WebSocket as ServerSocket } from 'ws';
import { z } from 'zod';
import {
  Agent,
  createOpenAIClient,
  ModelError,
  OpenAIProvider,
  OpenAIResponsesModel,
  OpenAIResponsesWSModel,
  Runner,
  setDefaultOpenAIClient,
  setOpenAIResponsesTransport,
  tool,
  withResponsesWebSocketSession,
} from '../../../index.ts';
import { checkResponsesRequest } from '../../../testing/fake-server/check-responses.ts';
import { createFakeServer, responsesReply, type RenderedReply } from '../../../testing/fake-server/index.ts';

const KEY = 'sk-planted-socket-key';

/** What the server does with one request. */
type Act = (socket: ServerSocket, n: number) => void;
type Seen = { socket: number; body: Record<string, unknown>; headers: Record<string, unknown> };

let sockets: WebSocketServer;
let seen: Seen[];
let script: Act[];
let opened: number;
let url: string;

const answer =
  (reply: RenderedReply, upTo = Infinity): Act =>
  (socket, n) => {
    for (const { data } of reply.events(n).slice(0, upTo)) {
      if (data !== '[DONE]') socket.send(typeof data === 'string' ? data : JSON.stringify(data));
    }
  };
const then =
  (...acts: Act[]): Act =>
  (socket, n) =>
    acts.forEach((act) => act(socket, n));
const send =
  (event: object): Act =>
  (socket) =>
    socket.send(JSON.stringify(event));
const cut: Act = (socket) => socket.terminate();

beforeEach(async () => {
  [seen, script, opened] = [[], [], 0];
  sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(sockets, 'listening');
  url = `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}/v1`;
  sockets.on('connection', (socket, { headers }) => {
    const number = ++opened;
    socket.on('message', (data) => {
      const { type, ...body } = JSON.parse(String(data)) as Record<string, unknown>;
      expect(type).toBe('response.create');
      expect(checkResponsesRequest(body as never)).toBeUndefined();
      seen.push({ socket: number, body, headers });
      (script.shift() ?? cut)(socket, seen.length);
    });
  });
});
afterEach(() => {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  setOpenAIResponsesTransport('http');
});

const modelOf = (websocketOptions = {}, more = {}): OpenAIResponsesWSModel =>
  new OpenAIResponsesWSModel(createOpenAIClient({ apiKey: KEY, baseURL: url }), 'gpt-5.4', {
    websocketOptions,
    ...more,
  });

const add = tool({
  name: 'add',
  description: 'Adds.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => String(a + b),
});
const calls = responsesReply({ toolCalls: [{ name: 'add', arguments: { a: 1, b: 2 } }] });
const runner = new Runner({ tracingDisabled: true });

test('a run over a WebSocket is the run over HTTP, plain and streamed, and needs one connection', async () => {
  const http = await createFakeServer();
  const overHttp = new OpenAIResponsesModel(createOpenAIClient({ apiKey: KEY, baseURL: http.baseURL }), 'gpt-5.4');
  for (const stream of [false, true]) {
    const outcomes = [];
    const model = modelOf();
    for (const each of [overHttp, model]) {
      http.reply(calls, responsesReply('3'));
      script.push(answer(calls), answer(responsesReply('3')));
      const agent = new Agent({ name: 'A', instructions: 'Be brief.', tools: [add], model: each });
      const result = stream ? await runner.run(agent, 'Add.', { stream: true }) : await runner.run(agent, 'Add.');
      if ('completed' in result) await result.completed;
      script.length = 0;
      outcomes.push([result.finalOutput, result.history, result.state.usage.totalTokens]);
    }
    // Ids are numbered by request.
    const numbered = JSON.stringify(outcomes).replaceAll(/(_|-)\d+/g, '');
    expect(JSON.parse(numbered)[1]).toEqual(JSON.parse(numbered)[0]);
    await model.close();
  }
  await http.close();
  expect(opened).toBe(2);
  const [first] = seen;
  expect(first?.body).not.toHaveProperty('stream');
  expect(first?.headers).toMatchObject({ authorization: `Bearer ${KEY}` });
});

test('calls at the same time have connections of their own, which later calls use', async () => {
  const model = modelOf();
  const agent = new Agent({ name: 'A', model });
  for (let round = 0; round < 3; round++) {
    script.push(answer(responsesReply('one')), answer(responsesReply('two')));
    await Promise.all([runner.run(agent, 'Hi'), runner.run(agent, 'Hi')]);
  }
  await model.close();
  expect(seen).toHaveLength(6);
  expect(opened).toBe(2);
});

test('a connection that is cut is a typed error, wherever it is cut', async () => {
  const model = modelOf();
  const reply = responsesReply('Hello there, this is an answer.');
  const whole = reply.events(1).length;
  for (const stream of [true, false]) {
    for (let events = 0; events < whole; events++) {
      script.push(then(answer(reply, events), cut));
      const agent = new Agent({ name: 'A', model });
      const ended = stream
        ? runner.run(agent, 'Hi', { stream: true }).then(({ completed }) => completed)
        : runner.run(agent, 'Hi');
      const error: unknown = await ended.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ModelError);
      expect(['network', 'truncated_stream']).toContain((error as ModelError).kind);
      expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain(KEY);
    }
  }
  await model.close();
});

test('an error event is the error that its status says', async () => {
  const model = modelOf();
  const limited = { type: 'rate_limit_error', code: 'rate_limit_exceeded', message: 'Slow down.' };
  script.push(send({ type: 'error', status: 429, error: limited, headers: { 'retry-after': '2' } }));
  const error = await runner.run(new Agent({ name: 'A', model }), 'Hi').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: 'rate_limit', status: 429, retryAfterMs: 2000 });
  script.push(answer(responsesReply('again')));
  expect((await runner.run(new Agent({ name: 'A', model }), 'Hi')).finalOutput).toBe('again');
  expect(opened).toBe(1);
  await model.close();
});

test('a connection that became too old at the server is replaced, and nobody notices', async () => {
  const model = modelOf();
  const agent = new Agent({ name: 'A', model });
  const code = 'websocket_connection_limit_reached';
  script.push(answer(responsesReply('one')), send({ type: 'error', status: 400, error: { code, message: '60 min.' } }));
  script.push(answer(responsesReply('two')));
  await runner.run(agent, 'Hi');
  expect((await runner.run(agent, 'Hi')).finalOutput).toBe('two');
  expect(seen.map(({ socket }) => socket)).toEqual([1, 1, 2]);
  await model.close();
});

test('an abort closes the connection, so that no rest of its answer is taken for that of the next call', async () => {
  const model = modelOf();
  const abort = new AbortController();
  script.push(then(answer(responsesReply('never'), 2), () => setTimeout(() => abort.abort(new Error('enough')), 20)));
  await expect(runner.run(new Agent({ name: 'A', model }), 'Hi', { signal: abort.signal })).rejects.toThrow('enough');
  script.push(answer(responsesReply('next')));
  expect((await runner.run(new Agent({ name: 'A', model }), 'Hi')).finalOutput).toBe('next');
  expect(seen.map(({ socket }) => socket)).toEqual([1, 2]);
  await model.close();
});

test('a server that cannot be reached is a network error that the retry policy may repeat', async () => {
  const model = new OpenAIResponsesWSModel(createOpenAIClient({ apiKey: KEY, baseURL: 'ws://127.0.0.1:9/v1' }), 'm');
  const error = await runner.run(new Agent({ name: 'A', model }), 'Hi').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: 'network', retryable: true, replaySafe: true });
});

test('idle connections close, and pings find broken ones where the socket can ping', async () => {
  const idle = modelOf({ idleMs: 10 });
  script.push(answer(responsesReply('one')));
  await runner.run(new Agent({ name: 'A', model: idle }), 'Hi');
  await expect.poll(() => sockets.clients.size).toBe(0);

  const webSocket = (to: string, headers: Record<string, string>) => new WsSocket(to, { headers, autoPong: false });
  const pinging = modelOf({ webSocket, pingIntervalMs: 20, pingTimeoutMs: 10_000 });
  let pings = 0;
  sockets.on('connection', (socket) => socket.on('ping', () => (pings += 1)));
  script.push(answer(responsesReply('two')));
  await runner.run(new Agent({ name: 'A', model: pinging }), 'Hi');
  await expect.poll(() => pings).toBeGreaterThan(1);
  await pinging.close();

  const cannot = modelOf({ pingIntervalMs: 20 });
  await expect(runner.run(new Agent({ name: 'A', model: cannot }), 'Hi')).rejects.toThrow('cannot ping');
});

test('the official client gives its address and key; one that shows none is refused', async () => {
  const official = new OpenAI({ apiKey: KEY, baseURL: url.replace('ws', 'http') });
  const model = new OpenAIResponsesWSModel(official, 'gpt-5.4');
  script.push(answer(responsesReply('hi')));
  expect((await runner.run(new Agent({ name: 'A', model }), 'Hi')).finalOutput).toBe('hi');
  await model.close();
  const bare = { responses: { create: () => undefined } };
  expect(() => new OpenAIResponsesWSModel(bare, 'm')).toThrow('createOpenAIClient');
});

test('a provider, the default transport and a session find such models by name', async () => {
  const agent = new Agent({ name: 'A', model: 'gpt-5.4' });
  setDefaultOpenAIClient(createOpenAIClient({ apiKey: KEY, baseURL: url }));
  setOpenAIResponsesTransport('websocket');
  script.push(answer(responsesReply('default')));
  expect((await new Runner().run(agent, 'Hi')).finalOutput).toBe('default');
  expect(() => setOpenAIResponsesTransport('carrier pigeon' as never)).toThrow("'http' or 'websocket'");

  script.push(answer(responsesReply('one')), answer(responsesReply('two')));
  const providerOptions = { apiKey: KEY, baseURL: 'https://elsewhere.invalid/v1', websocketBaseURL: url };
  const outputs = await withResponsesWebSocketSession(
    async ({ run, provider }) => {
      expect(provider).toBeInstanceOf(OpenAIProvider);
      return [(await run(agent, 'Hi')).finalOutput, (await run(agent, 'Hi')).finalOutput];
    },
    { providerOptions, runnerConfig: { tracingDisabled: true } },
  );
  expect(outputs).toEqual(['one', 'two']);
  expect(seen.map(({ socket }) => socket)).toEqual([1, 2, 2]);
});
