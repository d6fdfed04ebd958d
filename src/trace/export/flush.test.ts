import { afterEach, beforeEach, expect, test } from 'vitest';
import { Collector } from '../collector.fixture.ts';
import { setTraceProcessors, setTracingDisabled, setTracingProcessor, withCustomSpan, withTrace } from '../index.ts';
import { flushTraces, OTLPTraceExporter } from './index.ts';
import { startOtlpServer, type OtlpServer } from './otlp-server.fixture.ts';

let server: OtlpServer;
beforeEach(async () => {
  server = await startOtlpServer();
  setTracingDisabled(false);
});
afterEach(async () => {
  setTraceProcessors([]);
  setTracingDisabled(true);
  await server.close();
});

test('setTracingProcessor takes the OTLP exporter as it is, with its own queue; flushTraces empties it', async () => {
  const exporter = new OTLPTraceExporter({ endpoint: server.url });
  setTracingProcessor(exporter);
  // More than a batch processor would hold.
  await withTrace('Many', async () => {
    for (let n = 0; n < 1500; n++) {
      await withCustomSpan(async () => undefined, { data: { name: `n${n}`, data: {} } });
    }
  });
  expect(exporter.stats()).toMatchObject({ created: 1500, dropped: 0 });
  await flushTraces();
  expect(exporter.stats()).toMatchObject({ acknowledged: 1500, queued: 0 });
  const spans = server.taken.flatMap((request) => request.spans);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(1500);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
});

test('flushTraces gives up after its time, and hands its wait to the platform', async () => {
  const never = new (class extends Collector {
    override forceFlush = async (): Promise<void> => new Promise(() => undefined);
  })();
  setTraceProcessors([never]);
  const waits: Promise<unknown>[] = [];
  await flushTraces({ timeoutMs: 5, waitUntil: (promise) => waits.push(promise) });
  await Promise.all(waits);
  expect(waits).toHaveLength(1);
  await expect(flushTraces({ timeoutMs: NaN })).rejects.toThrow('timeoutMs is NaN');
});
