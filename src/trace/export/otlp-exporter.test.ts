import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ExportProblem } from './delivery.ts';
import { OTLPTraceExporter, type OTLPTraceExporterOptions } from './otlp-exporter.ts';
import { startOtlpServer, type OtlpServer } from './otlp-server.fixture.ts';
import { makeSpan, makeTrace, traceIdOf } from './span.fixture.ts';
import type { SpanData } from '../types.ts';

const servers: OtlpServer[] = [];
const exporters: OTLPTraceExporter[] = [];
const problems: ExportProblem[] = [];

async function start(): Promise<OtlpServer> {
  const server = await startOtlpServer();
  servers.push(server);
  return server;
}

function exporterTo(url: string, options: OTLPTraceExporterOptions = {}): OTLPTraceExporter {
  const exporter = new OTLPTraceExporter({
    endpoint: url,
    retryMs: { first: 1, longest: 5 },
    onProblem: (problem) => problems.push(problem),
    ...options,
  });
  exporters.push(exporter);
  return exporter;
}

const balance = (exporter: OTLPTraceExporter): void => {
  const { created, acknowledged, dropped, queued } = exporter.stats();
  expect(acknowledged + dropped + queued).toBe(created);
};

async function end(exporter: OTLPTraceExporter, count: number, from = 1): Promise<void> {
  for (let index = from; index < from + count; index++) await exporter.onSpanEnd(makeSpan({ index }));
}

afterEach(async () => {
  await Promise.all(exporters.splice(0).map(async (exporter) => exporter.shutdown(1)));
  await Promise.all(servers.splice(0).map(async (server) => server.close()));
  problems.length = 0;
  vi.unstubAllEnvs();
});

