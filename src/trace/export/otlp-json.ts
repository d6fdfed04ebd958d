/**
 * OTLP as JSON: proto3's JSON mapping with OTLP's own exceptions, which are ids in hex and enums as numbers.
 * 64-bit integers are strings.
 */
import type { Attributes, AttributeValue, OtlpEncoding, OtlpSpan, OtlpSource } from './otlp-span.ts';

const utf8 = /* @__PURE__ */ new TextEncoder();

/** Readers in other languages refuse half a surrogate pair, which a cut string can end with. */
const text = (value: string): string => value.replace(/\p{Surrogate}/gu, '\uFFFD');

function anyValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: text(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value !== 'number') return { arrayValue: { values: value.map(anyValue) } };
  if (Number.isSafeInteger(value)) return { intValue: String(value) };
  // What JSON has no number for is a string in proto3's mapping: "NaN", "Infinity", "-Infinity".
  return { doubleValue: Number.isFinite(value) ? value : String(value) };
}

function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key: text(key), value: anyValue(value) }));
}

function jsonSpan(span: OtlpSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.traceState !== undefined && { traceState: text(span.traceState) }),
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    flags: span.flags,
    name: text(span.name),
    kind: span.kind,
    startTimeUnixNano: String(span.startNs),
    endTimeUnixNano: String(span.endNs),
    attributes: keyValues(span.attributes),
    droppedAttributesCount: span.droppedAttributes,
    events: span.events.map((event) => ({
      timeUnixNano: String(event.timeNs),
      name: text(event.name),
      attributes: keyValues(event.attributes),
    })),
    links: span.links.map(({ traceId, spanId, attributes, flags }) => ({
      traceId,
      spanId,
      attributes: keyValues(attributes),
      flags,
    })),
    status: {
      ...(span.status.message !== undefined && { message: text(span.status.message) }),
      code: span.status.code,
    },
  };
}

function envelope({ resource, scope }: OtlpSource): { head: Uint8Array; tail: Uint8Array } {
  const of = JSON.stringify({ attributes: keyValues(resource) });
  return {
    head: utf8.encode(`{"resourceSpans":[{"resource":${of},"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[`),
    tail: utf8.encode(']}]}]}'),
  };
}

/** A function, so that who does not export by it does not load it. */
export function otlpJson(): OtlpEncoding {
  return {
    contentType: 'application/json',
    separator: utf8.encode(','),
    encodeSpan: (span) => utf8.encode(JSON.stringify(jsonSpan(span))),
    envelope,
  };
}
