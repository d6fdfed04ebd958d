/** OTLP's messages as protobufjs reads them: trace.proto, common.proto, resource.proto and trace_service.proto, v1. */
import protobuf from 'protobufjs';

type Field = { id: number; type: string; rule?: string };
const field = (id: number, type: string): Field => ({ id, type });
const list = (id: number, type: string): Field => ({ id, type, rule: 'repeated' });

const root = protobuf.Root.fromJSON({
  nested: {
    Request: { fields: { resourceSpans: list(1, 'ResourceSpans') } },
    ResourceSpans: {
      fields: { resource: field(1, 'Resource'), scopeSpans: list(2, 'ScopeSpans'), schemaUrl: field(3, 'string') },
    },
    Resource: { fields: { attributes: list(1, 'KeyValue'), droppedAttributesCount: field(2, 'uint32') } },
    ScopeSpans: { fields: { scope: field(1, 'Scope'), spans: list(2, 'Span'), schemaUrl: field(3, 'string') } },
    Scope: {
      fields: { name: field(1, 'string'), version: field(2, 'string'), attributes: list(3, 'KeyValue') },
    },
    Span: {
      fields: {
        traceId: field(1, 'bytes'),
        spanId: field(2, 'bytes'),
        traceState: field(3, 'string'),
        parentSpanId: field(4, 'bytes'),
        name: field(5, 'string'),
        kind: field(6, 'int32'),
        startTimeUnixNano: field(7, 'fixed64'),
        endTimeUnixNano: field(8, 'fixed64'),
        attributes: list(9, 'KeyValue'),
        droppedAttributesCount: field(10, 'uint32'),
        events: list(11, 'Event'),
        droppedEventsCount: field(12, 'uint32'),
        links: list(13, 'Link'),
        droppedLinksCount: field(14, 'uint32'),
        status: field(15, 'Status'),
        flags: field(16, 'fixed32'),
      },
    },
    Event: {
      fields: {
        timeUnixNano: field(1, 'fixed64'),
        name: field(2, 'string'),
        attributes: list(3, 'KeyValue'),
        droppedAttributesCount: field(4, 'uint32'),
      },
    },
    Link: {
      fields: {
        traceId: field(1, 'bytes'),
        spanId: field(2, 'bytes'),
        traceState: field(3, 'string'),
        attributes: list(4, 'KeyValue'),
        droppedAttributesCount: field(5, 'uint32'),
        flags: field(6, 'fixed32'),
      },
    },
    Status: { fields: { message: field(2, 'string'), code: field(3, 'int32') } },
    KeyValue: { fields: { key: field(1, 'string'), value: field(2, 'AnyValue') } },
    AnyValue: {
      oneofs: { value: { oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue'] } },
      fields: {
        stringValue: field(1, 'string'),
        boolValue: field(2, 'bool'),
        intValue: field(3, 'int64'),
        doubleValue: field(4, 'double'),
        arrayValue: field(5, 'ArrayValue'),
      },
    },
    ArrayValue: { fields: { values: list(1, 'AnyValue') } },
    Response: { fields: { partialSuccess: field(1, 'PartialSuccess') } },
    PartialSuccess: { fields: { rejectedSpans: field(1, 'int64'), errorMessage: field(2, 'string') } },
  },
});

const request = root.lookupType('Request');

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What a request says, in the form of OTLP's JSON: ids in hex, 64-bit numbers as strings. */
export function decodeOtlpRequest(bytes: Uint8Array): unknown {
  const plain = request.toObject(request.decode(new Uint8Array(bytes)), { longs: String, bytes: Uint8Array });
  return JSON.parse(
    JSON.stringify(plain, (_key, value: unknown) => (value instanceof Uint8Array ? hex(value) : value)),
  );
}

/** An answer of a server, as bytes. */
export function encodeOtlpAnswer(rejectedSpans: number, errorMessage: string): Uint8Array {
  return root.lookupType('Response').encode({ partialSuccess: { rejectedSpans, errorMessage } }).finish();
}

/** Drops what proto3 takes for the same as absent: zeros, empty strings, empty lists. Values of attributes stay. */
export function withoutDefaults(value: unknown, inValue = false): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutDefaults(item, inValue));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => [
    key,
    // JSON may write 64-bit integers as numbers too, and the official encoder does.
    key === 'intValue' ? String(item) : withoutDefaults(item, inValue || key === 'value'),
  ]);
  const isDefault = (item: unknown): boolean =>
    item === 0 || item === '' || item === '0' || (Array.isArray(item) && item.length === 0);
  return Object.fromEntries(entries.filter(([key, item]) => !isDefault(item) || (inValue && key !== 'values')));
}
