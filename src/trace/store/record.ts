/** Ended spans as records: what was said goes beside them, once a trace, and is referred to by number. */
import { createRedactor, type Redactor } from '../../wire/redaction.ts';
import type { Span, SpanData, Trace } from '../types.ts';
import type { Batch, ContentRecord, OpenRecord, Refs, RunRecord, SpanRecord, TraceRecord } from './batch.ts';
import type { Opened, TracePlace } from './place.ts';

/** A trace that began. */
export type Begun = { readonly trace: Trace; readonly at: number };
/** An ended span, and what is known of its trace. */
export type Ended = Opened & { readonly span: Span; readonly place: TracePlace };
/** A span that is open, and what is known of its trace. */
export type Open = { readonly span: Span; readonly place: TracePlace };

export type Pending = {
  readonly writer: number;
  readonly at: number;
  readonly open: readonly Open[];
  readonly traces: readonly Begun[];
  readonly runs: readonly RunRecord[];
  readonly ended: readonly Ended[];
};

/** The batch as JSON. */
export function encode({ writer, at, open, traces, runs, ended }: Pending): string {
  const contents: ContentRecord[] = [];
  const batch: Batch = {
    writer,
    at,
    open: open.map(openRecord),
    traces: traces.map(traceRecord),
    runs,
    spans: ended.map((one) => spanRecord(one, contents)),
    contents,
  };
  try {
    return JSON.stringify(batch);
  } catch {
    return JSON.stringify(plain(batch));
  }
}

/** Of user code's own data: cycles, and what else JSON has no word for, become notes. */
function plain(batch: Batch): Batch {
  const notes = createRedactor();
  const safe = <T>(value: T): T => {
    try {
      JSON.stringify(value);
      return value;
    } catch {
      return noted(value, notes);
    }
  };
  return {
    ...batch,
    traces: batch.traces.map((trace) => safe(trace)),
    spans: batch.spans.map((span) => safe(span)),
    contents: batch.contents.map(({ item, ...rest }) => ({ ...rest, item: safe(item) })),
  };
}

/** The same shape, but for what JSON cannot say. */
function noted<T>(value: T, notes: Redactor): T {
  try {
    return notes(value) as T;
  } catch {
    return '[unreadable]' as T;
  }
}

function traceRecord({ trace, at }: Begun): TraceRecord {
  const { traceId, name, groupId, metadata } = trace;
  const has = metadata && Object.keys(metadata).length > 0;
  // Not known to be JSON until it is written: see `encode`.
  return { traceId, name, groupId, at, ...(has && { metadata }) };
}

function openRecord({ span, place }: Open): OpenRecord {
  const { traceId, spanId, parentId, spanData, startedAt, details } = span;
  const { runId, seq } = place.tell(span);
  return {
    id: spanId,
    traceId,
    parentId,
    seq,
    type: spanData.type,
    name: nameOf(spanData),
    at: Date.parse(startedAt ?? ''),
    ...(runId !== undefined && { runId }),
    ...(details?.agent !== undefined && { agent: details.agent }),
  };
}

function spanRecord({ span, runId, seq, isTold, place }: Ended, contents: ContentRecord[]): SpanRecord {
  const { traceId, spanId, parentId, spanData, startedAt, endedAt, error, details } = span;
  const number = (item: unknown): number =>
    place.number(item, (n, one) => contents.push({ traceId, part: place.part, n, item: small(one) }));
  const { data, said } = parted(spanData);
  const refs: Record<string, number | number[]> = {};
  for (const [key, value] of Object.entries(said)) {
    if (value === undefined) continue;
    refs[key] = Array.isArray(value) ? value.map(number) : number(value);
  }
  const { instructions, ...facts } = details ?? {};
  if (instructions) refs['instructions'] = number(instructions);
  return {
    id: spanId,
    traceId,
    parentId,
    seq,
    type: spanData.type,
    name: nameOf(spanData),
    at: Date.parse(startedAt ?? ''),
    endedAt: Date.parse(endedAt ?? ''),
    ...(error && { error }),
    ...(runId !== undefined && { runId }),
    ...(isTold === true && { told: true as const }),
    data,
    ...(details && { details: facts }),
    ...(Object.keys(refs).length > 0 && { refs: refs satisfies Refs, part: place.part }),
  };
}

type Parted = { readonly data: SpanRecord['data']; readonly said: { readonly [key: string]: unknown } };

/** What a span is, and what was said in it. */
function parted(span: SpanData): Parted {
  switch (span.type) {
    case 'agent':
    case 'task':
    case 'turn':
    case 'handoff':
    case 'guardrail': {
      const { type: _, ...data } = span;
      return { data, said: {} };
    }
    case 'function': {
      const { type: _, input, output, ...data } = span;
      return { data, said: { ...(input !== '' && { input }), ...(output !== '' && { output }) } };
    }
    case 'generation': {
      const { type: _, input, output, ...data } = span;
      return { data, said: { input, output } };
    }
    case 'response': {
      const { _input: input, _response: response, response_id } = span;
      return {
        data: { ...(response_id !== undefined && { response_id }) },
        said: { input, output: response?.['output'] },
      };
    }
    case 'custom':
      return { data: { name: span.name }, said: Object.keys(span.data).length > 0 ? { data: span.data } : {} };
    case 'transcription':
    case 'speech':
    case 'speech_group': {
      const { type: _, input, ...data } = span;
      return { data: 'output' in data ? { ...data, output: undefined } : data, said: { input: textOf(input) } };
    }
    case 'mcp_tools': {
      const { type: _, result, ...data } = span;
      return { data, said: { result } };
    }
  }
}

/** Sound is not kept. */
const textOf = (input: unknown): string | undefined => (typeof input === 'string' ? input : undefined);

function nameOf(data: SpanData): string {
  if ('name' in data) return data.name;
  if (data.type === 'turn') return `turn ${data.turn}`;
  if (data.type === 'handoff') return data.to_agent ?? '';
  if ('model' in data && typeof data.model === 'string') return data.model;
  return data.type === 'mcp_tools' ? (data.server ?? data.type) : data.type;
}

/** Bytes in the parts of an item become a note: JSON would make a long list of them. */
function small(item: unknown): unknown {
  if (typeof item !== 'object' || item === null) return item;
  return Object.values(item).some((value) => Array.isArray(value) && value.some(hasBytes)) || hasBytes(item)
    ? withoutBytes(item, 8)
    : item;
}

const hasBytes = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (ArrayBuffer.isView(value) || Object.values(value).some((one) => ArrayBuffer.isView(one)));

function withoutBytes(value: unknown, depth: number): unknown {
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => withoutBytes(one, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutBytes(one, depth - 1)]));
}