describe('an exporter', () => {
  test.each(['http/protobuf', 'http/json'] as const)(
    'sends a run over %s: names, parents, resource',
    async (protocol) => {
      const server = await start();
      const exporter = exporterTo(server.url, { protocol, serviceName: 'shop', headers: { 'x-key': 'k' } });
      await exporter.onTraceStart(makeTrace({ groupId: 'chat-7', metadata: { customer: 'c1' } }));
      await exporter.onSpanEnd(
        makeSpan({ index: 2, parentId: 'span_000000000000000100000000', data: { type: 'agent', name: 'Triage' } }),
      );
      await exporter.onSpanEnd(makeSpan({ index: 1, data: { type: 'task', name: 'Support' } }));
      await exporter.forceFlush();
      const [request] = server.taken;
      expect(request?.headers).toMatchObject({ 'x-key': 'k', 'content-encoding': 'gzip' });
      expect(request?.resource).toMatchObject({ 'service.name': 'shop', 'telemetry.sdk.name': 'baton' });
      expect(request?.spans).toMatchObject([
        {
          traceId: '00000000000000000000000000000001',
          spanId: '0000000000000002',
          parentSpanId: '0000000000000001',
          name: 'invoke_agent Triage',
          kind: 1,
          attributes: {
            'gen_ai.operation.name': 'invoke_agent',
            'gen_ai.agent.name': 'Triage',
            'gen_ai.conversation.id': 'chat-7',
          },
        },
        {
          spanId: '0000000000000001',
          name: 'invoke_workflow Support',
          attributes: { 'baton.trace.metadata.customer': 'c1' },
        },
      ]);
      expect(exporter.stats()).toMatchObject({ created: 2, acknowledged: 2, dropped: 0, queued: 0, queuedBytes: 0 });
    },
  );

  test('has at most four requests on their way', async () => {
    const server = await start();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    server.react = async () => {
      if (server.seen.mostAtOnce === 4) open();
      await gate;
      return {};
    };
    const exporter = exporterTo(server.url, { maxBatchSpans: 1 });
    await end(exporter, 20);
    expect(exporter.stats().inFlight).toBe(4);
    await exporter.forceFlush();
    expect(server.seen.mostAtOnce).toBe(4);
    expect(exporter.stats()).toMatchObject({ acknowledged: 20, requests: 20 });
  });

  test('sends again what a server could not take, with the same ids, and counts it once', async () => {
    const server = await start();
    const reactions = [{ status: 503 }, 'break', { status: 429, retryAfter: '0' }, { lostAnswer: true }] as const;
    server.react = (_request, index) => reactions[index] ?? {};
    const exporter = exporterTo(server.url);
    await end(exporter, 3);
    await exporter.forceFlush();
    expect(server.taken.map(({ spans }) => spans.map(({ spanId }) => spanId))).toEqual(
      Array.from({ length: 2 }, () => ['0000000000000001', '0000000000000002', '0000000000000003']),
    );
    expect(exporter.stats()).toMatchObject({ created: 3, acknowledged: 3, dropped: 0, retries: 4 });
    expect(problems.map(({ kind }) => kind)).toEqual(['unreachable']);
  });

  test('waits for as long as the server asks', async () => {
    const server = await start();
    server.react = (_request, index) => (index === 0 ? { status: 429, retryAfter: '60' } : {});
    const exporter = exporterTo(server.url);
    await end(exporter, 1);
    await exporter.forceFlush(50);
    await exporter.forceFlush(50);
    expect(server.seen.requests).toBe(1);
    expect(exporter.stats()).toMatchObject({ queued: 1, acknowledged: 0, retries: 1 });
  });

  test.each([400, 401, 404, 500])('drops what a server refuses with %i, and says so', async (status) => {
    const server = await start();
    server.react = () => ({ status, body: 'no key SECRET-HEADER-VALUE' });
    const exporter = exporterTo(server.url, { headers: { authorization: 'SECRET-HEADER-VALUE' } });
    await end(exporter, 2);
    await exporter.forceFlush();
    expect(exporter.stats()).toMatchObject({ created: 2, acknowledged: 0, dropped: 2, requests: 1 });
    expect(problems).toMatchObject([{ kind: 'dropped', reason: 'rejected', spans: 2 }]);
    expect(JSON.stringify(problems)).toContain(String(status));
    expect(JSON.stringify(problems)).not.toContain('SECRET-HEADER-VALUE');
  });

  test.each(['http/protobuf', 'http/json'] as const)(
    'counts the spans that a partial success over %s rejects',
    async (protocol) => {
      const server = await start();
      server.react = () => ({ rejected: 2, message: 'too old' });
      const exporter = exporterTo(server.url, { protocol });
      await end(exporter, 5);
      await exporter.forceFlush();
      expect(exporter.stats()).toMatchObject({ acknowledged: 3, dropped: 2, droppedBy: { rejected: 2 } });
      expect(problems).toMatchObject([{ reason: 'rejected', spans: 2, message: 'too old' }]);
    },
  );

  test('sends fewer spans at once where a request was too large, and drops a span that alone is', async () => {
    const server = await start();
    server.react = ({ spans }) =>
      spans.length > 2 || spans.some(({ name }) => name === 'work 3') ? { status: 413 } : {};
    const exporter = exporterTo(server.url);
    await end(exporter, 8);
    await exporter.forceFlush();
    expect(exporter.stats()).toMatchObject({ acknowledged: 7, dropped: 1, droppedBy: { 'too-large': 1 }, queued: 0 });
    balance(exporter);
  });

  test('drops the newest where its queue is full, and never holds more than it may', async () => {
    const server = await start();
    server.react = () => ({ status: 503 });
    const exporter = exporterTo(server.url, { maxQueueBytes: 4_000 });
    await end(exporter, 100);
    const { droppedBy, queuedBytes, queued } = exporter.stats();
    expect(queuedBytes).toBeLessThanOrEqual(4_000);
    expect(queued).toBeGreaterThan(5);
    expect(droppedBy['queue-full']).toBe(100 - queued);
    server.react = () => ({});
    await exporter.forceFlush();
    expect(server.taken.flatMap(({ spans }) => spans)).toHaveLength(queued);
    balance(exporter);
  });

  test('drops what is left at shutdown, and what ends after it', async () => {
    const server = await start();
    server.react = () => ({ status: 503, retryAfter: '60' });
    const exporter = exporterTo(server.url);
    await end(exporter, 3);
    await exporter.shutdown(20);
    await end(exporter, 2);
    expect(exporter.stats()).toMatchObject({ created: 5, dropped: 5, queued: 0, droppedBy: { shutdown: 5 } });
  });

  test('shuts down in the middle of requests that are never answered', async () => {
    const server = await start();
    server.react = async () => new Promise(() => undefined);
    const exporter = exporterTo(server.url, { maxBatchSpans: 1 });
    await end(exporter, 6);
    await exporter.shutdown(20);
    // The aborted requests end now; they must not be tried again.
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => void setImmediate(resolve));
    balance(exporter);
    expect(exporter.stats()).toMatchObject({ created: 6, dropped: 6, queued: 0, inFlight: 0, retries: 0 });
  });

  test('loses a span whose data throws, and no other', async () => {
    const server = await start();
    const exporter = exporterTo(server.url, { includeContent: true });
    const data = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new TypeError('no');
      },
    });
    await exporter.onSpanEnd(makeSpan({ data: { type: 'custom', name: 'bad', data } }));
    await end(exporter, 1);
    await exporter.forceFlush();
    expect(exporter.stats()).toMatchObject({ acknowledged: 1, droppedBy: { unencodable: 1 } });
  });

  test.each(['genai', 'openinference'] as const)(
    'takes spans of plain JavaScript without a name, in %s',
    async (dialect) => {
      const server = await start();
      const exporter = exporterTo(server.url, { dialect, includeContent: true });
      for (const type of ['custom', 'function', 'guardrail', 'agent', 'task', 'turn', 'speech'])
        for (const more of [{}, { name: 42, data: null }])
          await exporter.onSpanEnd(makeSpan({ data: { type, ...more } as unknown as SpanData }));
      await exporter.forceFlush();
      expect(exporter.stats()).toMatchObject({ acknowledged: 14, dropped: 0 });
      expect(server.taken[0]?.spans.map(({ name }) => name)).not.toContain('');
    },
  );

  test('works inside of a batch processor: export() takes traces and spans', async () => {
    const server = await start();
    const exporter = exporterTo(server.url);
    await exporter.export([makeTrace({ groupId: 'g' }), makeSpan({})]);
    expect(server.taken[0]?.spans[0]?.attributes).toMatchObject({ 'gen_ai.conversation.id': 'g' });
  });

  test('hands the flush of a trace to the platform, as waitUntil', async () => {
    const server = await start();
    const waits: Promise<unknown>[] = [];
    const exporter = exporterTo(server.url, { waitUntil: (promise) => waits.push(promise) });
    await end(exporter, 1);
    await exporter.onTraceEnd(makeTrace());
    expect(waits).toHaveLength(1);
    await Promise.all(waits);
    expect(exporter.stats().acknowledged).toBe(1);
  });

  test('asks for headers before each request, and keeps the spans where that fails', async () => {
    const server = await start();
    let calls = 0;
    const headers = async (): Promise<Record<string, string>> => {
      calls += 1;
      if (calls === 1) throw new Error('token service is down');
      return { 'x-token': String(calls) };
    };
    const exporter = exporterTo(server.url, { headers });
    await end(exporter, 1);
    await exporter.forceFlush();
    expect(server.taken[0]?.headers['x-token']).toBe('2');
    balance(exporter);
  });
});

