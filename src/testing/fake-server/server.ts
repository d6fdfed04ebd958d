/**
 * A server on a free port of this machine that answers like OpenAI and Anthropic, from a script: replies, errors, delays, cuts.
 * It refuses what the vendor refuses, so that a test with it says something about production.
 *
 * Not responsible for thinking: a request beyond the script is answered 500.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { checkChatRequest } from './check-chat.ts';
import { checkMessagesRequest } from './check-messages.ts';
import { checkResponsesRequest } from './check-responses.ts';
import { checkCompactRequest, compactedBody, type ConversationStore, conversationStore } from './conversations.ts';
import { isObject, Problem, type Json } from './problem.ts';
import type { FakeEvent, RenderedReply } from './reply.ts';

/** How the server answers one request. */
export type FakeAnswer = {
  /** @default 200 */
  status?: number;
  headers?: Record<string, string>;
  /** What to answer, in the form that the request asks for. From `chatReply`, `responsesReply` or `messagesReply`. */
  reply?: RenderedReply;
  /** A body instead of `reply`: an object is sent as JSON, a string as it is. */
  body?: object | string;
  /** Events instead of `reply`, sent as a stream whatever the request asks for. */
  events?: FakeEvent[];
  /** Milliseconds to wait. @default 0 each */
  delayMs?: { headers?: number; firstEvent?: number; events?: number };
  /** Cut the body into chunks of this many bytes, or at these offsets. @default one chunk an event */
  chunks?: number | number[];
  /** Destroy the socket after this many bytes of the body, or this many events. 0 bytes: right after the headers. */
  cut?: { bytes: number } | { events: number };
  /** Never send headers; or never send anything after them; or stop after this many events and stay silent. */
  hang?: 'headers' | 'body' | { afterEvents: number };
  /** Check the request as the vendor does. @default true */
  validate?: boolean;
};

/** A request that the server got. */
export type FakeRequest = {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: Json;
  /** Why it was refused, where it was. */
  problem?: string;
};

export type FakeServerOptions = {
  /** Refuse requests without a bearer token (on Messages: without `x-api-key`). @default true */
  requireKey?: boolean;
  /** The port to listen on. @default one that is free */
  port?: number;
};

export type FakeServer = AsyncDisposable & {
  /** For `baseURL`: `http://127.0.0.1:<port>/v1`. */
  readonly baseURL: string;
  /** Everything that was asked, in order. */
  readonly requests: FakeRequest[];
  /** Answers to give, one a request, in order. */
  reply(...answers: (FakeAnswer | RenderedReply)[]): void;
  /** Answers every request that no scripted answer is left for. */
  fallback(
    answer: FakeAnswer | RenderedReply | ((request: FakeRequest, n: number) => FakeAnswer | RenderedReply),
  ): void;
  /** Ends the server and all its connections, hanging ones too. */
  close(): Promise<void>;
};

type Fallback = (request: FakeRequest, n: number) => FakeAnswer | RenderedReply;

/** Starts a fake server. Close it when done, or bind it with `await using`. */
export async function createFakeServer({
  requireKey = true,
  port: wanted = 0,
}: FakeServerOptions = {}): Promise<FakeServer> {
  const queue: FakeAnswer[] = [];
  const requests: FakeRequest[] = [];
  const closing = new AbortController();
  const conversations = conversationStore();
  let fallback: Fallback | undefined;

  const http = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    const n = requests.push(request);
    const kept = requireKey && !hasKey(request, false) ? undefined : answerOf(conversations, request);
    if (kept) return send(outgoing, { answer: kept, streamed: false, n, signal: closing.signal });
    const isCompaction = pathOf(request) === '/responses/compact';
    const scripted =
      queue.shift() ??
      (fallback && toAnswer(fallback(request, n))) ??
      (isCompaction ? { body: compactedBody(request.body, n) } : undefined);
    const refused = refusal(request, { requireKey, validate: scripted?.validate ?? true });
    const answer = refused ??
      scripted ?? { status: 500, body: errorBody(`No answer is scripted for request ${n}.`, 'server_error') };
    await send(outgoing, { answer, streamed: request.body['stream'] === true, n, signal: closing.signal });
  }

  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(wanted, '127.0.0.1', resolve);
  });
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  async function close(): Promise<void> {
    closing.abort();
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    http.closeAllConnections();
    await closed;
  }
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    requests,
    reply: (...answers) => void queue.push(...answers.map(toAnswer)),
    fallback: (answer) => {
      fallback = typeof answer === 'function' ? answer : () => answer;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function toAnswer(answer: FakeAnswer | RenderedReply): FakeAnswer {
  return 'json' in answer && typeof answer.json === 'function' ? { reply: answer } : (answer as FakeAnswer);
}

async function readRequest(incoming: IncomingMessage): Promise<FakeRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { method = '', url = '', headers } = incoming;
  const request = { method, path: url, headers: { ...headers } };
  if (chunks.length === 0 && method !== 'POST') return { ...request, body: {} };
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return isObject(body) ? { ...request, body } : { ...request, body: {}, problem: 'The body is not a JSON object.' };
  } catch {
    return { ...request, body: {}, problem: 'We could not parse the JSON body of your request.' };
  }
}

/** An error body as OpenAI writes it. */
export function errorBody(
  message: string,
  type = 'invalid_request_error',
  more: { code?: string; param?: string } = {},
): object {
  return { error: { message, type, param: more.param ?? null, code: more.code ?? null } };
}

