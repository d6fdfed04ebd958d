/** A batch without secrets: names, errors, metadata, data, details and contents. Ids and times stay as they are. */
import type { Redactor } from '../../wire/redaction.ts';
import type { Batch, ContentRecord, OpenRecord, SpanRecord, TraceRecord } from './batch.ts';

export function redacted(batch: Batch, redact: Redactor): Batch {
  // What comes back has the shape of what went in, but for the texts in it.
  const clean = <T>(value: T): T => redact(value) as T;
  const trace = ({ traceId, at, ...said }: TraceRecord): TraceRecord => ({ ...clean(said), traceId, at });
  const span = ({ name, error, data, details, ...rest }: SpanRecord): SpanRecord => ({
    ...rest,
    name: clean(name),
    ...(error && { error: clean(error) }),
    data: clean(data),
    ...(details && { details: { ...clean(details), ...idsOf(details) } }),
  });
  const open = ({ name, agent, ...rest }: OpenRecord): OpenRecord => ({
    ...rest,
    name: clean(name),
    ...(agent !== undefined && { agent: clean(agent) }),
  });
  const content = ({ item, ...ids }: ContentRecord): ContentRecord => ({ ...ids, item: clean(item) });
  return {
    ...batch,
    traces: batch.traces.map(trace),
    spans: batch.spans.map(span),
    open: batch.open.map(open),
    contents: batch.contents.map(content),
  };
}

function idsOf({ runId, segmentId }: NonNullable<SpanRecord['details']>): Pick<SpanRecord, 'details'>['details'] {
  return { ...(runId !== undefined && { runId }), ...(segmentId !== undefined && { segmentId }) };
}