describe('sampling', () => {
  test('exports a part of the traces, whole, the same ones in each process', async () => {
    const server = await start();
    const exporters = [1, 2].map(() => exporterTo(server.url, { sampleRate: 0.25 }));
    const ids = Array.from(
      { length: 400 },
      (_, index) => `trace_${(BigInt(index + 1) * 0x9e3779b97f4a7c15n).toString(16).padStart(32, '0').slice(-32)}`,
    );
    for (const exporter of exporters) {
      for (const traceId of ids) {
        await exporter.onSpanEnd(makeSpan({ traceId, index: 1 }));
        await exporter.onSpanEnd(makeSpan({ traceId, index: 2 }));
      }
    }
    const [first, second] = exporters.map((exporter) => exporter.stats());
    expect(first).toEqual(second);
    expect(first?.created).toBeGreaterThan(120);
    expect(first?.created).toBeLessThan(280);
    expect((first?.created ?? 0) + (first?.unsampled ?? 0)).toBe(800);
    expect((first?.created ?? 1) % 2).toBe(0);
  });

  test('follows the decision of the caller of which the trace is', async () => {
    const server = await start();
    const exporter = exporterTo(server.url);
    const traceparent = `00-${traceIdOf(1).slice(6)}-00000000000000aa-00`;
    await exporter.onSpanEnd(makeSpan({ metadata: { traceparent } }));
    expect(exporter.stats()).toMatchObject({ created: 0, unsampled: 1 });
  });
});

