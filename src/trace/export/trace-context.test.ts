import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeSpan, makeTrace, traceIdOf } from './span.fixture.ts';
import { isSampled, otlpSpanId, parentOf, parseTraceparent, traceFromHeaders, traceHeaders } from './trace-context.ts';

const id = '4bf92f3577b34da6a3ce929d0e0e4736';
const valid = `00-${id}-00f067aa0ba902b7-01`;

describe('an incoming traceparent', () => {
  test('gives the options of a trace that goes on under it', () => {
    for (const headers of [
      { Traceparent: valid, tracestate: ['a=1', 'b=2'] },
      new Headers([
        ['traceparent', valid],
        ['tracestate', 'a=1'],
        ['tracestate', 'b=2'],
      ]),
    ]) {
      const { traceId, metadata } = traceFromHeaders(headers);
      expect(traceId).toBe(`trace_${id}`);
      expect(metadata?.['traceparent']).toBe(valid);
      expect(String(metadata?.['tracestate']).replace(', ', ',')).toBe('a=1,b=2');
    }
  });

  test.each([
    undefined,
    '',
    'nonsense',
    valid.toUpperCase(),
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${id}-${'0'.repeat(16)}-01`,
    `ff-${id}-00f067aa0ba902b7-01`,
    `${valid}-more`,
    `${valid},${valid}`,
  ])('that is not valid (%s) begins a trace of its own', (header) => {
    expect(traceFromHeaders({ traceparent: header })).toEqual({});
  });

  test('of a later version is read as far as it is known', () => {
    expect(parseTraceparent(`01-${id}-00f067aa0ba902b7-03-what-comes-next`)).toEqual({
      traceId: id,
      spanId: '00f067aa0ba902b7',
      sampled: true,
    });
  });
});

describe('outgoing headers', () => {
  test('name the span as it is named when it is exported', () => {
    const span = makeSpan({ index: 7 });
    expect(traceHeaders(span)).toEqual({ traceparent: `00-${traceIdOf(1).slice(6)}-${otlpSpanId(span.spanId)}-01` });
  });

  test('hand on the state and the decision of the caller', () => {
    const { traceId = '', metadata } = traceFromHeaders({ traceparent: valid.replace(/01$/, '00'), tracestate: 'a=1' });
    const span = makeSpan({ traceId, metadata: { ...metadata } });
    expect(traceHeaders(span)).toEqual({ traceparent: `00-${id}-${otlpSpanId(span.spanId)}-00`, tracestate: 'a=1' });
    expect(traceHeaders(makeTrace({ traceId, metadata }))).toMatchObject({ traceparent: valid.replace(/01$/, '00') });
  });

  test('are none where nothing is traced', () => {
    expect(traceHeaders(null)).toEqual({});
    expect(traceHeaders(makeSpan({ traceId: 'no-op' }))).toEqual({});
  });

  test('that come in again are the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.integer({ min: 1 }), (trace, index) => {
        const headers = traceHeaders(makeSpan({ traceId: traceIdOf(trace), index }));
        expect(traceFromHeaders(headers)).toEqual({ traceId: traceIdOf(trace), metadata: headers });
      }),
    );
  });
});

test('a parent of another trace, such as one that was copied with metadata, is no parent', () => {
  const span = makeSpan({ traceId: traceIdOf(5), metadata: { traceparent: valid.replace(/01$/, '00') } });
  expect(parentOf(span.traceMetadata, span.traceId)).toBeUndefined();
  expect(traceHeaders(span).traceparent).toMatch(/-01$/);
});

test('the last 56 bits of an id decide, as in other tracers', () => {
  const of = (bits: string): string => `trace_${'ab'.repeat(9)}${bits}`;
  expect(isSampled(of('80000000000000'), 0.5)).toBe(true);
  expect(isSampled(of('7fffffffffffff'), 0.5)).toBe(false);
  expect(isSampled(of('c0000000000000'), 0.25)).toBe(true);
  expect(isSampled(of('bfffffffffff00'), 0.25)).toBe(false);
});

test('a trace that is exported at a rate is exported at every higher one', () => {
  const digits = fc
    .bigInt({ min: 1n, max: 2n ** 128n - 1n })
    .map((value) => `trace_${value.toString(16).padStart(32, '0')}`);
  const rate = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(digits, rate, rate, (traceId, one, other) => {
      if (isSampled(traceId, Math.min(one, other))) expect(isSampled(traceId, Math.max(one, other))).toBe(true);
      expect(isSampled(traceId, 1)).toBe(true);
      expect(isSampled(traceId, 0)).toBe(false);
    }),
  );
});
