/**
 * A finished span in the terms of OTLP, before it becomes JSON or protobuf.
 *
 * Numbers of kinds, codes and flags are those of opentelemetry-proto's trace.proto, version 1.
 */

export type AttributeValue = string | number | boolean | readonly AttributeValue[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

export const SPAN_KIND = { internal: 1, server: 2, client: 3 } as const;
export const STATUS = { unset: 0, ok: 1, error: 2 } as const;
/** `sampled` is W3C's; the others say that it is known whether the parent is of another process, and that it is. */
export const FLAGS = { sampled: 0x1, parentKnown: 0x100, parentRemote: 0x200 } as const;

export type OtlpEvent = Readonly<{ timeNs: bigint; name: string; attributes: Attributes }>;
export type OtlpLink = Readonly<{ traceId: string; spanId: string; attributes: Attributes; flags: number }>;

export type OtlpSpan = Readonly<{
  /** 32 lower-case hex digits. */
  traceId: string;
  /** 16 lower-case hex digits. */
  spanId: string;
  parentSpanId?: string;
  /** W3C tracestate, as it came in. */
  traceState?: string;
  flags: number;
  name: string;
  kind: (typeof SPAN_KIND)[keyof typeof SPAN_KIND];
  /** Nanoseconds since the epoch. */
  startNs: bigint;
  endNs: bigint;
  attributes: Attributes;
  droppedAttributes: number;
  events: readonly OtlpEvent[];
  links: readonly OtlpLink[];
  status: Readonly<{ code: (typeof STATUS)[keyof typeof STATUS]; message?: string }>;
}>;

/** Who sends: the process, and the library that made the spans. */
export type OtlpSource = Readonly<{ resource: Attributes; scope: Readonly<{ name: string; version: string }> }>;

/** One way of writing spans down. Spans are encoded one by one when they end, and only joined when they are sent. */
export type OtlpEncoding = Readonly<{
  contentType: 'application/json' | 'application/x-protobuf';
  /** What is put between two spans of a request. */
  separator: Uint8Array;
  encodeSpan: (span: OtlpSpan) => Uint8Array;
  /** What stands before and after `bytes` bytes of joined spans. */
  envelope: (source: OtlpSource, bytes: number) => Readonly<{ head: Uint8Array; tail: Uint8Array }>;
}>;

/** Puts encoded spans into one request. */
export function joinSpans(
  encoding: OtlpEncoding,
  source: OtlpSource,
  spans: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const { separator } = encoding;
  const between = separator.length * Math.max(0, spans.length - 1);
  const bytes = spans.reduce((sum, span) => sum + span.length, between);
  const { head, tail } = encoding.envelope(source, bytes);
  const body = new Uint8Array(head.length + bytes + tail.length);
  body.set(head);
  let at = head.length;
  for (const [index, span] of spans.entries()) {
    if (index > 0) {
      body.set(separator, at);
      at += separator.length;
    }
    body.set(span, at);
    at += span.length;
  }
  body.set(tail, at);
  return body;
}
