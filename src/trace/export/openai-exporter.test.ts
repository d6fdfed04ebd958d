import { OpenAITracingExporter as PublishedExporter } from '@openai/agents';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { setTraceProcessors } from '../provider.ts';
import { Span as LiveSpan } from '../span.ts';
import type { Span, SpanData, Trace } from '../types.ts';
import { OpenAITracingExporter, setDefaultOpenAITracingExporter, setTracingExportApiKey } from './openai-exporter.ts';
import { makeSpan, makeTrace, spanIdOf, traceIdOf } from './span.fixture.ts';

type Json = Record<string, unknown>;
type Received = { headers: IncomingHttpHeaders; data: Json[]; problems: string[] };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map(async (close) => close()));
  setTracingExportApiKey('');
  setTraceProcessors([]);
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** What the ingest demands, as far as it is known. */
function problemsOf(item: Json): string[] {
  const problems: string[] = [];
  const need = (ok: boolean, what: string): void =>
    void (ok || problems.push(`${what}: ${JSON.stringify(item).slice(0, 200)}`));
  const data = item['span_data'] as Json | undefined;
  need(item['object'] === 'trace' || item['object'] === 'trace.span', 'object');
  need(/^(?:trace_[0-9a-f]{32}|span_[0-9a-f]{24})$/.test(String(item['id'])), 'id');
  if (data === undefined) return problems;
  need(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(String(item['started_at'])), 'started_at');
  need(!['task', 'turn'].includes(String(data['type'])), 'type');
  need(!Object.keys(data).some((key) => key.startsWith('_')), 'private member');
  for (const field of ['input', 'output']) {
    need(Buffer.byteLength(JSON.stringify(data[field] ?? '')) <= 100_000, `${field} is too long`);
  }
  const usage = Object.keys((data['usage'] as Json | undefined) ?? {});
  need(
    usage.every((key) => ['input_tokens', 'output_tokens', 'details'].includes(key)),
    'usage',
  );
  return problems;
}