describe('the environment', () => {
  test('configures all that options do not', async () => {
    const server = await start();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', server.url.replace('/v1/traces', '/'));
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-a=1,x-b=two%20words');
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'x-a=2');
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json');
    vi.stubEnv('OTEL_EXPORTER_OTLP_COMPRESSION', 'none');
    vi.stubEnv('OTEL_SERVICE_NAME', 'from-env');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'service.name=other,team=blue');
    const exporter = new OTLPTraceExporter({ headers: { 'x-c': '3' } });
    exporters.push(exporter);
    await end(exporter, 1);
    await exporter.forceFlush();
    expect(server.taken[0]?.headers).toMatchObject({
      'x-a': '2',
      'x-b': 'two words',
      'x-c': '3',
      'content-type': 'application/json',
    });
    expect(server.taken[0]?.headers['content-encoding']).toBeUndefined();
    expect(server.taken[0]?.resource).toMatchObject({ 'service.name': 'from-env', team: 'blue' });
  });

  test('switches it off by OTEL_SDK_DISABLED', async () => {
    const server = await start();
    vi.stubEnv('OTEL_SDK_DISABLED', 'true');
    const exporter = exporterTo(server.url);
    await end(exporter, 1);
    await exporter.forceFlush();
    expect(exporter.stats()).toMatchObject({ created: 0, requests: 0 });
  });

  test('samples by OTEL_TRACES_SAMPLER', async () => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'parentbased_traceidratio');
    vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', '0');
    const exporter = exporterTo('http://127.0.0.1:9');
    await end(exporter, 1);
    expect(exporter.stats()).toMatchObject({ created: 0, unsampled: 1 });
  });

  test('or the options are refused with a remedy where they cannot work', () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc');
    expect(() => new OTLPTraceExporter()).toThrow('http/protobuf and http/json');
    expect(() => new OTLPTraceExporter({ protocol: 'http/json', endpoint: 'collector' })).toThrow('no URL');
    expect(() => new OTLPTraceExporter({ protocol: 'http/json', endpoint: 'ftp://x' })).toThrow('http: or https:');
    expect(() => new OTLPTraceExporter({ protocol: 'http/json', sampleRate: 2 })).toThrow('sampleRate is 2');
    expect(() => new OTLPTraceExporter({ protocol: 'http/json', delayMs: -1 })).toThrow('delayMs is -1');
  });

  test('names the version of this package', async () => {
    const server = await start();
    const exporter = exporterTo(server.url);
    await end(exporter, 1);
    await exporter.forceFlush();
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(server.taken[0]?.resource['telemetry.sdk.version']).toBe(version);
  });
});

describe('a process', () => {
  const program = (url: string, more = ''): string => `
    import { OTLPTraceExporter } from '${new URL('./otlp-exporter.ts', import.meta.url).href}';
    import { makeSpan } from '${new URL('./span.fixture.ts', import.meta.url).href}';
    const exporter = new OTLPTraceExporter({ endpoint: '${url}', flushTimeoutMs: 500, onProblem: () => {} });
    await exporter.onSpanEnd(makeSpan({}));
    ${more}`;
  const run = (code: string): Promise<unknown> =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { timeout: 8000 });

  test('that has nothing else to do sends its last spans and ends', async () => {
    const server = await start();
    await run(program(server.url));
    expect(server.taken.flatMap(({ spans }) => spans)).toHaveLength(1);
  });

  test('ends although the endpoint is gone', async () => {
    await expect(run(program('http://127.0.0.1:9/v1/traces'))).resolves.toBeDefined();
  });

  test('has no signal handlers because of an exporter', async () => {
    const more = `if (['SIGTERM', 'SIGINT', 'SIGHUP'].some((name) => process.listenerCount(name) > 0)) process.exit(3);`;
    await expect(run(program('http://127.0.0.1:9/v1/traces', more))).resolves.toBeDefined();
  });
});
