/**
 * A batch without secrets: names, errors, metadata, data, details and contents. Ids and times stay as they are.
 *
 * Most texts hold nothing that could be one, which a look at the whole text tells; only the others are taken apart.
 */
import { createRedactor, type RedactionOptions, type Redactor } from '../../wire/redaction.ts';
import { suspicion } from '../../wire/suspicion.ts';
import type { Segment } from '../../kernel/index.ts';
import type { Entry } from '../segment-log.ts';
import type { Batch, Head, OpenRecord, Part, SegmentRecord, SpanRecord, TraceRecord } from './batch.ts';
import { spansIn, textOf } from './span-text.ts';

/** A part as it is written, and its spans. */
export type Parsed = { readonly part: Part; readonly spans: readonly SpanRecord[] };
/** A batch that was read. */
export type Read = { readonly head: Head; readonly segments: readonly string[]; readonly parts: readonly Parsed[] };

export type Cleaning = { readonly redact: Redactor; readonly isSuspect: (json: string) => boolean };

/** `false`: nothing is taken out. */
export function cleaning(options: RedactionOptions | false): Cleaning {
  if (options === false) return { redact: (value) => value, isSuspect: () => false };
  return { redact: createRedactor(options), isSuspect: suspicion(options) };
}

export function readBatch({ head, segments, parts }: Batch, cleaner: Cleaning): Read {
  // The word of record.ts, which wrote it.
  const said = JSON.parse(head) as Head;
  return {
    head: cleaner.isSuspect(head) ? cleanHead(said, cleaner.redact) : said,
    segments: segments.map((text) => readSegment(text, cleaner)),
    parts: parts.map((part) => readPart(part, cleaner)),
  };
}

function readPart(part: Part, { redact, isSuspect }: Cleaning): Parsed {
  const spans = spansIn(part.spans);
  const clean = isSuspect(part.spans) ? spans.map((span) => cleanSpan(span, redact)) : spans;
  const isLarge = part.said !== undefined && part.said.length > MOST_OF_ITEM;
  const said = part.said !== undefined && (isLarge || isSuspect(part.said)) ? cleanItems(part.said, redact) : part.said;
  return { part: { ...part, said, spans: clean === spans ? part.spans : textOf(clean) }, spans: clean };
}

/** What comes back has the shape of what went in, but for the texts in it. */
const cleaned = <T>(value: T, redact: Redactor): T => redact(value) as T;

function cleanHead(head: Head, redact: Redactor): Head {
  const trace = ({ traceId, at, ...said }: TraceRecord): TraceRecord => ({ ...cleaned(said, redact), traceId, at });
  const open = ({ name, agent, ...rest }: OpenRecord): OpenRecord => ({
    ...rest,
    name: cleaned(name, redact),
    ...(agent !== undefined && { agent: cleaned(agent, redact) }),
  });
  const segment = ({ agent, lastAgent, usage, end, ...rest }: SegmentRecord): SegmentRecord => ({
    ...rest,
    agent: cleaned(agent, redact),
    lastAgent: cleaned(lastAgent, redact),
    usage: usage.map((one) => ({ ...one, agent: cleaned(one.agent, redact) })),
    end: end && { ...end, ...(end.error && { error: cleaned(end.error, redact) }) },
  });
  return {
    ...head,
    traces: head.traces.map(trace),
    open: head.open.map(open),
    segments: head.segments.map(segment),
  };
}

function readSegment(text: string, { redact, isSuspect }: Cleaning): string {
  const isLarge = text.length > MOST_OF_ITEM;
  if (!isLarge && !isSuspect(text)) return text;
  const entries = (JSON.parse(text) as Entry[]).map((entry) => cleanEntry(entry, redact));
  return JSON.stringify(isLarge ? entries.map(cut) : entries);
}

/** Ids stay: those of spans are made of them. */
function cleanEntry(entry: Entry, redact: Redactor): Entry {
  const clean = cleaned(entry, redact);
  if (entry.type === 'effect.requested') return entry;
  const at = 'at' in entry && entry.at !== undefined ? { at: entry.at } : {};
  const id = 'id' in entry && entry.id !== undefined ? { id: entry.id } : {};
  const { segment, runId } = 'segment' in entry && 'runId' in entry ? entry : NOTHING;
  const trace = segment?.trace && { ...cleaned(segment.trace, redact), ...idsOf(segment.trace) };
  return {
    ...clean,
    type: entry.type,
    ...at,
    ...id,
    ...(entry.type === 'trace.error' && { span: entry.span }),
    ...(runId !== undefined && { runId }),
    ...(segment && { segment: { id: segment.id, ...(trace && { trace }) } }),
    // Of a type, with what that type has.
  } as Entry;
}

type Beginning = { readonly segment?: Segment; readonly runId?: string };
const NOTHING: Beginning = {};
const idsOf = ({ traceId, parentId }: NonNullable<Segment['trace']>): { traceId: string; parentId?: string } => ({
  traceId,
  ...(parentId !== undefined && { parentId }),
});

/** The same with the beginnings of texts that are too large. */
function cut<T>(value: T): T {
  const cutAny = (one: unknown): unknown => {
    if (typeof one === 'string') {
      return one.length <= MOST_OF_ITEM ? one : `${one.slice(0, KEPT_OF_ITEM)}… [${one.length} characters]`;
    }
    if (typeof one !== 'object' || one === null) return one;
    if (Array.isArray(one)) return one.map(cutAny);
    return Object.fromEntries(Object.entries(one).map(([key, item]) => [key, cutAny(item)]));
  };
  return cutAny(value) as T;
}

const cleanSpan = ({ name, error, data, agent, details, ...rest }: SpanRecord, redact: Redactor): SpanRecord => ({
  ...rest,
  name: cleaned(name, redact),
  error: error && cleaned(error, redact),
  data: cleaned(data, redact),
  agent: agent === undefined ? undefined : cleaned(agent, redact),
  details: details && cleaned(details, redact),
});

/** Characters of an item. */
const MOST_OF_ITEM = 262_144;
const KEPT_OF_ITEM = 16_384;

function cleanItems(said: string, redact: Redactor): string {
  const items = (JSON.parse(said) as unknown[]).map((item) => capped(JSON.stringify(redact(item)) ?? 'null'));
  return `[${items.join(',')}]`;
}

/** An item that is too large for a store of many is kept in its beginning. */
function capped(text: string): string {
  if (text.length <= MOST_OF_ITEM) return text;
  return JSON.stringify({ truncated: true, length: text.length, begin: text.slice(0, KEPT_OF_ITEM) });
}
