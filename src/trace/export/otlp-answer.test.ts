/** What counts as taken: an answer of OTLP, and nothing else that has a status of 200. */
import { afterEach, expect, test, vi } from 'vitest';
import type { ExportProblem } from './delivery.ts';
import { OTLPTraceExporter, type OTLPTraceExporterOptions } from './otlp-exporter.ts';
import { startOtlpServer, type OtlpServer } from './otlp-server.fixture.ts';
import { makeSpan } from './span.fixture.ts';

const closers: (() => Promise<void>)[] = [];
const problems: ExportProblem[] = [];

async function start(): Promise<OtlpServer> {
  const server = await startOtlpServer();
  closers.push(server.close);
  return server;
}

function exporterTo(endpoint: string, options: OTLPTraceExporterOptions): OTLPTraceExporter {
  const retryMs = { first: 1, longest: 5 };
  const exporter = new OTLPTraceExporter({ endpoint, retryMs, onProblem: (one) => problems.push(one), ...options });
  closers.push(async () => exporter.shutdown(1));
  return exporter;
}

async function end(exporter: OTLPTraceExporter, count: number, from = 1): Promise<void> {
  for (let index = from; index < from + count; index++) await exporter.onSpanEnd(makeSpan({ index }));
}

const balance = (exporter: OTLPTraceExporter): void => {
  const { created, acknowledged, dropped, queued } = exporter.stats();
  expect(acknowledged + dropped + queued).toBe(created);
};

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  problems.length = 0;
});

test.each(['http/protobuf', 'http/json'] as const)(
  'keeps what a login page answered to over %s, and sends it when the endpoint itself is there again',
  async (protocol) => {
    const server = await start();
    const page = '<!doctype html><title>Sign in SECRET-PAGE</title>';
    server.react = () => ({ status: 200, body: page, type: 'text/html; charset=utf-8' });
    const exporter = exporterTo(server.url, { protocol, maxQueueBytes: 4_000 });
    await end(exporter, 3);
    void exporter.forceFlush(60_000);
    await vi.waitFor(() => expect(problems).toHaveLength(1), { timeout: 20_000 });
    expect(exporter.stats()).toMatchObject({ created: 3, acknowledged: 0, dropped: 0, queued: 3 });
    expect(problems[0]).toMatchObject({ kind: 'unreachable', spans: 0 });
    expect(problems[0]?.message).toContain('text/html');
    expect(JSON.stringify(problems)).not.toContain('SECRET-PAGE');
    await end(exporter, 100, 4);
    const { queued, droppedBy } = exporter.stats();
    expect(droppedBy).toMatchObject({ 'queue-full': 103 - queued });
    balance(exporter);
    server.react = () => ({});
    await exporter.forceFlush(60_000);
    expect(exporter.stats()).toMatchObject({ created: 103, acknowledged: queued, queued: 0 });
    balance(exporter);
  },
);

test.each([
  ['JSON to a protobuf request', '{}', 'application/json'],
  ['JSON that calls itself text', '{"partialSuccess":{}}', 'text/plain'],
  ['nothing', '', 'text/plain'],
])('takes %s as an answer', async (_, body, type) => {
  const server = await start();
  server.react = () => ({ status: 200, body, type });
  const exporter = exporterTo(server.url, { protocol: 'http/protobuf' });
  await end(exporter, 2);
  await exporter.forceFlush();
  expect(exporter.stats()).toMatchObject({ acknowledged: 2, queued: 0, requests: 1 });
});
