/**
 * Traces runs while they live: reads their committed events, and keeps user code's place in the trace.
 *
 * L1: a segment ends all its spans. Whatever happens to the run, `close()` leaves none open.
 * L2: a run that goes on after a crash tells of the lost segment again, whole, under the same ids: what a lost process
 *     had not sent is there, and what it had sent is known by its id.
 * L3: a fault of tracing is warned of and never reaches the run.
 */
import { apply, initialState, type RunEvent, type Segment, type State } from '../kernel/index.ts';
import type { Json } from '../protocol/json.ts';
import { warn } from '../protocol/warn.ts';
import { at, currentPlace, type Place } from './context.ts';
import { DONE } from './done.ts';
import { hidingObserver } from './hidden.ts';
import { newSegmentId } from './ids.ts';
import { modelSent } from './read-model.ts';
import { beginsSegment, cutOff, read } from './reader.ts';
import { continueSegment, innermost, newReading, type Reading } from './reading.ts';
import type { RunObserver, RunTracer, SentFacts, TracedRun, TraceSettings } from './run-tracer.ts';
import type { Span, SpanListener } from './span.ts';
import { DEFAULT_NAME, NoopTrace, Trace } from './trace.ts';
import type { TaskUsageData, TracingProcessor } from './types.ts';

type Means = { listener: TracingProcessor; ids: { generateTraceId(): string } };

/** Traces runs to these listeners. */
export const tracerFor = (means: Means): RunTracer => ({
  hide: hidingObserver,
  observe(run) {
    try {
      const link = linkOf(run, means);
      return link && new LiveObserver(run, { means, link });
    } catch (error) {
      complain(run.runId, error);
      return undefined;
    }
  },
});

function complain(runId: string, error: unknown): void {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  warn(`Run ${runId} could not be traced, or not in full: ${text}`);
}

/** Where a segment's spans belong: `own` where the run opens and ends the trace itself. */
type Link = { segment: Segment; trace: Trace; own: boolean };
type Trail = NonNullable<Segment['trace']>;

function linkOf(run: TracedRun, means: Means): Link | undefined {
  const { parent, settings } = run;
  if (parent) return parent.observer instanceof LiveObserver ? linkToCall(run, parent.observer) : undefined;
  const place = currentPlace();
  if (place?.trace instanceof NoopTrace) return undefined;
  const earlier = run.state.segment?.trace;
  if (earlier) return linkToEarlier(earlier, { place, settings, means });
  const flags = flagsOf(settings);
  const name = settings.workflowName ?? DEFAULT_NAME;
  if (place) {
    const { trace, span } = place;
    const parentId = span && { parentId: span.spanId };
    const trail: Trail = { traceId: trace.traceId, ...parentId, name, ...metadataOf(trace.metadata), ...flags };
    return { segment: segmentOf({ ...trail, outer: true }), trace, own: false };
  }
  const { traceId = means.ids.generateTraceId(), groupId, traceMetadata } = settings;
  const group = groupId === undefined ? {} : { groupId };
  const trail: Trail = { traceId, name, ...group, ...metadataOf(traceMetadata), ...flags };
  return { segment: segmentOf(trail), trace: traceOf(trail, settings, means), own: true };
}

/** A sub-agent's run is under the span of its call, in the trace of its caller. */
function linkToCall({ parent, settings }: TracedRun, caller: LiveObserver): Link {
  const { trace, reading } = caller;
  const parentId = reading.open.get(parent?.effectId ?? '')?.spanId;
  const { metadata, omitsTaskAndTurn } = reading.segment.trace ?? {};
  const isFlat = omitsTaskAndTurn && settings.tracing?.includeTaskAndTurnSpans === undefined;
  const trail: Trail = {
    traceId: trace.traceId,
    ...(parentId !== undefined && { parentId }),
    name: settings.workflowName ?? DEFAULT_NAME,
    ...(metadata && { metadata }),
    ...flagsOf(settings),
    ...(isFlat && { omitsTaskAndTurn }),
    outer: true,
  };
  return { segment: segmentOf(trail), trace, own: false };
}

type Again = { place: Place | undefined; settings: TraceSettings; means: Means };

/** A run that goes on stays in its trace; under the current span where that is of the same trace. */
function linkToEarlier(earlier: Trail, { place, settings, means }: Again): Link {
  const { omitsContent: _, omitsTaskAndTurn: __, outer, ...kept } = earlier;
  const trail: Trail = { ...kept, ...flagsOf(settings), ...(outer && { outer }) };
  if (!place || place.trace.traceId !== earlier.traceId) {
    return { segment: segmentOf(trail), trace: traceOf(trail, settings, means), own: outer !== true };
  }
  const { parentId: ___, ...rest } = trail;
  const parentId = place.span && { parentId: place.span.spanId };
  return { segment: segmentOf({ ...rest, ...parentId, outer: true }), trace: place.trace, own: false };
}

const segmentOf = (trace: Trail): Segment => ({ id: newSegmentId(), trace });