async function startIngest(
  react: (index: number) => number = () => 204,
): Promise<{ endpoint: string; received: Received[] }> {
  const received: Received[] = [];
  let requests = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: Json[] };
      const status = react(requests++);
      if (status < 300) received.push({ headers: request.headers, data, problems: data.flatMap(problemsOf) });
      response.writeHead(status, status === 429 ? { 'retry-after': '0' } : {});
      response.end(status < 300 ? undefined : '{"error":{"message":"no: Bearer sk-key-of-the-test"}}');
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  const address = server.address();
  return { endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/ingest`, received };
}

/** A span of the provider, whose toJSON() is what a program sends. */
function live(index: number, data: SpanData, tracingApiKey?: string): Span {
  const processor = { onSpanStart: async () => undefined, onSpanEnd: async () => undefined } as never;
  return new LiveSpan(
    {
      traceId: traceIdOf(1),
      spanId: spanIdOf(index),
      data,
      startedAt: '2026-11-25T10:00:00.000Z',
      endedAt: '2026-11-25T10:00:01.000Z',
      ...(tracingApiKey !== undefined && { tracingApiKey }),
    },
    processor,
  );
}

const usage = { input_tokens: 1, output_tokens: 2, cached_input_tokens: 0, cache_write_input_tokens: 0 };
const items = (): (Trace | Span)[] => [
  makeTrace({ metadata: { plan: 'pro' } }),
  live(1, { type: 'task', name: 'T', usage: { ...usage, requests: 1, total_tokens: 3 } }),
  live(2, { type: 'turn', turn: 1, agent_name: 'A', usage }),
  live(3, {
    type: 'generation',
    model: 'm',
    input: [
      { role: 'user', content: 'x' },
      { type: 'reasoning', content: 'hm' },
    ],
    output: [
      { role: 'assistant', content: 'y' },
      { type: 'reasoning', content: 'hm' },
    ],
    model_config: { temperature: 1 },
    usage: {
      input_tokens: 1,
      output_tokens: 2,
      total_tokens: 3,
      input_tokens_details: { cached: 1 },
      details: { z: 1 },
    },
  }),
  live(4, { type: 'generation', usage: { input_tokens: 1 } }),
  live(5, { type: 'response', response_id: 'r', _input: 'private', _response: { a: 1 } }),
  live(6, { type: 'function', name: 'f', input: '{}', output: 'x' }),
  live(7, { type: 'handoff', from_agent: 'A', to_agent: 'B' }),
  live(8, { type: 'guardrail', name: 'g', triggered: true }),
  live(9, { type: 'custom', name: 'c', data: { input: 'x' } }),
  live(10, { type: 'agent', name: 'A', tools: ['f'], handoffs: [], output_type: 'text' }),
];

describe('the exporter for OpenAI', () => {
  test('sends what the published one sends', async () => {
    for (const endpoint of ['https://api.openai.com/v1/traces/ingest', 'http://127.0.0.1:9/other']) {
      const bodies: unknown[] = [];
      const fetch = async (_url: unknown, init?: RequestInit): Promise<Response> => {
        bodies.push(JSON.parse(typeof init?.body === 'string' ? init.body : '') as unknown);
        return new Response(null, { status: 204 });
      };
      vi.stubGlobal('fetch', fetch);
      await new PublishedExporter({ apiKey: 'key', endpoint }).export(items() as never);
      await new OpenAITracingExporter({ apiKey: 'key', endpoint, fetch }).export(items());
      expect(bodies).toHaveLength(2);
      expect(bodies[1]).toEqual(bodies[0]);
    }
  });

  test('sends only what the ingest takes, with each trace under its own key', async () => {
    const { endpoint, received } = await startIngest();
    const long = 'é"'.repeat(200_000);
    const messages = Array.from({ length: 3 }, () => ({ role: 'user', content: long }));
    const exporter = new OpenAITracingExporter({
      endpoint,
      apiKey: 'default-key',
      organization: 'org',
      project: 'proj',
    });
    await exporter.export([
      ...items(),
      live(20, { type: 'function', name: 'f', input: JSON.stringify({ long }), output: long }, 'trace-key'),
      live(21, { type: 'generation', input: messages, output: [{ deep: { deeper: [long] } }] }),
      live(22, { type: 'transcription', input: { data: long, format: 'pcm' }, output: long }),
    ]);
    expect(received.flatMap(({ problems }) => problems)).toEqual([]);
    expect(
      received.map(({ headers, data }) => [headers.authorization, headers['openai-organization'], data.length]),
    ).toEqual([
      ['Bearer default-key', 'org', 13],
      ['Bearer trace-key', undefined, 1],
    ]);
    expect(received[0]?.headers['openai-beta']).toBe('traces=v1');
  });

  test('tries again after what may pass, and gives up with a warning that has no key in it', async () => {
    const warnings = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const statuses = [500, 429, 204];
    const passing = await startIngest((index) => statuses[index] ?? 204);
    const options = { apiKey: 'sk-key-of-the-test', baseDelay: 1, maxDelay: 2 };
    await new OpenAITracingExporter({ endpoint: passing.endpoint, ...options }).export([makeSpan({})]);
    expect(passing.received).toHaveLength(1);
    expect(warnings).not.toHaveBeenCalled();
    let tries = 0;
    const failing = await startIngest(() => {
      tries += 1;
      return 401;
    });
    const exporter = new OpenAITracingExporter({ endpoint: failing.endpoint, ...options });
    await exporter.export([makeSpan({})]);
    await exporter.export([makeSpan({})]);
    expect(tries).toBe(2);
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(String(warnings.mock.calls[0])).toContain('401');
    expect(String(warnings.mock.calls[0])).not.toContain('sk-key');
  });

  test('is set up in one line, with a key of its own', async () => {
    const { endpoint, received } = await startIngest();
    const { getGlobalTraceProvider } = await import('../provider.ts');
    vi.stubEnv('OPENAI_API_KEY', 'of-the-model');
    setTracingExportApiKey('of-traces');
    setDefaultOpenAITracingExporter({ endpoint });
    const provider = getGlobalTraceProvider();
    await provider.dispatchTrace(makeTrace());
    await provider.dispatchSpan(makeSpan({}));
    await provider.forceFlush();
    expect(received.map(({ headers }) => headers.authorization)).toEqual(['Bearer of-traces']);
    expect(received[0]?.data.map(({ object }) => object)).toEqual(['trace', 'trace.span']);
  });

  test('sends nothing without a key, and says what is missing', async () => {
    vi.stubEnv('OPENAI_API_KEY', '');
    const warnings = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const { endpoint, received } = await startIngest();
    await new OpenAITracingExporter({ endpoint }).export([makeSpan({})]);
    expect(received).toEqual([]);
    expect(String(warnings.mock.calls[0])).toContain('setTracingExportApiKey');
  });

  test('takes out secrets by default', async () => {
    const { endpoint, received } = await startIngest();
    const secret = 'sk-proj-PLANTED0123456789';
    const exporter = new OpenAITracingExporter({
      endpoint,
      apiKey: 'key',
      redact: { literals: ['a planted literal'] },
    });
    await exporter.export([
      makeTrace({ metadata: { password: 'hunter2-PLANTED', note: secret } }),
      live(1, {
        type: 'function',
        name: 'f',
        input: JSON.stringify({ token: 'x-PLANTED' }),
        output: `${secret} a planted literal`,
      }),
    ]);
    expect(received[0]?.data).toHaveLength(2);
    expect(JSON.stringify(received[0]?.data)).not.toMatch(/PLANTED|planted/);
  });
});
