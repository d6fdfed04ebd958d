/** Our two encodings against OpenTelemetry's own: the same spans say the same. */
import { SpanKind, SpanStatusCode, TraceFlags, type Link, type SpanContext } from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { otlpJson as makeOtlpJson } from './otlp-json.ts';
import { otlpProtobuf } from './otlp-protobuf.ts';
import { decodeOtlpRequest, encodeOtlpAnswer, withoutDefaults } from './otlp-schema.fixture.ts';
import { readOtlpAnswer } from './otlp-answer.ts';
import { joinSpans, type Attributes, type OtlpSource, type OtlpSpan } from './otlp-span.ts';

type OfficialSpan = Parameters<typeof JsonTraceSerializer.serializeRequest>[0][number];

const hexId = (digits: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits })
    .map((list) => list.join(''))
    .filter((id) => /[^0]/.test(id));
const otlpJson = makeOtlpJson();
const text = fc.string({ unit: 'binary', maxLength: 40 });
const number = fc.oneof(
  fc.integer(),
  // The official encoder writes integers beyond 32 bits only where protobuf's varint is exact.
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
);
const scalar = fc.oneof(text, number, fc.boolean());
const value = fc.oneof(scalar, fc.array(text, { maxLength: 3 }), fc.array(number, { maxLength: 3 }));
const attributes = fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), value, {
  maxKeys: 6,
  noNullPrototype: true,
});
const time = fc.bigInt({ min: 0n, max: 2_000_000_000_999_999_999n });

const span: fc.Arbitrary<OtlpSpan> = fc.record(
  {
    traceId: hexId(32),
    spanId: hexId(16),
    parentSpanId: hexId(16),
    traceState: fc.constantFrom('a=1', 'vendor=x,other=y'),
    flags: fc.constant(0x101),
    name: text,
    kind: fc.constantFrom(1 as const, 2 as const, 3 as const),
    startNs: time,
    endNs: time,
    attributes,
    droppedAttributes: fc.nat(1000),
    events: fc.array(fc.record({ timeNs: time, name: text, attributes }), { maxLength: 2 }),
    links: fc.array(fc.record({ traceId: hexId(32), spanId: hexId(16), attributes, flags: fc.constant(0x101) }), {
      maxLength: 2,
    }),
    status: fc.oneof(
      fc.constant({ code: 0 as const }),
      fc.constant({ code: 1 as const }),
      fc.record({ code: fc.constant(2 as const), message: text }),
    ),
  },
  {
    requiredKeys: [
      'traceId',
      'spanId',
      'flags',
      'name',
      'kind',
      'startNs',
      'endNs',
      'attributes',
      'droppedAttributes',
      'events',
      'links',
      'status',
    ],
  },
);

