/**
 * OTLP as protobuf: trace.proto, common.proto and trace_service.proto of opentelemetry-proto, version 1.
 *
 * Fields are written last to first (protobuf.ts, P1), and zeros are left out, as proto3 has it.
 */
import type {
  Attributes,
  AttributeValue,
  OtlpEncoding,
  OtlpEvent,
  OtlpLink,
  OtlpSource,
  OtlpSpan,
} from './otlp-span.ts';
import { ProtoWriter } from './protobuf.ts';

const SPANS_OF_SCOPE = 2;

function hex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

/** Walks from the last to the first. */
function backwards<T>(list: readonly T[], write: (item: T) => void): void {
  for (let index = list.length - 1; index >= 0; index--) {
    // In bounds by the loop.
    write(list[index] as T);
  }
}

function writeAnyValue(out: ProtoWriter, value: AttributeValue): void {
  if (typeof value === 'string') out.string(1, value);
  else if (typeof value === 'boolean') out.varint(2, value ? 1 : 0);
  else if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) out.varint(3, value);
    else out.double(4, value);
  } else {
    const list = out.size;
    backwards(value, (item) => {
      const before = out.size;
      writeAnyValue(out, item);
      out.message(1, before);
    });
    out.message(5, list);
  }
}

function writeAttributes(out: ProtoWriter, field: number, attributes: Attributes): void {
  backwards(Object.entries(attributes), ([key, value]) => {
    const pair = out.size;
    writeAnyValue(out, value);
    out.message(2, pair);
    out.string(1, key);
    out.message(field, pair);
  });
}

function writeEvent(out: ProtoWriter, event: OtlpEvent): void {
  const before = out.size;
  writeAttributes(out, 3, event.attributes);
  out.string(2, event.name);
  out.fixed64(1, event.timeNs);
  out.message(11, before);
}

function writeLink(out: ProtoWriter, link: OtlpLink): void {
  const before = out.size;
  if (link.flags !== 0) out.fixed32(6, link.flags);
  writeAttributes(out, 4, link.attributes);
  out.bytes(2, hex(link.spanId));
  out.bytes(1, hex(link.traceId));
  out.message(13, before);
}

function writeSpan(out: ProtoWriter, span: OtlpSpan): void {
  const before = out.size;
  if (span.flags !== 0) out.fixed32(16, span.flags);
  const status = out.size;
  if (span.status.code !== 0) out.varint(3, span.status.code);
  if (span.status.message !== undefined) out.string(2, span.status.message);
  out.message(15, status);
  backwards(span.links, (link) => writeLink(out, link));
  backwards(span.events, (event) => writeEvent(out, event));
  if (span.droppedAttributes > 0) out.varint(10, span.droppedAttributes);
  writeAttributes(out, 9, span.attributes);
  out.fixed64(8, span.endNs);
  out.fixed64(7, span.startNs);
  out.varint(6, span.kind);
  out.string(5, span.name);
  if (span.parentSpanId !== undefined) out.bytes(4, hex(span.parentSpanId));
  if (span.traceState !== undefined) out.string(3, span.traceState);
  out.bytes(2, hex(span.spanId));
  out.bytes(1, hex(span.traceId));
  out.message(SPANS_OF_SCOPE, before);
}

/** Kept, so that spans that follow each other write into one buffer. */
function spanEncoder(): (span: OtlpSpan) => Uint8Array {
  const out = new ProtoWriter();
  return (span) => {
    try {
      writeSpan(out, span);
    } catch (error) {
      // Half a span must not become the tail of the next one.
      out.take();
      throw error;
    }
    return out.take();
  };
}

/** ExportTraceServiceRequest.1 { ResourceSpans: resource 1, scopeSpans 2 { scope 1, spans 2 } } */
function envelope({ resource, scope }: OtlpSource, bytes: number): { head: Uint8Array; tail: Uint8Array } {
  const out = new ProtoWriter();
  out.string(2, scope.version);
  out.string(1, scope.name);
  out.message(1, 0);
  const head = withLength(2, out.take(), bytes);
  writeAttributes(out, 1, resource);
  out.message(1, 0);
  const resourceHead = out.take();
  return { head: withLength(1, joined(resourceHead, head), bytes), tail: new Uint8Array(0) };
}

/** The key and length of a message that starts with `head` and has `more` bytes after it, and `head`. */
function withLength(field: number, head: Uint8Array, more: number): Uint8Array {
  const out = new ProtoWriter();
  out.head(field, head.length + more);
  return joined(out.take(), head);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** An encoder of its own buffer: one an exporter. */
export function otlpProtobuf(): OtlpEncoding {
  return {
    contentType: 'application/x-protobuf',
    separator: new Uint8Array(0),
    encodeSpan: spanEncoder(),
    envelope,
  };
}
