/**
 * Makes spans of a run while it lives, for whoever listens.
 *
 * L1: a segment ends all its spans. Whatever happens to the run, `close()` leaves none open.
 * L2: a run that goes on after a crash tells of the lost segment again, whole, under the same ids: what a lost process
 *     had not sent is there, and what it had sent is known by its id.
 */
import { apply, initialState, type RunEvent, type Segment, type State } from '../kernel/index.ts';
import { at } from './context.ts';
import { DONE } from './done.ts';
import { complain, type Link, RunPlace } from './link.ts';
import type { MultiTracingProcessor } from './processor.ts';
import { modelSent } from './read-model.ts';
import { beginsSegment, cutOff, read } from './reader.ts';
import { continueSegment, innermost, newReading, type Reading } from './reading.ts';
import type { RunObserver, SentFacts, TracedRun } from './run-tracer.ts';
import type { Span, SpanListener } from './span.ts';
import type { Trace } from './trace.ts';
import type { TaskUsageData } from './types.ts';

export class LiveObserver implements RunObserver {
  readonly runId: string;
  readonly segment: Segment;
  readonly trace: Trace;
  readonly reading: Reading;
  readonly #own: boolean;
  readonly #listener: MultiTracingProcessor;
  #muted = true;
  /** A fault was told of: once is enough. */
  #failed = false;

  constructor(run: TracedRun, link: Link, listener: MultiTracingProcessor) {
    this.runId = run.runId;
    this.segment = link.segment;
    this.trace = link.trace;
    this.#own = link.own;
    this.#listener = listener;
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

  spanIdOf(effectId: string): string | undefined {
    return this.reading.open.get(effectId)?.spanId;
  }

  #inside<T>(span: Span | undefined, work: () => T): T {
    return span ? this.#listener.inSpan(span, work) : work();
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
