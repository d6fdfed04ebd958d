/**
 * Keeps the events of a run that begins, for processors that derive its spans when they are asked for. Here they are
 * derived only where code of the run asks for the current one, and nobody is told of them.
 */
import type { RunEvent, Segment, State } from '../kernel/index.ts';
import { at, type Place } from './context.ts';
import { DONE } from './done.ts';
import { spanIdOf, idScope } from './ids.ts';
import { complain, type Link } from './link.ts';
import { innermost, type Reading } from './reading.ts';
import type { RunObserver, SentFacts, TracedRun } from './run-tracer.ts';
import { type KeepsSegments, KEEPS_SEGMENTS, type SegmentKeeper, SegmentLog, SegmentReader } from './segment-log.ts';
import type { Span, SpanListener } from './span.ts';
import type { Trace } from './trace.ts';

export class KeptObserver implements RunObserver {
  readonly runId: string;
  readonly segment: Segment;
  readonly trace: Trace;
  readonly #own: boolean;
  readonly #log: SegmentLog;
  readonly #keepers: readonly SegmentKeeper[];
  #reader: SegmentReader | undefined;
  /** How many entries the reader has read. */
  #read = 0;
  #isReading = false;
  #failed = false;

  constructor(run: TracedRun, { segment, trace, own, parentRunId }: Link, keepers: readonly KeepsSegments[]) {
    this.runId = run.runId;
    this.segment = segment;
    this.trace = trace;
    this.#own = own;
    this.#log = new SegmentLog(run, segment, parentRunId);
    if (own) void trace.start();
    this.#keepers = keepers.map((keeper) => keeper[KEEPS_SEGMENTS](this.#log));
  }

  event(event: RunEvent, state: State): void {
    try {
      this.#log.event(event, state);
      for (const keeper of this.#keepers) keeper.heard(event, state);
    } catch (error) {
      this.#fail(error);
    }
  }

  sent(effectId: string, facts: SentFacts): void {
    try {
      this.#log.sent(effectId, facts);
      for (const keeper of this.#keepers) keeper.sent(effectId, facts);
    } catch (error) {
      this.#fail(error);
    }
  }

  around<T>(work: () => T): T {
    return at(new KeptPlace(this), work);
  }

  within<T>(effectId: string, work: () => T): T {
    // A run calls one model at a time: its place is that of the run, which costs an AsyncLocalStorage less.
    return isModelCall(effectId) ? work() : at(new KeptPlace(this, effectId), work);
  }

  close(): void {
    try {
      this.#log.close();
      for (const keeper of this.#keepers) keeper.over();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#own) void this.trace.end();
  }

  /** The span of a call of a tool, which is under way. */
  spanIdOf(effectId: string): string | undefined {
    const attempt = this.#log.attemptOf(effectId);
    const scope = idScope(this.trace.traceId, this.segment.id, this.runId);
    return attempt === undefined ? undefined : spanIdOf(scope, `${effectId}#${attempt}`, 'function');
  }

  spanAt(effectId: string | undefined): Span | undefined {
    const reading = this.#derived();
    const { open } = reading;
    const ofEffect = effectId === undefined ? modelCall(open) : open.get(effectId);
    return ofEffect ?? innermost(reading);
  }

  #derived(): Reading {
    const reader = (this.#reader ??= new SegmentReader(this.#log, this.#listener()));
    const { entries } = this.#log;
    this.#isReading = true;
    try {
      for (; this.#read < entries.length; this.#read++) {
        const entry = entries[this.#read];
        if (entry) reader.read(entry);
      }
    } finally {
      this.#isReading = false;
    }
    return reader.reading;
  }

  /** Nobody is told of these spans; but what user code says went wrong in one is to be in those that are derived later. */
  #listener(): SpanListener {
    return {
      onSpanStart: () => DONE,
      onSpanEnd: () => DONE,
      onSpanError: ({ spanId }, error) => {
        if (!this.#isReading) this.#log.entries.push({ type: 'trace.error', span: spanId, error });
      },
    };
  }

  #fail(error: unknown): void {
    if (!this.#failed) complain(this.runId, error);
    this.#failed = true;
  }
}

/** `m3`; calls in a reply are `m3/c0`. */
const isModelCall = (effectId: string): boolean => effectId.startsWith('m') && !effectId.includes('/');

function modelCall(open: ReadonlyMap<string, Span>): Span | undefined {
  for (const [id, span] of open) if (isModelCall(id)) return span;
  return undefined;
}

/** A place that moves with the run, until user code sets a span of its own. */
class KeptPlace implements Place {
  readonly #run: KeptObserver;
  readonly #effectId: string | undefined;
  #set: Span | undefined;

  constructor(run: KeptObserver, effectId?: string) {
    this.#run = run;
    this.#effectId = effectId;
  }

  get trace(): Trace {
    return this.#run.trace;
  }
  get span(): Span | undefined {
    return this.#set ?? this.#run.spanAt(this.#effectId);
  }
  set span(span: Span | undefined) {
    this.#set = span;
  }
}
