/** 100,000 spans at an endpoint that is slow, fails, is gone and comes back: the balance, and the memory. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { OTLPTraceExporter } from './otlp-exporter.ts';
import { startOtlpServer, type OtlpServer } from './otlp-server.fixture.ts';
import { makeSpan, spanIdOf } from './span.fixture.ts';
import { otlpSpanId } from './trace-context.ts';

const MIB = 1_048_576;
const QUEUE = 8 * MIB;
const SPANS = 100_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const held = (): number => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const turn = async (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test.each(['http/protobuf', 'http/json'] as const)('a burst over %s', async (protocol) => {
  const seen = new Map<string, number>();
  const take = (server: OtlpServer): void => {
    for (const { spans } of server.taken.splice(0)) {
      for (const { spanId } of spans) seen.set(spanId, (seen.get(spanId) ?? 0) + 1);
    }
  };
  const first = await startOtlpServer();
  const exporter = new OTLPTraceExporter({
    endpoint: first.url,
    protocol,
    maxQueueBytes: QUEUE,
    retryMs: { first: 1, longest: 20 },
    timeoutMs: 2_000,
    onProblem: () => undefined,
  });
  let mostQueued = 0;
  let longestBlock = 0;
  const check = (): void => {
    const { created, acknowledged, dropped, queued, queuedBytes, inFlight } = exporter.stats();
    expect(acknowledged + dropped + queued).toBe(created);
    expect(queuedBytes).toBeLessThanOrEqual(QUEUE);
    expect(inFlight).toBeLessThanOrEqual(4);
    mostQueued = Math.max(mostQueued, queuedBytes);
  };
  let index = 0;
  const burst = async (count: number): Promise<void> => {
    for (const last = index + count; index < last;) {
      const begin = performance.now();
      void exporter.onSpanEnd(
        makeSpan({ index: ++index, data: { type: 'agent', name: 'Support', tools: ['a', 'b'] } }),
      );
      longestBlock = Math.max(longestBlock, performance.now() - begin);
      if (index % 100 === 0) {
        check();
        await turn();
      }
    }
  };

  const before = held();
  // Slow.
  first.react = async () => {
    for (let turns = 0; turns < 20; turns++) await turn();
    return {};
  };
  await burst(SPANS / 4);
  // Failing, in each way.
  const ways = [
    { status: 503 },
    { status: 429, retryAfter: '0' },
    'break',
    { lostAnswer: true },
    { status: 502 },
  ] as const;
  first.react = (_request, request) => ways[request % ways.length] ?? 'break';
  await burst(SPANS / 4);
  take(first);
  // Gone.
  const port = Number(new URL(first.url).port);
  await first.close();
  await burst(SPANS / 4);
  const whileGone = held();
  // Back, and taking everything.
  const second = await startOtlpServer(port);
  await burst(SPANS / 4);
  await exporter.forceFlush(60_000);
  take(second);
  check();

  const stats = exporter.stats();
  console.log(protocol, stats, {
    queueMiB: mostQueued / MIB,
    heldWhileGoneMiB: (whileGone - before) / MIB,
    longestBlockMs: longestBlock,
    twice: [...seen.values()].filter((count) => count > 1).length,
  });
  expect(stats).toMatchObject({ created: SPANS, queued: 0, queuedBytes: 0 });
  expect(stats.droppedBy).toMatchObject({ rejected: 0, shutdown: 0, unencodable: 0, 'too-large': 0 });
  // What was acknowledged did arrive; what was dropped never did, but for answers that were lost.
  expect(seen.size).toBe(stats.acknowledged);
  expect(mostQueued).toBeGreaterThan(QUEUE * 0.95);
  // The queue, four requests on their way, and what the test itself keeps.
  expect(whileGone - before).toBeLessThan(QUEUE * 1.5 + 16 * MIB);
  expect(seen.has(otlpSpanId(spanIdOf(SPANS)))).toBe(true);
  await exporter.shutdown();
  await second.close();
});