const KINDS = { 1: SpanKind.INTERNAL, 2: SpanKind.SERVER, 3: SpanKind.CLIENT } as const;
const CODES = { 0: SpanStatusCode.UNSET, 1: SpanStatusCode.OK, 2: SpanStatusCode.ERROR } as const;
const hrTime = (ns: bigint): [number, number] => [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
const mutable = (from: Attributes): Record<string, string> => from as Record<string, string>;

function officialSpan(source: OtlpSource, ours: OtlpSpan): OfficialSpan {
  const context = (spanId: string, state?: string): SpanContext => ({
    traceId: ours.traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    ...(state !== undefined && {
      traceState: {
        serialize: () => state,
        get: () => undefined,
        set: () => Object.create(null),
        unset: () => Object.create(null),
      },
    }),
  });
  const links: Link[] = ours.links.map((link) => ({
    context: { traceId: link.traceId, spanId: link.spanId, traceFlags: TraceFlags.SAMPLED },
    attributes: mutable(link.attributes),
  }));
  return {
    name: ours.name,
    kind: KINDS[ours.kind],
    spanContext: () => context(ours.spanId, ours.traceState),
    ...(ours.parentSpanId !== undefined && { parentSpanContext: context(ours.parentSpanId) }),
    startTime: hrTime(ours.startNs),
    endTime: hrTime(ours.endNs),
    duration: [0, 0],
    ended: true,
    status: {
      code: CODES[ours.status.code],
      ...(ours.status.message !== undefined && { message: ours.status.message }),
    },
    attributes: mutable(ours.attributes),
    links: links as OfficialSpan['links'],
    events: ours.events.map((event) => ({
      name: event.name,
      time: hrTime(event.timeNs),
      attributes: mutable(event.attributes),
      droppedAttributesCount: 0,
    })),
    resource: {
      attributes: mutable(source.resource),
      getRawAttributes: () => [],
      merge: (other) => other ?? Object.create(null),
    },
    instrumentationScope: source.scope,
    droppedAttributesCount: ours.droppedAttributes,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** The official encoder groups spans by the identity of resource and scope. */
function official(source: OtlpSource, spans: readonly OtlpSpan[]): OfficialSpan[] {
  const list = spans.map((ours) => officialSpan(source, ours));
  const [first] = list;
  return first === undefined ? list : list.map((item) => ({ ...item, resource: first.resource }));
}

const source = fc.record({
  resource: attributes,
  scope: fc.record({ name: fc.string({ minLength: 1 }), version: fc.string({ minLength: 1 }) }),
});
const request = fc.tuple(source, fc.array(span, { minLength: 1, maxLength: 5 }));
const parse = (bytes: Uint8Array | undefined): unknown => JSON.parse(new TextDecoder().decode(bytes));

describe('spans, by our encoding and by the official one', () => {
  test('are the same messages in protobuf', () => {
    const encoding = otlpProtobuf();
    fc.assert(
      fc.property(request, ([from, spans]) => {
        const ours = decodeOtlpRequest(joinSpans(encoding, from, spans.map(encoding.encodeSpan)));
        const theirs = ProtobufTraceSerializer.serializeRequest(official(from, spans)) ?? new Uint8Array();
        expect(withoutDefaults(ours)).toEqual(withoutDefaults(decodeOtlpRequest(theirs)));
      }),
    );
  });

  test('are the same messages in JSON', () => {
    fc.assert(
      fc.property(request, ([from, spans]) => {
        const ours = parse(joinSpans(otlpJson, from, spans.map(otlpJson.encodeSpan)));
        const theirs = parse(JsonTraceSerializer.serializeRequest(official(from, spans)));
        expect(withoutDefaults(ours)).toEqual(withoutDefaults(theirs));
      }),
    );
  });

  test('are the same where a value is larger than any buffer', () => {
    const encoding = otlpProtobuf();
    for (const size of [1, 4_000, 5_000, 100_000, 2_000_000]) {
      const [large] = fc.sample(span, { numRuns: 1, seed: 7 });
      if (large === undefined) throw new Error('no sample');
      const spans = [{ ...large, attributes: { before: 1, text: 'é'.repeat(size), after: [true] } }, large];
      const from = { resource: { a: 'x'.repeat(size) }, scope: { name: 's', version: '1' } };
      const proto = decodeOtlpRequest(joinSpans(encoding, from, spans.map(encoding.encodeSpan)));
      expect(withoutDefaults(proto)).toEqual(
        withoutDefaults(parse(joinSpans(otlpJson, from, spans.map(otlpJson.encodeSpan)))),
      );
    }
  });

  test('JSON and protobuf say the same', () => {
    const encoding = otlpProtobuf();
    fc.assert(
      fc.property(request, ([from, spans]) => {
        const proto = decodeOtlpRequest(joinSpans(encoding, from, spans.map(encoding.encodeSpan)));
        const json = parse(joinSpans(otlpJson, from, spans.map(otlpJson.encodeSpan)));
        expect(withoutDefaults(proto)).toEqual(withoutDefaults(json));
      }),
    );
  });
});

const utf8 = (said: string): Uint8Array => new TextEncoder().encode(said);

describe('an answer', () => {
  test('tells how many spans were rejected and why, in both encodings, whatever the header says of them', () => {
    fc.assert(
      fc.property(fc.nat(), text, (rejected, message) => {
        const json = JSON.stringify({ partialSuccess: { rejectedSpans: String(rejected), errorMessage: message } });
        for (const type of ['', 'application/x-protobuf', 'application/octet-stream'])
          expect(readOtlpAnswer(encodeOtlpAnswer(rejected, message), type)).toEqual({ rejected, message });
        for (const type of ['', 'application/json', 'application/x-protobuf', 'text/plain'])
          expect(readOtlpAnswer(utf8(json), type)).toEqual({ rejected, message });
      }),
    );
  });

  test('that is empty takes everything', () => {
    for (const type of ['', 'application/json', 'application/x-protobuf', 'text/html'])
      expect(readOtlpAnswer(new Uint8Array(), type)).toEqual({ rejected: 0, message: '' });
  });

  test('that is no message takes nothing', () => {
    for (const said of ['<html>', '<!doctype html><p>Sign in</p>', 'OK', '"OK"', '[]', 'null', '{"partialSuccess"'])
      for (const type of ['', 'application/json', 'application/x-protobuf', 'text/html', 'text/plain'])
        expect(readOtlpAnswer(utf8(said), type)).toBeUndefined();
  });

  test('is not looked for in a page that reads as a message by chance', () => {
    const page = utf8('\n\n(a(a(a(a(a');
    expect(readOtlpAnswer(page, 'application/x-protobuf')).toEqual({ rejected: 0, message: '' });
    expect(readOtlpAnswer(page, 'text/html')).toBeUndefined();
  });
});
