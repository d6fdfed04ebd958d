/** An OTLP receiver on loopback that keeps what it takes, and fails as it is told to. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { decodeOtlpRequest, encodeOtlpAnswer } from './otlp-schema.fixture.ts';

export type ReceivedSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  flags: number;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
  links: { traceId: string; spanId: string }[];
  status: { code?: number; message?: string };
};
export type ReceivedRequest = {
  headers: IncomingHttpHeaders;
  bytes: number;
  raw: string;
  spans: ReceivedSpan[];
  resource: Record<string, unknown>;
};

/** What to do with a request: take it (`rejected` of its spans not), answer with a status, or break the connection. */
export type Reaction =
  | { rejected?: number; message?: string; lostAnswer?: true; status?: undefined; retryAfter?: undefined }
  | { status: number; retryAfter?: string; body?: string; type?: string }
  | 'break';

export type OtlpServer = {
  readonly url: string;
  /** Requests that were taken. */
  readonly taken: ReceivedRequest[];
  /** Requests that came, and how many were there at once at most. */
  readonly seen: { requests: number; mostAtOnce: number };
  react: (request: ReceivedRequest, index: number) => Reaction | Promise<Reaction>;
  close: () => Promise<void>;
};

export async function startOtlpServer(port = 0): Promise<OtlpServer> {
  let open = 0;
  const server = createServer((request, response) => {
    void (async () => {
      open += 1;
      state.seen.mostAtOnce = Math.max(state.seen.mostAtOnce, open);
      const received = await read(request);
      const reaction = await state.react(received, state.seen.requests++);
      open -= 1;
      if (reaction === 'break') return void request.socket.destroy();
      if (reaction.status !== undefined) {
        const { retryAfter, type } = reaction;
        response.writeHead(reaction.status, {
          ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
          ...(type !== undefined && { 'content-type': type }),
        });
        return void response.end(reaction.body);
      }
      state.taken.push(received);
      if (reaction.lostAnswer) return void request.socket.destroy();
      const { rejected = 0, message = '' } = reaction;
      const json = received.headers['content-type'] === 'application/json';
      const partial = { partialSuccess: { rejectedSpans: String(rejected), errorMessage: message } };
      response.end(json ? JSON.stringify(rejected > 0 ? partial : {}) : encodeOtlpAnswer(rejected, message));
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const state: OtlpServer = {
    url: `http://127.0.0.1:${address.port}/v1/traces`,
    taken: [],
    seen: { requests: 0, mostAtOnce: 0 },
    react: () => ({}),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return state;
}

async function read(request: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
  const isJson = request.headers['content-type'] === 'application/json';
  const message = (isJson ? JSON.parse(plain.toString()) : decodeOtlpRequest(plain)) as Wire;
  const [group] = message.resourceSpans;
  return {
    headers: request.headers,
    bytes: bytes.length,
    raw: plain.toString('latin1'),
    resource: attributesOf(group?.resource.attributes),
    spans: (group?.scopeSpans[0]?.spans ?? []).map((span) => ({
      ...span,
      attributes: attributesOf(span.attributes),
      events: (span.events ?? []).map((event) => ({ name: event.name, attributes: attributesOf(event.attributes) })),
      links: span.links ?? [],
      status: span.status ?? {},
    })),
  };
}

type WireValue = {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string;
  doubleValue?: number;
  arrayValue?: { values?: WireValue[] };
};
type WireAttributes = { key: string; value: WireValue }[] | undefined;
type WireSpan = Omit<ReceivedSpan, 'attributes' | 'events'> & {
  attributes?: WireAttributes;
  events?: { name: string; attributes?: WireAttributes }[];
};
type Wire = { resourceSpans: { resource: { attributes?: WireAttributes }; scopeSpans: { spans: WireSpan[] }[] }[] };

function attributesOf(list: WireAttributes): Record<string, unknown> {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, plainValue(value)]));
}

function plainValue(value: WireValue): unknown {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plainValue);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue;
}
