/** Ended spans as parts of their trace: what was said goes beside them, once a trace, and is referred to by number. */
import { createRedactor } from '../../wire/redaction.ts';
import { endedMs, startedMs } from '../span.ts';
import type { Span, SpanData, SpanDetails, Trace } from '../types.ts';
import type { Head, OpenRecord, Part, Refs, RunRecord, SegmentRecord, SpanFacts, TraceRecord } from './batch.ts';
import type { Opened, TracePlace } from './place.ts';
import { SpanText } from './span-text.ts';

/** A trace that began. */
export type Begun = { readonly trace: Trace; readonly at: number };
/** What waits to be told. */
export type Pending = {
  readonly writer: number;
  readonly at: number;
  readonly open: readonly Opened[];
  readonly traces: readonly Begun[];
  readonly runs: readonly RunRecord[];
  readonly segments: readonly SegmentRecord[];
};

/** All but parts, as JSON. */
export function headOf({ writer, at, open, traces, runs, segments }: Pending): string {
  const head: Head = { writer, at, open: open.map(openRecord), traces: traces.map(traceRecord), runs, segments };
  return jsonOf(head);
}

/** JSON. Of user code's own data: cycles, and what else JSON has no word for, become notes. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return JSON.stringify(noted(value));
  }
}

/** The same shape, but for what JSON cannot say. */
function noted<T>(value: T): T {
  try {
    return createRedactor()(value) as T;
  } catch {
    return '[unreadable]' as T;
  }
}

/** A value that JSON can say: itself, if it is one. */
function safe<T>(value: T): T {
  try {
    JSON.stringify(value);
    return value;
  } catch {
    return noted(value);
  }
}

function traceRecord({ trace, at }: Begun): TraceRecord {
  const { traceId, name, groupId, metadata } = trace;
  const has = metadata && Object.keys(metadata).length > 0;
  return { traceId, name, groupId, at, ...(has && { metadata }) };
}

function openRecord({ span, runId, seq }: Opened): OpenRecord {
  const { traceId, spanId, parentId, spanData, details } = span;
  return {
    id: spanId,
    traceId,
    parentId,
    seq,
    type: spanData.type,
    name: nameOf(spanData),
    at: startedMs(span),
    ...(runId !== undefined && { runId }),
    ...(details?.agent !== undefined && { agent: details.agent }),
  };
}

/** Spans of one trace that ended, until they are told. Made as they end: no span is kept for it. */
export class PartText {
  readonly #place: TracePlace;
  readonly #spans = new SpanText();
  readonly #first: number;
  readonly #items: string[] = [];

  constructor(place: TracePlace) {
    this.#place = place;
    this.#first = place.count;
  }

  /** How many spans there are. */
  get size(): number {
    return this.#spans.size;
  }

  /** @param opened what was known of it since it began */
  add(span: Span, { runId, seq, isTold }: Opened): void {
    const { spanData, error, details } = span;
    const record = {
      id: span.spanId,
      parentId: span.parentId,
      seq,
      type: spanData.type,
      name: nameOf(spanData),
      at: startedMs(span),
      endedAt: endedMs(span),
      error: error ?? undefined,
      runId,
      segmentId: details?.segmentId,
      agent: details?.agent,
      details: details && detailsOf(details),
      refs: this.#refs(spanData, details),
      told: isTold,
    };
    this.#spans.add(record, spanData);
  }

  toPart(): Part {
    const said = this.#items.length === 0 ? undefined : `[${this.#items.join(',')}]`;
    const { id: place, traceId } = this.#place;
    const [n, first] = [this.#place.nextPart(), this.#first];
    // One that fails must not take the others with it.
    return { traceId, place, n, spans: this.#spans.toText(safe), said, first };
  }

  readonly #say = (item: unknown): void => void this.#items.push(jsonOf(small(item)));
  readonly #number = (item: unknown): number => this.#place.number(item, this.#say);

  /** Numbers of what was said in a span. */
  #refs(span: SpanData, details: SpanDetails | undefined): Refs | undefined {
    const said = Object.entries(saidIn(span, details));
    return said.length === 0 ? undefined : Object.fromEntries(said.map(([key, one]) => [key, this.#ref(one)]));
  }

  #ref(said: unknown): number | number[] {
    return Array.isArray(said) ? said.map(this.#number) : this.#number(said);
  }
}

/** What was said in a span, by what it is there. */
export function saidIn(span: SpanData, details: SpanDetails | undefined): { readonly [key: string]: unknown } {
  const [input, output] = [inputOf(span), outputOf(span)];
  return {
    ...(input !== undefined && { [span.type === 'custom' ? 'data' : 'input']: input }),
    ...(output !== undefined && { [span.type === 'mcp_tools' ? 'result' : 'output']: output }),
    ...(details?.instructions && { instructions: details.instructions }),
  };
}

/** What was said to it; sound is not kept. */
function inputOf(span: SpanData): unknown {
  switch (span.type) {
    case 'agent':
    case 'task':
    case 'turn':
    case 'handoff':
    case 'guardrail':
    case 'mcp_tools':
      return undefined;
    case 'function':
      return span.input === '' ? undefined : span.input;
    case 'generation':
      return span.input;
    case 'response':
      return span._input;
    case 'custom':
      return hasMembers(span.data) ? span.data : undefined;
    case 'transcription':
    case 'speech':
    case 'speech_group':
      return typeof span.input === 'string' ? span.input : undefined;
  }
}

/** Plain JavaScript may give anything as data. */
const hasMembers = (data: unknown): boolean =>
  typeof data === 'object' && data !== null ? Object.keys(data).length > 0 : data !== undefined && data !== null;

/** What it said. */
function outputOf(span: SpanData): unknown {
  if (span.type === 'function') return span.output === '' ? undefined : span.output;
  if (span.type === 'generation') return span.output;
  if (span.type === 'response') return span._response?.['output'];
  return span.type === 'mcp_tools' ? span.result : undefined;
}

const ELSEWHERE: ReadonlySet<string> = new Set(['runId', 'segmentId', 'agent', 'instructions']);

/** Without what stands elsewhere. A loop: taking members out of an object by a rest is several times slower. */
export function detailsOf(details: SpanDetails): SpanFacts {
  const facts: Record<string, unknown> = {};
  for (const key of Object.keys(details) as (keyof SpanDetails)[]) {
    if (!ELSEWHERE.has(key)) facts[key] = details[key];
  }
  return facts;
}

export function nameOf(data: SpanData): string {
  if ('name' in data) return nameIn(data);
  if (data.type === 'turn') return `turn ${data.turn}`;
  if (data.type === 'handoff') return data.to_agent ?? '';
  if ('model' in data && typeof data.model === 'string') return data.model;
  return data.type === 'mcp_tools' ? (data.server ?? data.type) : data.type;
}

/** A word, whatever plain JavaScript gave. */
const nameIn = ({ name }: { readonly name: unknown }): string =>
  typeof name === 'string' ? name : typeof name === 'number' ? String(name) : '';

/** Bytes in the parts of an item become a note: JSON would make a long list of them. */
export const small = (item: unknown): unknown => (hasBytes(item, 6) ? withoutBytes(item, 10) : item);

function hasBytes(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (ArrayBuffer.isView(value)) return true;
  if (depth === 0) return false;
  return Object.values(value).some((one) => hasBytes(one, depth - 1));
}

function withoutBytes(value: unknown, depth: number): unknown {
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => withoutBytes(one, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutBytes(one, depth - 1)]));
}
