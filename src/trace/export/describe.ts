/** What a dialect makes of a span, before redaction and limits. */
import type { Span } from '../types.ts';

/** Members that are undefined are left out; objects and lists of them become JSON texts. */
export type Facts = Record<string, unknown>;
export type Described = { name: string; client: boolean; facts: Facts };

/** What is known of the trace of a span: the span itself knows only its metadata. */
export type TraceFacts = Readonly<{
  name: string;
  groupId: string | null;
  metadata: Readonly<Record<string, unknown>>;
}>;

export type DescribeContext = Readonly<{ trace: TraceFacts | undefined; includeContent: boolean }>;
export type Dialect = (span: Span, context: DescribeContext) => Described;

/** Facts that no convention has a name for; the same in every dialect. */
export function ownFacts(span: Span, { trace }: DescribeContext): Facts {
  const { details, spanData } = span;
  return {
    'baton.span.type': spanData.type,
    'baton.run.id': details?.runId,
    'baton.segment.id': details?.segmentId,
    'baton.effect.id': details?.effectId,
    'baton.outcome': details?.outcome,
    'baton.cost.usd': details?.nanoUsd === undefined ? undefined : details.nanoUsd / 1e9,
    'baton.request.id': details?.requestId,
    'baton.model.attempts': details?.attempts?.length,
    'baton.model.queued_ms': details?.queuedMs,
    'baton.tool.outcome': details?.toolOutcome,
    'baton.tool.approval_wait_ms': details?.approvalWaitMs,
    ...(span.parentId === null && { 'baton.trace.name': trace?.name, ...metadataFacts(span, trace) }),
  };
}

/** Members of the trace's metadata, on its outermost spans only: they are the same on all. */
function metadataFacts(span: Span, trace: TraceFacts | undefined): Facts {
  const metadata = trace?.metadata ?? span.traceMetadata ?? {};
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`baton.trace.metadata.${key}`, value]));
}