function traceOf({ traceId, name, groupId, metadata }: Trail, settings: TraceSettings, { listener }: Means): Trace {
  const key = settings.tracing?.apiKey;
  return new Trace(
    {
      traceId,
      ...(name !== undefined && { name }),
      ...(groupId !== undefined && { groupId }),
      ...(metadata && { metadata }),
      ...(key !== undefined && { tracingApiKey: key }),
    },
    listener,
  );
}

const flagsOf = ({ content, tracing }: TraceSettings): Pick<Trail, 'omitsContent' | 'omitsTaskAndTurn'> => ({
  ...(!content && { omitsContent: true }),
  ...(tracing?.includeTaskAndTurnSpans === false && { omitsTaskAndTurn: true }),
});

/** Metadata as the log can hold it. */
function metadataOf(metadata: Record<string, unknown> | undefined): Pick<Trail, 'metadata'> {
  if (!metadata || Object.keys(metadata).length === 0) return {};
  try {
    return { metadata: JSON.parse(JSON.stringify(metadata)) as { [key: string]: Json } };
  } catch {
    // Cyclic, or a bigint: the log goes without.
    return {};
  }
}

class LiveObserver implements RunObserver {
  readonly segment: Segment;
  readonly trace: Trace;
  readonly reading: Reading;
  readonly #own: boolean;
  readonly #listener: TracingProcessor;
  #muted = true;
  /** A fault was told of: once is enough. */
  #failed = false;

  constructor(run: TracedRun, { means, link }: { means: Means; link: Link }) {
    this.segment = link.segment;
    this.trace = link.trace;
    this.#own = link.own;
    this.#listener = means.listener;
    const key = run.settings.tracing?.apiKey ?? this.trace.tracingApiKey;
    this.reading = newReading({
      runId: run.runId,
      listener: this.#telling(),
      tasks: tasksOf(run),
      agent: (agent) => run.agent(agent),
      check: (effect, state) => run.check(effect, state),
      ...(key !== undefined && { tracingApiKey: key }),
    });
    if (this.#own) void this.trace.start();
    this.#catchUp(run);
    this.#muted = false;
  }

  event(event: RunEvent, state: State): void {
    try {
      read(this.reading, event, state);
    } catch (error) {
      this.#fail(error);
    }
  }

  sent(effectId: string, facts: SentFacts): void {
    try {
      modelSent(this.reading, effectId, facts);
    } catch (error) {
      this.#fail(error);
    }
  }

  around<T>(work: () => T): T {
    return at(new RunPlace(this.trace, () => innermost(this.reading)), work);
  }

  within<T>(effectId: string, work: () => T): T {
    const { reading } = this;
    const fixed = reading.open.get(effectId);
    const place = new RunPlace(this.trace, () => fixed ?? reading.open.get(effectId) ?? innermost(reading));
    return at(place, () => this.#inside(fixed ?? innermost(reading), work));
  }

  inCall<T>(effectId: string, work: () => T): T {
    return this.#inside(this.reading.open.get(effectId), work);
  }

  #inside<T>(span: Span | undefined, work: () => T): T {
    return span && this.#listener.inSpan ? this.#listener.inSpan(span, work) : work();
  }

  close(): void {
    this.#guard(() => cutOff(this.reading));
    if (this.#own) void this.trace.end();
  }

  /**
   * Learns from the log what went before; a segment that a crash cut off is told again. One that began before a
   * snapshot is not known in full: it is linked to, no more.
   */
  #catchUp({ earlier: events, base }: TracedRun): void {
    if (events.length === 0 && !base) return;
    const last = events.findLastIndex(beginsSegment);
    if (base?.segment) continueSegment(this.reading, base);
    const isLost = last >= 0 && !events.some((event, n) => n > last && ENDS.has(event.type));
    let state = base ?? initialState();
    this.#guard(() => {
      for (const [n, event] of events.entries()) {
        if (n === last && isLost) this.#muted = false;
        state = apply(state, event);
        read(this.reading, event, state);
      }
      if (last < 0) cutOff(this.reading);
    });
  }

  #telling(): SpanListener {
    const target = this.#listener;
    return {
      onSpanStart: (span) => (this.#muted ? DONE : target.onSpanStart(span)),
      onSpanEnd: (span) => (this.#muted ? DONE : target.onSpanEnd(span)),
    };
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!this.#failed) complain(this.reading.runId, error);
    this.#failed = true;
  }
}

const ENDS: ReadonlySet<RunEvent['type']> = new Set([
  'run.paused',
  'run.finished',
  'run.failed',
  'run.cancelled',
  // What came before is told by the run that was forked.
  'run.forked',
]);

/** The tasks of a run and its sub-agents are counted in one place. */
function tasksOf({ parent }: TracedRun): Map<string, TaskUsageData> {
  return parent?.observer instanceof LiveObserver ? parent.observer.reading.tasks : new Map<string, TaskUsageData>();
}

/** A place that moves with the run, until user code sets a span of its own. */
class RunPlace implements Place {
  readonly trace: Trace;
  readonly #now: () => Span | undefined;
  #set: Span | undefined;

  constructor(trace: Trace, now: () => Span | undefined) {
    this.trace = trace;
    this.#now = now;
  }

  get span(): Span | undefined {
    return this.#set ?? this.#now();
  }
  set span(span: Span | undefined) {
    this.#set = span;
  }
}
