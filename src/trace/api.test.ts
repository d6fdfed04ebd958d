/** The published API without runs: traces, spans, places, providers, processors. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Collector } from './collector.fixture.ts';
import * as api from './index.ts';
import { idScope, spanIdOf } from './ids.ts';
import type { Span, Trace } from './types.ts';

let collector: Collector;
beforeEach(() => {
  collector = new Collector();
  api.setTraceProcessors([collector]);
  api.setTracingDisabled(false);
});
afterEach(() => {
  api.setTraceProcessors([]);
  api.setTracingIdGenerator();
  api.setTracingDisabled(true);
});

describe('traces and spans', () => {
  test('a trace starts before its function and ends after it, also where that throws', async () => {
    const work = api.withTrace('Mine', async (trace) => {
      expect(api.getCurrentTrace()).toBe(trace);
      await api.withCustomSpan(async () => Promise.reject(new TypeError('broke')), { data: { name: 'step' } });
    });
    await expect(work).rejects.toThrow('broke');
    expect(collector.told).toEqual(['trace starts Mine', 'starts custom step', 'ends custom step', 'trace ends Mine']);
    expect(collector.spans[0]?.error).toEqual({ message: 'broke' });
    expect(api.getCurrentTrace()).toBeNull();
  });

  test('spans nest by where they are opened, or by the parent that is given', async () => {
    await api.withTrace('Mine', async (trace) => {
      await api.withAgentSpan(async (agent) => {
        expect(api.getCurrentSpan()).toBe(agent);
        const inner = api.createFunctionSpan({ data: { name: 'f' } });
        expect(inner.parentId).toBe(agent.spanId);
        expect(api.createFunctionSpan({ data: { name: 'f' } }, trace).parentId).toBeNull();
        expect(api.createFunctionSpan({ data: { name: 'f' } }, inner).parentId).toBe(inner.spanId);
        api.setCurrentSpan(inner);
        expect(api.getCurrentSpan()).toBe(inner);
        api.resetCurrentSpan();
        expect(api.getCurrentSpan()).toBe(agent);
      });
    });
  });

  test('start and end count once; what was not started is not told', async () => {
    await api.withTrace('Mine', async () => {
      const span = api.createCustomSpan({ data: { name: 'x' } });
      api.createCustomSpan({ data: { name: 'unused' } });
      for (let n = 0; n < 2; n++) span.start();
      for (let n = 0; n < 2; n++) span.end();
    });
    expect(collector.told).toEqual(['trace starts Mine', 'starts custom x', 'ends custom x', 'trace ends Mine']);
  });

  test('tasks and turns go out as custom spans, private members not at all', async () => {
    await api.withTrace('Mine', async () => {
      await api.withTurnSpan(async () => {}, { data: { turn: 1, agent_name: 'A' } });
      await api.withResponseSpan(async () => {}, { data: { response_id: 'r1', _input: 'secret' } });
    });
    const [turn, response] = collector.spans.map((span) => JSON.parse(JSON.stringify(span)) as { span_data: unknown });
    const data = { sdk_span_type: 'turn', turn: 1, agent_name: 'A' };
    expect(turn?.span_data).toEqual({ type: 'custom', name: 'turn', data });
    expect(response?.span_data).toEqual({ type: 'response', response_id: 'r1' });
  });

  test('outside of a trace, and where tracing is off, spans and traces take calls and tell nobody', async () => {
    expect(api.createCustomSpan({ data: { name: 'x' } })).toBeInstanceOf(api.NoopSpan);
    expect(await api.withCustomSpan(async (span) => span.spanId, { data: { name: 'x' } })).toBe('no-op');
    api.setTracingDisabled(true);
    await api.withTrace('Mine', async (trace) => {
      expect(trace).toBeInstanceOf(api.NoopTrace);
      expect(trace.toJSON()).toBeNull();
      const span = api.createAgentSpan();
      span.start();
      span.setError({ message: 'x' });
      span.end();
      expect(span.toJSON()).toBeNull();
    });
    expect(collector.told).toEqual([]);
  });

  test('a captured place is taken up elsewhere', async () => {
    const context = await api.withTrace('Mine', async () =>
      api.withCustomSpan(async () => api.getCurrentTraceContext(), { data: { name: 'x' } }),
    );
    const seen = api.withTraceContext(context, () => [api.getCurrentTrace(), api.getCurrentSpan()]);
    expect(seen).toEqual([context?.trace, context?.span]);
    expect(api.withTraceContext(null, () => api.getCurrentTraceContext())).toBeNull();
    await api.withTrace('Other', async (other) => {
      expect(await api.getOrCreateTrace(async () => api.getCurrentTrace())).toBe(other);
    });
    expect(await api.getOrCreateTrace(async () => api.getCurrentTrace()?.name, { name: 'New' })).toBe('New');
  });

  test('ids are random, or made by a generator; derived ones depend on every part', async () => {
    expect(api.generateTraceId()).toMatch(/^trace_[0-9a-f]{32}$/);
    expect(api.generateSpanId()).toMatch(/^span_[0-9a-f]{24}$/);
    expect(api.generateGroupId()).toMatch(/^group_[0-9a-f]{24}$/);
    api.setTracingIdGenerator({ generateTraceId: () => 'trace_mine', generateSpanId: () => 'span_mine' });
    await api.withTrace('Mine', async (trace) => {
      expect([trace.traceId, api.createAgentSpan().spanId]).toEqual(['trace_mine', 'span_mine']);
    });
    const made = new Set<string>();
    for (let n = 0; n < 50_000; n++)
      made.add(spanIdOf(idScope('trace_1', `s${n % 50}`, 'r'), `m${n}/c0#1`, 'function').slice(5, 21));
    // OpenTelemetry keeps the first 64 bits.
    expect(made.size).toBe(50_000);
  });
});

describe('processors', () => {
  test('setTracingProcessor takes an exporter or a processor, and refuses what is neither', async () => {
    const items: (Trace | Span)[] = [];
    api.setTracingProcessor({ export: async (batch) => void items.push(...batch) });
    expect(collector.told).toEqual(['shutdown']);
    await api.withTrace('Mine', async () => api.withAgentSpan(async () => {}));
    await api.getGlobalTraceProvider().forceFlush();
    expect(items.map(({ type }) => type)).toEqual(['trace', 'trace.span']);
    api.setTracingProcessor(collector);
    await api.withTrace('Mine', async () => {});
    expect(collector.told.slice(1)).toEqual(['trace starts Mine', 'trace ends Mine']);
    expect(() => api.setTracingProcessor({} as never)).toThrow('Pass an exporter');
  });

  test('a processor is started once, when it is set', async () => {
    let starts = 0;
    const processor = Object.assign(new Collector(), { start: () => void starts++ });
    api.addTraceProcessor(processor);
    api.startTraceExportLoop();
    expect(starts).toBe(1);
  });

  test('each processor is told; one that fails is warned of once', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const broken = new Collector();
    broken.onTraceStart = () => Promise.reject(new Error('no'));
    broken.onTraceEnd = () => {
      throw new Error('no again');
    };
    api.addTraceProcessor(broken);
    await api.withTrace('Mine', async () => {});
    expect(collector.told).toEqual(['trace starts Mine', 'trace ends Mine']);
    expect(warn.mock.calls).toHaveLength(1);
    warn.mockRestore();
  });

  test('what began and ended elsewhere is passed on as it is', async () => {
    const span = new api.Span(
      {
        traceId: 't',
        data: { type: 'agent', name: 'A' },
        startedAt: '2026-01-01T00:00:00.000Z',
        endedAt: '2026-01-01T00:00:01.000Z',
      },
      collector,
    );
    await api.dispatchTrace(new api.Trace({ name: 'Mine' }));
    await api.dispatchSpan(span);
    expect(collector.told).toEqual(['trace starts Mine', 'trace ends Mine', 'starts agent A', 'ends agent A']);
    expect(span.clone().toJSON()).toEqual(span.toJSON());
  });
});

describe('BatchTraceProcessor', () => {
  const spans = (count: number): api.Span[] =>
    Array.from(
      { length: count },
      (_, n) => new api.Span({ traceId: 't', data: { type: 'custom', name: `${n}`, data: {} } }, collector),
    );

  test('exports in order, in batches of the size that was set, one at a time', async () => {
    const sizes: number[] = [];
    const names: string[] = [];
    let running = 0;
    const processor = new api.BatchTraceProcessor(
      {
        export: async (items) => {
          expect(++running).toBe(1);
          await Promise.resolve();
          sizes.push(items.length);
          for (const item of items)
            if (item.type === 'trace.span' && 'name' in item.spanData) names.push(item.spanData.name);
          running -= 1;
        },
      },
      { maxBatchSize: 10, maxQueueSize: 100 },
    );
    const all = spans(35);
    for (const span of all) await processor.onSpanEnd(span);
    await processor.forceFlush();
    expect(sizes).toEqual([10, 10, 10, 5]);
    expect(names).toEqual(all.map((_, n) => `${n}`));
    await processor.shutdown();
  });

  test('made = exported + dropped, with a queue that overflows and an exporter that fails', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    let exported = 0;
    let calls = 0;
    const processor = new api.BatchTraceProcessor(
      {
        export: async (items) => {
          if (++calls % 2 === 0) throw new Error('gone');
          exported += items.length;
        },
      },
      { maxBatchSize: 7, maxQueueSize: 50 },
    );
    for (const span of spans(500)) void processor.onSpanEnd(span);
    await processor.shutdown();
    await processor.onSpanEnd(spans(1)[0] as api.Span);
    expect(exported).toBeGreaterThan(0);
    expect(exported + processor.dropped).toBe(501);
    warn.mockRestore();
  });

  test('a shutdown with a time limit leaves an exporter that hangs', async () => {
    const processor = new api.BatchTraceProcessor({ export: () => new Promise(() => undefined) });
    for (const span of spans(150)) await processor.onSpanEnd(span);
    await processor.shutdown(1);
    expect(processor.dropped).toBe(50);
  });

  test.each([{ maxQueueSize: 0 }, { maxBatchSize: Number.NaN }, { scheduleDelay: -1 }, { exportTriggerRatio: 2 }])(
    'refuses %o',
    (options) => {
      expect(() => new api.BatchTraceProcessor({ export: async () => {} }, options)).toThrow(Object.keys(options)[0]);
    },
  );
});
