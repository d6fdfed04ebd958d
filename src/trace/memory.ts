/**
 * Keeps what is traced in memory. Of a run it keeps the events, which the run has anyway, and derives spans when they are
 * asked for: a run pays for a few references.
 */
import { UserError } from '../protocol/errors.ts';
import { createRedactor, type RedactionOptions, type Redactor } from '../wire/redaction.ts';
import { DONE } from './done.ts';
import type { Reading } from './reading.ts';
import {
  KEEPS_SEGMENTS,
  type KeepsSegments,
  type KeptSegment,
  type SegmentKeeper,
  SegmentReader,
} from './segment-log.ts';
import { Span, startedMs } from './span.ts';
import type { Span as SpanShape, SpanData, SpanDetails, SpanOptions, TracingProcessor } from './types.ts';

export type MemoryTraceOptions = {
  /** How much is kept, the newest: events of runs, and spans of your own. A run is kept whole. @default 20_000 */
  readonly maxEntries?: number;
  /** What is taken out of the spans that are handed out; `false`: nothing. @default shapes of keys, and members such as `password` */
  readonly redact?: RedactionOptions | false;
};

type Kept = KeptSegment | SpanShape;
const isSpan = (kept: Kept): kept is SpanShape => 'spanId' in kept;

/**
 * A trace processor that keeps the newest runs in memory, for tests and for looking at a process from within.
 *
 * @example
 * const memory = new MemoryTraceProcessor({ maxEntries: 5000 });
 * setTraceProcessors([memory]);
 * await run(agent, 'Hi');
 * for (const { spanData, startedAt } of memory.spans()) console.log(startedAt, spanData.type);
 *
 * @throws UserError where an option is unfit
 */
export class MemoryTraceProcessor implements TracingProcessor, KeepsSegments {
  // Set by the constructor: a class with a method by a symbol of ours is no pure one to bundlers (decisions/090).
  declare readonly [KEEPS_SEGMENTS]: KeepsSegments[typeof KEEPS_SEGMENTS];
  readonly #most: number;
  readonly #redact: Redactor | undefined;
  /** What is kept, and how much that is: what began first stands first. */
  readonly #kept = new Map<Kept, number>();
  #entries = 0;

  constructor({ maxEntries = 20_000, redact = {} }: MemoryTraceOptions = {}) {
    if (!(maxEntries >= 1)) {
      throw new UserError(`MemoryTraceProcessor option \`maxEntries\` must be 1 or more. Got ${maxEntries}.`);
    }
    this[KEEPS_SEGMENTS] = (segment) => this.#keepSegment(segment);
    this.#most = maxEntries;
    this.#redact = redact === false ? undefined : createRedactor(redact);
  }

  /** Spans in the order in which they began, of one trace or of all: copies, made now. Those that are open have no end. */
  spans({ traceId }: { traceId?: string } = {}): Span[] {
    const kept = [...this.#kept.keys()].filter((one) => traceId === undefined || traceIdOf(one) === traceId);
    const tasks: Reading['tasks'] = new Map();
    // Sub-agents first, which began after their callers: what they used counts for the calls that they carry out.
    const spans = kept.toReversed().map((one) => (isSpan(one) ? [one] : derived(one, tasks)));
    return spans
      .toReversed()
      .flat()
      .map((span) => copyOf(span, this.#redact))
      .toSorted((a, b) => startedMs(a) - startedMs(b));
  }

  /** Forgets everything. */
  clear(): void {
    this.#kept.clear();
    this.#entries = 0;
  }

  #keepSegment(segment: KeptSegment): SegmentKeeper {
    this.#keep(segment, 1);
    return { heard: nothing, sent: nothing, over: () => this.#keep(segment, segment.entries.length) };
  }

  onTraceStart(): Promise<void> {
    return DONE;
  }
  onTraceEnd(): Promise<void> {
    return DONE;
  }
  onSpanStart(span: SpanShape): Promise<void> {
    this.#keep(span, 1);
    return DONE;
  }
  onSpanEnd(): Promise<void> {
    return DONE;
  }
  forceFlush(): Promise<void> {
    return DONE;
  }
  /** What is kept can be asked for still. */
  shutdown(): Promise<void> {
    return DONE;
  }

  #keep(kept: Kept, entries: number): void {
    this.#entries += entries - (this.#kept.get(kept) ?? 0);
    this.#kept.set(kept, entries);
    for (const [oldest, weight] of this.#kept) {
      if (this.#entries <= this.#most || this.#kept.size === 1) return;
      this.#kept.delete(oldest);
      this.#entries -= weight;
    }
  }
}

const nothing = (): void => undefined;

const traceIdOf = (kept: Kept): string | undefined => (isSpan(kept) ? kept.traceId : kept.segment.trace?.traceId);

function derived(segment: KeptSegment, tasks: Reading['tasks']): Span[] {
  const spans: Span[] = [];
  const listener = { onSpanStart: (span: Span) => (spans.push(span), DONE), onSpanEnd: () => DONE };
  const reader = new SegmentReader(segment, listener, tasks);
  for (const entry of segment.entries) reader.read(entry);
  return spans;
}

/** Without secrets. Ids stay. */
function copyOf(span: SpanShape, redact: Redactor | undefined): Span {
  const clean = <T>(value: T): T => (redact && value !== undefined && value !== null ? (redact(value) as T) : value);
  const { traceId, spanId, parentId, spanData, startedAt, endedAt, error, traceMetadata, details } = span;
  const options: SpanOptions<SpanData> = {
    traceId,
    spanId,
    data: { ...clean(spanData), type: spanData.type } as SpanData,
  };
  if (parentId !== null) options.parentId = parentId;
  if (startedAt !== null) options.startedAt = startedAt;
  if (endedAt !== null) options.endedAt = endedAt;
  if (error) options.error = clean(error);
  if (traceMetadata) options.traceMetadata = clean(traceMetadata);
  const copy = new Span<SpanData>(options, { onSpanStart: () => DONE, onSpanEnd: () => DONE });
  copy.details = details && { ...clean(details), ...idsOf(details) };
  return copy;
}

function idsOf({ runId, segmentId, effectId }: SpanDetails): SpanDetails {
  return {
    ...(runId !== undefined && { runId }),
    ...(segmentId !== undefined && { segmentId }),
    ...(effectId !== undefined && { effectId }),
  };
}
