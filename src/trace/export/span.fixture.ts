/** Spans and traces as plain objects, for tests of what exporters make of them. */
import type { Span, SpanData, SpanDetails, SpanError, Trace } from '../types.ts';

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

export const traceIdOf = (index: number): string => `trace_${hex(index, 32)}`;
export const spanIdOf = (index: number): string => `span_${hex(index, 16)}00000000`;

export type SpanInput = {
  index?: number;
  traceId?: string;
  parentId?: string | null;
  data?: SpanData;
  details?: SpanDetails;
  error?: SpanError;
  metadata?: Record<string, unknown>;
};

export function makeSpan({
  index = 1,
  traceId = traceIdOf(1),
  parentId = null,
  data,
  details,
  error,
  metadata,
}: SpanInput = {}): Span {
  const spanData: SpanData = data ?? { type: 'custom', name: `work ${index}`, data: {} };
  const startedAt = '2026-11-25T10:00:00.123Z';
  const endedAt = '2026-11-25T10:00:01.456Z';
  return {
    type: 'trace.span',
    traceId,
    spanId: spanIdOf(index),
    parentId,
    spanData,
    traceMetadata: metadata,
    startedAt,
    endedAt,
    error: error ?? null,
    tracingApiKey: undefined,
    details,
    toJSON: () => ({
      object: 'trace.span',
      id: spanIdOf(index),
      trace_id: traceId,
      parent_id: parentId,
      started_at: startedAt,
      ended_at: endedAt,
      span_data: spanData,
      error: error ?? null,
    }),
  };
}

export function makeTrace(
  input: Partial<Pick<Trace, 'traceId' | 'name' | 'groupId' | 'metadata' | 'tracingApiKey'>> = {},
): Trace {
  const { traceId = traceIdOf(1), name = 'Support', groupId = null, metadata, tracingApiKey } = input;
  return {
    type: 'trace',
    traceId,
    name,
    groupId,
    metadata,
    tracingApiKey,
    toJSON: () => ({ object: 'trace', id: traceId, workflow_name: name, group_id: groupId, metadata }),
  };
}
