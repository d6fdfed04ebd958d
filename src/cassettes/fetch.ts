/**
 * A cassette at `fetch`, below the adapter: what a vendor sent, byte for byte, with the chunks of a stream.
 *
 * Compared are the method, the path with its query, and the body without ids, limits and cache markers; not the host
 * (proxies, ports), and no header. No header of a request is written down.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Json } from '../protocol/json.ts';
import type { KeptFor } from '../protocol/model.ts';
import type { Fetch } from '../wire/index.ts';
import { normalBody } from './normal-form.ts';
import { type CassetteFileOptions, checkCassetteOptions, modeOf } from './options.ts';
import { Player, type Parts, type Reading } from './player.ts';
import { createRedactor, REDACTED, type Redactor } from './redaction.ts';
import { type Slot, tapeOf } from './tape.ts';
import { named, type WireEntry } from './types.ts';

export type CassetteFetchOptions = CassetteFileOptions & {
  /** What really sends. @default globalThis.fetch, looked up at each call */
  fetch?: Fetch;
};

/** Headers of an answer that adapters read. Cookies and the like stay out. */
const KEPT_HEADERS =
  /^(?:content-type|(?:x-)?request-id|retry-after(?:-ms)?|x-should-retry|(?:x|anthropic)-ratelimit-.*|openai-processing-ms|x-litellm-(?:response-cost|call-id|model-id))$/;

/**
 * Wraps `fetch` in a cassette, for adapters that take one: the adapter itself runs in a replay.
 *
 * @example
 * ```ts no-run
 * import { OpenAIProvider, Runner } from '@baton/agents';
 * import { cassetteFetch } from '@baton/agents/cassettes';
 *
 * const fetch = cassetteFetch({ file: 'test/cassettes/wire.json' });
 * const runner = new Runner({ modelProvider: new OpenAIProvider({ apiKey: process.env['OPENAI_API_KEY'] ?? 'none', fetch }) });
 * ```
 * @throws CassetteError for options that cannot work; each call rejects with it for a file that is no cassette, and
 * for a request that is not on it (`CassetteMissError`)
 */
export function cassetteFetch(options: CassetteFetchOptions): Fetch {
  checkCassetteOptions('cassetteFetch', options, OPTIONS);
  const { file, timing = 'none' } = options;
  const mode = modeOf(options.mode);
  const player = new Player({ tape: tapeOf(file), name: file, mode, reading: READING });
  const redactor = createRedactor(options);
  const send: Fetch = (url, init) => (options.fetch ?? globalThis.fetch)(url, init);
  return async (url, init) => {
    if (mode === 'passthrough') return send(url, init);
    const request = requestOf(url, init, redactor);
    await player.ready();
    if (mode !== 'record') {
      const entry = player.take(request);
      if (entry) return replayed(entry, { signal: init.signal ?? undefined, timed: timing === 'recorded' });
      if (mode === 'replay') throw player.miss(request, `${request.method} ${request.url}`);
    }
    const slot = player.reserve();
    const begun = performance.now();
    try {
      const response = await send(url, init);
      return recorded(response, { player, slot, request, redactor, begun, keptFor: options.keptFor });
    } catch (error) {
      // The server was not reached: that says nothing about the request.
      await player.fill(slot);
      throw error;
    }
  };
}

const OPTIONS = ['file', 'mode', 'timing', 'keptFor', 'redact', 'redactFields', 'fetch'];

const READING: Reading<WireEntry> = {
  is: (entry): entry is WireEntry => entry.kind === 'fetch',
  partsOf: ({ request }): Parts => ({ ...request, body: bodyOf(request.body) }),
  compared: ['method', 'url', 'body'],
};

const bodyOf = (body: Json | undefined): Json | undefined =>
  typeof body === 'object' && body !== null ? normalBody(body) : body;

function requestOf(url: string, { method = 'GET', body }: RequestInit, redactor: Redactor): WireEntry['request'] {
  const { pathname, search, searchParams } = new URL(url);
  for (const name of searchParams.keys()) if (/key|token|sig|secret|code/i.test(name)) searchParams.set(name, REDACTED);
  const query = search === '' ? '' : `?${decodeURIComponent(searchParams.toString())}`;
  const where = { method: method.toUpperCase(), url: redactor.text(`${pathname}${query}`) };
  if (body === undefined || body === null) return where;
  const text = typeof body === 'string' ? body : '[not text]';
  return { ...where, body: jsonBody(text, redactor) };
}

function jsonBody(text: string, redactor: Redactor): Json {
  try {
    return normalBody(redactBody(JSON.parse(text) as Json, redactor));
  } catch {
    return redactor.text(text);
  }
}

/** A body without secrets. The members of schemas are no data. */
function redactBody(body: Json, redactor: Redactor): Json {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return redactor.json(body);
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [
      key,
      key === 'tools' || key === 'response_format' || key === 'text' ? redactor.texts(value) : redactor.json(value),
    ]),
  );
}

