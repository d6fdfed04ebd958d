/**
 * Ids across systems: W3C Trace Context (https://www.w3.org/TR/trace-context/) and OpenTelemetry's ids.
 *
 * A trace's 32 hex digits are the same in both. Of a span's 24 the first 16 are its id elsewhere, so that the same
 * span has the same id wherever and however often it is exported.
 */
import { node } from '../../protocol/node.ts';
import { NOOP_ID } from '../ids.ts';
import type { Span, Trace, TraceOptions } from '../types.ts';

/** What another system said of the request that is being answered. */
export type TraceContext = Readonly<{
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits: the span under which this system's spans belong. */
  spanId: string;
  sampled: boolean;
  state?: string;
}>;

/** The `Headers` of fetch, or the headers of a Node request. */
type HeaderSource = { get(name: string): string | null } | Readonly<Record<string, string | string[] | undefined>>;

/** Version 00 as it is; of a later version, which may say more at its end, the part that is known. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
const MAX_STATE = 512;

/** Reads the header `traceparent`. Undefined where there is none, or none that is valid. */
export function parseTraceparent(header: string | null | undefined, state?: string): TraceContext | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(header?.trim() ?? '') ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  const kept = state?.trim();
  return { traceId, spanId, sampled, ...(kept && kept.length <= MAX_STATE && { state: kept }) };
}

/**
 * Options for `withTrace` or `run` that continue the trace of an incoming request: the same trace id, and its span as
 * parent of the outermost spans when they are exported. Empty where the request has no valid `traceparent`.
 *
 * The parent travels in the trace's metadata, so that it is still known when a run is resumed in another process.
 */
export function traceFromHeaders(headers: HeaderSource): Pick<TraceOptions, 'traceId' | 'metadata'> {
  const context = parseTraceparent(headerOf(headers, 'traceparent'), headerOf(headers, 'tracestate'));
  if (context === undefined) return {};
  const { traceId, state } = context;
  return {
    traceId: `trace_${traceId}`,
    metadata: { traceparent: formatTraceparent(context), ...(state !== undefined && { tracestate: state }) },
  };
}

/** Headers that tell another system under which span its own belong. Empty where tracing is off. */
export function traceHeaders(at: Span | Trace | null | undefined): { traceparent?: string; tracestate?: string } {
  if (at === null || at === undefined || at.traceId === NOOP_ID) return {};
  const isTrace = at.type === 'trace';
  const parent = parentOf(isTrace ? at.metadata : at.traceMetadata, at.traceId);
  // A trace has no span of its own: its parent is handed on, or an id that is made from the trace's.
  const spanId = isTrace ? (parent?.spanId ?? otlpSpanId(at.traceId)) : otlpSpanId(at.spanId);
  return {
    traceparent: formatTraceparent({ traceId: otlpTraceId(at.traceId), spanId, sampled: parent?.sampled ?? true }),
    ...(parent?.state !== undefined && { tracestate: parent.state }),
  };
}

/** The parent of a trace's outermost spans in another system, from its metadata. */
export function parentOf(
  metadata: Readonly<Record<string, unknown>> | undefined,
  traceId: string,
): TraceContext | undefined {
  const header = metadata?.['traceparent'];
  if (typeof header !== 'string') return undefined;
  const state = metadata?.['tracestate'];
  const parent = parseTraceparent(header, typeof state === 'string' ? state : undefined);
  return parent?.traceId === otlpTraceId(traceId) ? parent : undefined;
}

function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

function headerOf(headers: HeaderSource, name: string): string | undefined {
  if (typeof headers.get === 'function') return headers.get(name) ?? undefined;
  const entry = Object.entries(headers as Readonly<Record<string, string | string[] | undefined>>).find(
    ([key]) => key.toLowerCase() === name,
  )?.[1];
  // Several tracestate headers are one list; several traceparent headers are an error of the sender.
  return Array.isArray(entry) ? entry.join(',') : entry;
}

const hexOf = (id: string): string => id.slice(id.indexOf('_') + 1).toLowerCase();

/** 32 hex digits of a trace id. An id of another form gets digits of its hash: the same ones each time. */
export function otlpTraceId(traceId: string): string {
  return idOf(traceId, 32);
}

/** 16 hex digits of a span id. */
export function otlpSpanId(spanId: string): string {
  return idOf(spanId, 16);
}

function idOf(id: string, digits: number): string {
  const hex = hexOf(id);
  const start = hex.slice(0, digits);
  if (hex.length >= digits && /^[0-9a-f]+$/.test(hex) && !ZEROS.test(start)) return start;
  return node.crypto.createHash('sha256').update(id).digest('hex').slice(0, digits);
}

/**
 * Whether a trace is exported at a rate: decided by its id alone, so that all spans and all processes agree. By
 * OpenTelemetry's consistent sampling, which looks at the last 56 bits of the id.
 */
export function isSampled(traceId: string, rate: number): boolean {
  if (rate >= 1) return true;
  if (rate <= 0) return false;
  // 56 bits are more than a number holds exactly.
  const random = BigInt(`0x${otlpTraceId(traceId).slice(18)}`);
  return random >= BigInt(Math.round((1 - rate) * 2 ** 56));
}
