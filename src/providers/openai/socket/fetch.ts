/**
 * A `fetch` that asks a Responses API over WebSockets: requests become `response.create` messages, their events a
 * stream of server-sent events. So all that holds for HTTP (limits on silence, typed errors, one reader) holds here.
 *
 * After https://developers.openai.com/api/docs/guides/websocket-mode: one response at a time on a connection, at most
 * 60 minutes a connection. Requests that run at the same time get connections of their own.
 */
import { textHeaders } from '../../../model/vendor-http.ts';
import type { Fetch } from '../../../wire/index.ts';
import { isObject, isString, type Json } from '../json.ts';
import { Connection, networkError, type ResponsesWebSocketOptions } from './connection.ts';

const DEFAULT_IDLE_MS = 60_000;

/** Headers of HTTP that mean nothing on a connection. */
const OF_HTTP = new Set(['content-type', 'content-length', 'accept']);

export type SocketFetch = {
  readonly fetch: Fetch;
  /** Closes all connections, busy ones too. It can be used again afterwards. */
  readonly close: () => void;
};

/** @param otherwise who is asked for what is not `POST /responses`, such as compaction */
export function socketFetch(options: ResponsesWebSocketOptions, otherwise: Fetch): SocketFetch {
  const pool = new Pool(options);
  return {
    fetch: (url, init) => {
      const isCreate = init.method === 'POST' && new URL(url).pathname.endsWith('/responses');
      return isCreate ? ask(pool, url, init) : otherwise(url.replace(/^ws/, 'http'), init);
    },
    close: () => pool.close(),
  };
}

type Destination = {
  url: string;
  headers: Record<string, string>;
  signal: AbortSignal | undefined;
  /** Only a new connection will do. */
  isFresh?: boolean;
};

/** Connections that wait for a request, by where they lead and as whom. */
class Pool {
  readonly #options: ResponsesWebSocketOptions;
  readonly #waiting = new Map<string, Connection[]>();
  readonly #all = new Set<Connection>();

  constructor(options: ResponsesWebSocketOptions) {
    this.#options = options;
  }

  async take(destination: Destination): Promise<Connection> {
    const waiting = this.#waiting.get(keyOf(destination)) ?? [];
    while (!destination.isFresh && waiting.length > 0) {
      const found = waiting.pop();
      found?.take();
      if (found?.isReusable) return found;
      if (found) this.drop(found);
    }
    const connection = await Connection.open(destination, this.#options);
    this.#all.add(connection);
    return connection;
  }

  /** It may be asked again. */
  give(destination: Destination, connection: Connection): void {
    const { idleMs = DEFAULT_IDLE_MS } = this.#options;
    if (!connection.isReusable || idleMs <= 0 || !this.#all.has(connection)) return this.drop(connection);
    connection.rest(idleMs);
    const key = keyOf(destination);
    const waiting = this.#waiting.get(key);
    if (waiting) waiting.push(connection);
    else this.#waiting.set(key, [connection]);
  }

  drop(connection: Connection): void {
    this.#all.delete(connection);
    connection.close();
  }

  close(): void {
    for (const connection of this.#all) connection.close();
    this.#all.clear();
    this.#waiting.clear();
  }
}

const keyOf = ({ url, headers }: Destination): string => JSON.stringify([url, headers]);

async function ask(pool: Pool, url: string, init: RequestInit): Promise<Response> {
  const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
  const { stream, background: _, ...request } = isObject(body) ? body : {};
  const headers = textHeaders(Object.fromEntries(new Headers(init.headers)));
  for (const name of OF_HTTP) delete headers[name];
  const destination = { url: url.replace(/^http/, 'ws'), headers, signal: init.signal ?? undefined };
  const message = JSON.stringify({ type: 'response.create', ...request });
  const answer = await begin(pool, destination, message);
  return stream === true ? streamed(answer) : whole(answer);
}

type Answer = { pool: Pool; destination: Destination; connection: Connection; first: Frame };
type Frame = { text: string; event: Json | undefined };

/** Sends a request and waits for the first frame of its answer. */
async function begin(pool: Pool, destination: Destination, message: string): Promise<Answer> {
  const connection = await pool.take(destination);
  try {
    connection.send(message, destination.signal);
    const first = await read(connection);
    // The server ends connections by age: it says so in place of an answer, and did nothing.
    if (connection.isUsed && codeOf(first.event) === 'websocket_connection_limit_reached') {
      pool.drop(connection);
      return begin(pool, { ...destination, isFresh: true }, message);
    }
    return { pool, destination, connection, first };
  } catch (error) {
    pool.drop(connection);
    throw error;
  }
}

async function read(connection: Connection): Promise<Frame> {
  const text = await connection.next();
  if (text === undefined) {
    throw networkError(
      'ECONNRESET',
      `The connection ended before the response did (${connection.ended ?? 'unknown'}).`,
    );
  }
  return { text, event: endOf(text) };
}

/** What may be the last event of a response. The others are not parsed here: there are as many as tokens. */
function endOf(text: string): Json | undefined {
  if (!/"type"\s*:\s*"(?:response\.(?:completed|failed|incomplete)|error)"/.test(text)) return undefined;
  try {
    const event: unknown = JSON.parse(text);
    return isObject(event) && isString(event['type']) && LAST.has(event['type']) ? event : undefined;
  } catch {
    return undefined;
  }
}

const LAST = new Set(['response.completed', 'response.failed', 'response.incomplete', 'error']);

const codeOf = (event: Json | undefined): unknown => (isObject(event?.['error']) ? event['error']['code'] : undefined);

/** An error before any event is an answer of HTTP: its status says what it is. */
function refusal({ pool, destination, connection, first: { event } }: Answer): Response | undefined {
  const status = event?.['type'] === 'error' ? (event['status'] ?? event['status_code']) : undefined;
  if (typeof status !== 'number' || status < 400 || status > 599) return undefined;
  pool.give(destination, connection);
  const headers = { 'content-type': 'application/json', ...headersIn(event) };
  return new Response(JSON.stringify({ error: event?.['error'] }), { status, headers });
}

/** Such as `retry-after`: the events of errors carry them. */
function headersIn(event: Json | undefined): Record<string, string> {
  const headers = event?.['headers'];
  return isObject(headers) ? textHeaders(headers) : {};
}

async function whole(answer: Answer): Promise<Response> {
  const refused = refusal(answer);
  if (refused) return refused;
  const { pool, destination, connection } = answer;
  try {
    let { event } = answer.first;
    while (!event) ({ event } = await read(connection));
    pool.give(destination, connection);
    return Response.json(event['type'] === 'error' ? { error: event['error'] } : event['response']);
  } catch (error) {
    pool.drop(connection);
    throw error;
  }
}

function streamed(answer: Answer): Response {
  const refused = refusal(answer);
  if (refused) return refused;
  const { pool, destination, connection } = answer;
  const encoder = new TextEncoder();
  let next: Frame | undefined = answer.first;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const frame: Frame = next ?? (await read(connection));
        next = undefined;
        controller.enqueue(encoder.encode(`data: ${frame.text.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`));
        if (!frame.event) return;
        pool.give(destination, connection);
        controller.close();
      } catch (error) {
        pool.drop(connection);
        controller.error(error);
      }
    },
    cancel: () => pool.drop(connection),
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}