type Recording = {
  player: Player<WireEntry>;
  slot: Slot;
  request: WireEntry['request'];
  redactor: Redactor;
  begun: number;
  keptFor: KeptFor | undefined;
};

/** The answer as it comes, written down when it has ended. */
function recorded(response: Response, recording: Recording): Response {
  const { player, slot, begun } = recording;
  const chunks: Uint8Array[] = [];
  const chunkMs: number[] = [];
  const reader = response.body?.getReader();
  let isOver = false;
  const finish = async (end?: 'cut' | 'left'): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await player.fill(slot, entryOf(response, recording, { chunks, chunkMs, end }));
  };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
          if (done) {
            await finish();
            controller.close();
            return;
          }
          chunks.push(value);
          chunkMs.push(Math.round(performance.now() - begun));
          controller.enqueue(value);
        } catch (error) {
          await finish('cut');
          controller.error(error);
        }
      },
      async cancel(why) {
        await finish('left');
        await reader?.cancel(why);
      },
    },
    { highWaterMark: 0 },
  );
  const { status, statusText, headers } = response;
  return new Response(hasBody(status) ? body : null, { status, statusText, headers });
}

const hasBody = (status: number): boolean => ![101, 204, 205, 304].includes(status);

type Body = { chunks: Uint8Array[]; chunkMs: number[]; end: 'cut' | 'left' | undefined };

function entryOf(
  response: Response,
  { request, redactor, keptFor }: Recording,
  { chunks, chunkMs, end }: Body,
): WireEntry {
  const headers: { [name: string]: string } = {};
  for (const [name, value] of response.headers) if (KEPT_HEADERS.test(name)) headers[name] = redactor.text(value);
  const texts = textsOf(chunks);
  const stored = texts ? redactChunks(texts, redactor) : chunks.map((chunk) => Buffer.from(chunk).toString('base64'));
  return {
    kind: 'fetch',
    ...named(keptFor),
    request,
    response: {
      status: response.status,
      headers,
      chunks: stored,
      ...(!texts && { base64: true as const }),
      ...(stored.length === chunkMs.length && { chunkMs }),
      ...(end && { end }),
    },
  };
}

/** The chunks as texts: a character that was cut in two is in the later one. `undefined` for what is no UTF-8. */
function textsOf(chunks: readonly Uint8Array[]): string[] | undefined {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return chunks.map((chunk, n) => decoder.decode(chunk, { stream: n < chunks.length - 1 }));
  } catch {
    return undefined;
  }
}

/** Where a secret lies across two chunks, or in pieces in several events, the chunks are cut anew, one an event. */
function redactChunks(texts: readonly string[], redactor: Redactor): string[] {
  const whole = texts.join('');
  const json = parsed(whole);
  if (json !== undefined) {
    const clean = redactor.json(json);
    return JSON.stringify(clean) === JSON.stringify(json) ? [...texts] : [JSON.stringify(clean)];
  }
  const events = whole.split(/(?<=\r?\n\r?\n)/);
  const data = events.map((event) => parsed(/^data: ?(.*)$/m.exec(event)?.[1] ?? ''));
  const present = data.filter((each) => each !== undefined);
  const clean = redactor.sequence(present);
  const touched = redactor.text(whole) !== whole || JSON.stringify(clean) !== JSON.stringify(present);
  if (!touched) return [...texts];
  const queue = [...clean];
  return events.map((event, n) => {
    if (data[n] === undefined) return redactor.text(event);
    const text = JSON.stringify(queue.shift() ?? null);
    return redactor.text(event.replace(/^(data: ?).*$/m, (_, label: string) => `${label}${text}`));
  });
}

function parsed(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The error of `fetch` for a connection that the other side closed. */
const brokenConnection = (): TypeError =>
  new TypeError('terminated', {
    cause: Object.assign(new Error('The connection broke when this was recorded.'), { code: 'UND_ERR_SOCKET' }),
  });

type Replay = { signal: AbortSignal | undefined; timed: boolean };

async function replayed({ response }: WireEntry, { signal, timed }: Replay): Promise<Response> {
  signal?.throwIfAborted();
  const { status, headers, chunks, base64, chunkMs, end } = response;
  const begun = performance.now();
  let n = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (signal?.aborted) return controller.error(signal.reason);
        const chunk = chunks[n];
        const left = timed ? begun + (chunkMs?.[n] ?? 0) - performance.now() : 0;
        if (left > 0) await wait(left, undefined, { signal });
        n++;
        if (chunk !== undefined) controller.enqueue(base64 ? Buffer.from(chunk, 'base64') : Buffer.from(chunk));
        else if (end === undefined) controller.close();
        else if (end === 'cut') controller.error(brokenConnection());
        else if (signal) signal.addEventListener('abort', () => controller.error(signal.reason), { once: true });
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(hasBody(status) ? body : null, { status, headers });
}
