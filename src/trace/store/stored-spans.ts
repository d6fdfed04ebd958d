/** The spans of a trace: as they were told, and as they are derived of the segments that the file keeps. */
import type { Columns } from '../../store/sqlite/statements.ts';
import type { Span } from '../span.ts';
import type { SpanError } from '../types.ts';
import type { SpanRecord } from './batch.ts';
import { number, parsed, text } from './columns.ts';
import { type Derived, derivedOf, recordOf } from './derived.ts';
import { saidIn } from './record.ts';
import type { StoredRun, StoredSpan } from './rows.ts';
import { inOrder, type Placed } from './span-order.ts';
import { spansIn } from './span-text.ts';

/**
 * In the order in which they began. One may be there several times: told again by who goes on after a crash, which is
 * the same, or open here and ended there.
 */
export function storedSpans(
  parts: readonly Columns[],
  open: readonly Columns[],
  runs: readonly StoredRun[],
): StoredSpan[] {
  const spans = new Map<string, Placed>();
  const add = (placed: Placed): void => {
    if (!spans.has(placed.span.spanId)) spans.set(placed.span.spanId, placed);
  };
  const derived = derivedSpans(parts, runs);
  for (const one of derived) if (!one.isOpen) add(one);
  for (const one of toldSpans(parts)) add(one);
  for (const one of derived) add(one);
  for (const row of open) add({ origin: TOLD, seq: number(row, 'seq'), span: openOf(row, runs) });
  return inOrder(spans);
}

// Of segments

function derivedSpans(
  parts: readonly Columns[],
  runs: readonly StoredRun[],
): (Placed & { readonly isOpen: boolean })[] {
  const byId = new Map(runs.map((run) => [run.runId, run]));
  const texts = parts.flatMap((row) => {
    const segment = text(row, 'segment');
    const [place, first, hasSaid] = [number(row, 'place'), number(row, 'first'), number(row, 'has_said') === 1];
    return segment === undefined ? [] : [{ segment, place, first, hasSaid, text: text(row, 'text') ?? '[]' }];
  });
  return derivedOf(texts).flatMap(({ segment, spans, hasSaid }) =>
    spans.map((span, seq) => ({
      origin: segment,
      seq,
      isOpen: span.endedAt === null,
      span: derivedSpan(span, { hasSaid }, byId.get(span.details?.runId ?? '')),
    })),
  );
}

function derivedSpan(span: Span, { hasSaid }: Pick<Derived, 'hasSaid'>, run: StoredRun | undefined): StoredSpan {
  const record = recordOf(span);
  const stored = spanOf(record, hasSaid ? saidIn(span.spanData, span.details) : {});
  if (span.endedAt !== null) return stored;
  const isLost = run?.status !== 'running';
  return {
    ...stored,
    endedAt: Math.max(stored.startedAt, isLost ? (run?.endedAt ?? 0) : Date.now()),
    ...(!isLost && { isOpen: true }),
    details: { ...stored.details, ...(isLost && { outcome: 'interrupted' as const }) },
  };
}

// Told

/** Processes number the spans that they tell of in the order in which these began. */
const TOLD = 'told';

function toldSpans(parts: readonly Columns[]): Placed[] {
  const told = parts.filter((row) => text(row, 'segment') === undefined);
  const items = itemsOf(told);
  return told.flatMap((row) => {
    const place = number(row, 'place');
    return spansIn(text(row, 'text') ?? '[[],[]]').map((span) => {
      const said = contentOf(span, place, items);
      return { origin: TOLD, seq: span.seq, span: spanOf(span, said) };
    });
  });
}

/** Contents by place and number. */
function itemsOf(told: readonly Columns[]): ReadonlyMap<string, unknown> {
  const items = new Map<string, unknown>();
  for (const row of told) {
    const list = parsed(row['said']);
    if (!Array.isArray(list)) continue;
    const [place, first] = [number(row, 'place'), number(row, 'first')];
    for (const [index, item] of list.entries()) items.set(`${place} ${first + index}`, item);
  }
  return items;
}

type Content = { readonly [key: string]: unknown };

function contentOf({ refs }: SpanRecord, place: number, items: ReadonlyMap<string, unknown>): Content {
  const content: Record<string, unknown> = {};
  for (const [key, ref] of Object.entries(refs ?? {})) {
    const numbers = typeof ref === 'number' ? [ref] : ref;
    const found = numbers.map((n) => items.get(`${place} ${n}`));
    if (found.includes(undefined)) continue;
    content[key] = typeof ref === 'number' ? found[0] : found;
  }
  return content;
}

function openOf(row: Columns, runs: readonly StoredRun[]): StoredSpan {
  const isLost = Number(row['is_lost']) === 1;
  const runId = runs.find(({ key }) => key === number(row, 'run'))?.runId;
  const startedAt = number(row, 'started_at');
  const agent = text(row, 'agent');
  return {
    spanId: text(row, 'span_id') ?? '',
    parentId: text(row, 'parent_id'),
    runId,
    type: text(row, 'type') ?? '',
    name: text(row, 'name') ?? '',
    agent,
    startedAt,
    endedAt: Math.max(startedAt, isLost ? number(row, 'beat_at') : Date.now()),
    ...(!isLost && { isOpen: true }),
    error: undefined,
    data: {},
    details: {
      ...(runId !== undefined && { runId }),
      ...(agent !== undefined && { agent }),
      ...(isLost && { outcome: 'interrupted' as const }),
    },
    content: {},
  };
}

/** Processors can be told of spans that others made: what is read has its types. */
function errorOf(error: SpanError): SpanError {
  return typeof error.message === 'string' ? error : { message: JSON.stringify(error) };
}

function spanOf(span: SpanRecord, content: Content): StoredSpan {
  const { runId, segmentId, agent, details: facts } = span;
  const ids = { ...(runId !== undefined && { runId }), ...(segmentId !== undefined && { segmentId }) };
  return {
    spanId: span.id,
    parentId: span.parentId ?? undefined,
    runId,
    type: span.type,
    name: typeof span.name === 'string' ? span.name : '',
    agent,
    startedAt: span.at,
    endedAt: span.endedAt,
    error: span.error && errorOf(span.error),
    data: span.data,
    details: facts && { ...ids, ...(agent !== undefined && { agent }), ...facts },
    content,
  };
}