const CHECKS: Record<string, (body: Json) => void> = {
  '/responses': checkResponsesRequest,
  '/responses/compact': checkCompactRequest,
  '/chat/completions': checkChatRequest,
  '/messages': checkMessagesRequest,
};

/** An error body as Anthropic writes it. */
export function messagesErrorBody(message: string, type = 'invalid_request_error'): object {
  return { type: 'error', error: { type, message }, request_id: 'req_fake' };
}

function hasKey({ headers }: FakeRequest, messages: boolean): boolean {
  if (/^Bearer .+/.test(String(headers['authorization'] ?? ''))) return true;
  return messages && String(headers['x-api-key'] ?? '') !== '';
}

const pathOf = ({ path }: FakeRequest): string => path.replace(/\?.*$/, '').replace(/^\/v1/, '');

/** What the server keeps by itself needs no script. */
function answerOf(conversations: ConversationStore, request: FakeRequest): FakeAnswer | undefined {
  const query = new URLSearchParams(request.path.split('?')[1]);
  try {
    return conversations({ method: request.method, path: pathOf(request), query, body: request.body });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    request.problem = error.message;
    const { code, param } = error;
    return { status: 400, body: errorBody(error.message, 'invalid_request_error', { code, param }) };
  }
}

function refusal(request: FakeRequest, options: { requireKey: boolean; validate: boolean }): FakeAnswer | undefined {
  const path = pathOf(request);
  const messages = path === '/messages';
  const refuse = (
    status: number,
    message: string,
    more: { code: string; param?: string; type?: string },
  ): FakeAnswer => ({
    status,
    body: messages ? messagesErrorBody(message, more.type) : errorBody(message, 'invalid_request_error', more),
  });
  if (options.requireKey && !hasKey(request, messages)) {
    request.problem = 'no key';
    return refuse(401, "You didn't provide an API key.", { code: 'invalid_api_key', type: 'authentication_error' });
  }
  if (!options.validate) return undefined;
  const check = CHECKS[path];
  if (!check) {
    request.problem = `unknown path ${path}`;
    return refuse(404, `Unknown request URL: ${request.method} ${path}.`, { code: 'unknown_url' });
  }
  try {
    if (request.problem !== undefined) throw new Problem('body', request.problem, 'invalid_json');
    if (messages && request.headers['anthropic-version'] === undefined)
      throw new Problem('header', 'anthropic-version: header is required');
    check(request.body);
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    request.problem = error.message;
    return refuse(400, error.message, { code: error.code, param: error.param });
  }
}

type Sending = { answer: FakeAnswer; streamed: boolean; n: number; signal: AbortSignal };

async function send(outgoing: ServerResponse, { answer, streamed, n, signal }: Sending): Promise<void> {
  const { status = 200, headers = {}, delayMs = {}, hang } = answer;
  if (hang === 'headers') return;
  await pause(delayMs.headers, signal);
  const events = answer.events ?? (streamed && answer.body === undefined ? answer.reply?.events(n) : undefined);
  const isText = typeof answer.body === 'string' && !/^\s*[{[]/.test(answer.body);
  const type = events ? 'text/event-stream; charset=utf-8' : isText ? 'text/plain' : 'application/json';
  outgoing.writeHead(status, { 'content-type': type, 'x-request-id': `req_fake_${n}`, ...headers });
  outgoing.flushHeaders();
  if (hang === 'body') return;
  await pause(delayMs.firstEvent, signal);
  const pieces = events ? events.map(eventText) : [bodyText(answer, n)];
  const limit =
    typeof hang === 'object' ? hang.afterEvents : answer.cut && 'events' in answer.cut ? answer.cut.events : Infinity;
  const bytes = pieces.slice(0, limit).map((piece) => Buffer.from(piece, 'utf8'));
  const cutAt = answer.cut && 'bytes' in answer.cut ? answer.cut.bytes : Infinity;
  let sent = 0;
  for (const chunk of answer.chunks === undefined ? bytes : rechunk(Buffer.concat(bytes), answer.chunks)) {
    const part = chunk.subarray(0, Math.max(0, cutAt - sent));
    if (part.length > 0) await write(outgoing, part);
    sent += chunk.length;
    if (sent >= cutAt) break;
    await pause(delayMs.events, signal);
  }
  if (typeof hang === 'object') return;
  if (answer.cut) outgoing.destroy();
  else outgoing.end();
}

function eventText({ event, data }: FakeEvent): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  const lines = text.split('\n').map((line) => `data: ${line}\n`);
  return `${event === undefined ? '' : `event: ${event}\n`}${lines.join('')}\n`;
}

function bodyText({ body, reply }: FakeAnswer, n: number): string {
  return typeof body === 'string' ? body : JSON.stringify(body ?? reply?.json(n) ?? {});
}

function rechunk(bytes: Buffer, chunks: number | number[]): Buffer[] {
  const ends = typeof chunks === 'number' ? [] : [...chunks];
  if (typeof chunks === 'number') for (let at = chunks; at < bytes.length; at += chunks) ends.push(at);
  const parts: Buffer[] = [];
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    if (end > start) parts.push(bytes.subarray(start, end));
    start = Math.max(start, end);
  }
  return parts;
}

/** Resolves when the bytes are on their way, so that each write is a packet of its own. */
function write(outgoing: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    outgoing.once('close', resolve);
    outgoing.write(bytes, () => {
      outgoing.removeListener('close', resolve);
      resolve();
    });
  });
}

function pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
  if (!ms || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
