/**
 * From a span that ended to what OTLP writes down. The one place through which everything passes on its way out, so
 * that redaction and limits hold for names, errors, metadata and links as well as for content.
 */
import type { Redactor } from '../../wire/redaction.ts';
import type { Span } from '../types.ts';
import type { Dialect, Facts, TraceFacts } from './describe.ts';
import { errorType } from './genai.ts';
import { jsonWithin, textWithin } from './limits.ts';
import {
  FLAGS,
  SPAN_KIND,
  STATUS,
  type Attributes,
  type AttributeValue,
  type OtlpEvent,
  type OtlpSpan,
} from './otlp-span.ts';
import { otlpSpanId, otlpTraceId, parentOf } from './trace-context.ts';

export type ToOtlpOptions = Readonly<{
  dialect: Dialect;
  includeContent: boolean;
  redact: Redactor;
  /** Longest text of an attribute, in characters. */
  valueLength: number;
}>;

const MAX_NAME = 256;
const MAX_ERROR = 4096;
const MAX_ATTRIBUTES = 1024;
const LOCAL = FLAGS.sampled | FLAGS.parentKnown;

export function toOtlpSpan(span: Span, trace: TraceFacts | undefined, options: ToOtlpOptions): OtlpSpan {
  const { dialect, includeContent, redact, valueLength } = options;
  const { name, client, facts } = dialect(span, { trace, includeContent });
  const startNs = nanoseconds(span.startedAt);
  // Events know whole milliseconds, and clocks are set back: a span ends after it starts all the same.
  const endNs = later(nanoseconds(span.endedAt), startNs);
  const remote = span.parentId === null ? parentOf(trace?.metadata ?? span.traceMetadata, span.traceId) : undefined;
  const parentSpanId = span.parentId === null ? remote?.spanId : otlpSpanId(span.parentId);
  const { attributes, dropped } = toAttributes(redact(facts), valueLength);
  return {
    traceId: otlpTraceId(span.traceId),
    spanId: otlpSpanId(span.spanId),
    ...(parentSpanId !== undefined && { parentSpanId }),
    ...(remote?.state !== undefined && { traceState: remote.state }),
    flags: remote === undefined ? LOCAL : LOCAL | FLAGS.parentRemote,
    name: textWithin(redactedText(redact, name), MAX_NAME),
    kind: client ? SPAN_KIND.client : SPAN_KIND.internal,
    startNs,
    endNs,
    attributes,
    droppedAttributes: dropped,
    events: errorEvents(span, endNs, options),
    links: (span.details?.links ?? []).map((link) => ({
      traceId: otlpTraceId(link.traceId),
      spanId: otlpSpanId(link.spanId),
      attributes: {},
      flags: LOCAL,
    })),
    status: statusOf(span, redact),
  };
}

function nanoseconds(time: string | null): bigint {
  const ms = Date.parse(time ?? '');
  return Number.isFinite(ms) && ms > 0 ? BigInt(Math.round(ms)) * 1_000_000n : 0n;
}

/** One nanosecond after the start at least: back ends that sort by times, or divide by a duration, need a difference. */
const later = (endNs: bigint, startNs: bigint): bigint => (endNs > startNs ? endNs : startNs + 1n);

function redactedText(redact: Redactor, value: string): string {
  return String(redact(value));
}

function statusOf(span: Span, redact: Redactor): OtlpSpan['status'] {
  if (span.error === null) return { code: STATUS.unset };
  return { code: STATUS.error, message: textWithin(redactedText(redact, span.error.message), MAX_ERROR) };
}

/** The error as an exception event, which is where back ends look. Its data may hold content. */
function errorEvents(span: Span, timeNs: bigint, { redact, includeContent, valueLength }: ToOtlpOptions): OtlpEvent[] {
  if (span.error === null) return [];
  const { message, data } = span.error;
  const told = includeContent && typeof data?.['error'] === 'string' ? data['error'] : message;
  const facts = {
    'exception.type': errorType(span),
    'exception.message': textWithin(redactedText(redact, told), MAX_ERROR),
    ...(includeContent && data !== undefined && { 'baton.error.data': redact(data) }),
  };
  return [{ timeNs, name: 'exception', attributes: toAttributes(facts, valueLength).attributes }];
}

function toAttributes(facts: unknown, valueLength: number): { attributes: Attributes; dropped: number } {
  const entries = Object.entries(facts as Facts).flatMap(([key, value]): [string, AttributeValue][] => {
    const attribute = toAttribute(value, valueLength);
    return attribute === undefined ? [] : [[key, attribute]];
  });
  const kept = entries.slice(0, MAX_ATTRIBUTES);
  return { attributes: Object.fromEntries(kept), dropped: entries.length - kept.length };
}

/** Lists of texts stay lists; what has members becomes JSON in a text, which every back end can read. */
function toAttribute(value: unknown, valueLength: number): AttributeValue | undefined {
  if (typeof value === 'string') return jsonText(value, valueLength);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')) {
    return value.map((item: string) => textWithin(item, valueLength));
  }
  return jsonWithin(value, valueLength);
}

/** A text that is JSON, such as the arguments of a tool, is still JSON when it was cut. */
function jsonText(text: string, max: number): string {
  if (text.length <= max) return text;
  if (!/^\s*[[{]/.test(text)) return textWithin(text, max);
  try {
    return jsonWithin(JSON.parse(text), max);
  } catch {
    return textWithin(text, max);
  }
}
