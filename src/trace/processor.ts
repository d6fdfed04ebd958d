/**
 * Processors: one that passes everything on to several, and one that prints.
 */
import { warn } from '../protocol/warn.ts';
import { DONE } from './done.ts';
import { type KeepsSegments, keepsSegments } from './segment-log.ts';
import type { Span, Trace, TracingExporter, TracingProcessor } from './types.ts';

/**
 * Passes traces and spans on to each of its processors. One that throws or rejects is warned of, and disturbs neither
 * the run nor the others.
 */
export class MultiTracingProcessor implements TracingProcessor {
  #processors: readonly TracingProcessor[] = [];
  /** Those whose failing was told: once is enough. */
  readonly #failing = new WeakSet<TracingProcessor>();
  readonly #started = new WeakSet<TracingProcessor>();

  /** Its processors, where all of them keep segments of runs in place of their spans. */
  get keepers(): readonly KeepsSegments[] | undefined {
    const processors = this.#processors;
    return processors.every(keepsSegments) ? processors : undefined;
  }

  /** How many processors there are. */
  get size(): number {
    return this.#processors.length;
  }

  /** Starts those that were not started yet. */
  start(): void {
    for (const processor of this.#processors) {
      if (this.#started.has(processor)) continue;
      this.#started.add(processor);
      processor.start?.();
    }
  }

  addTraceProcessor(processor: TracingProcessor): void {
    this.#processors = [...this.#processors, processor];
    this.start();
  }

  /** Replaces all processors. Those that were set before are shut down. */
  setProcessors(processors: readonly TracingProcessor[]): void {
    const dropped = this.#processors.filter((processor) => !processors.includes(processor));
    this.#processors = [...processors];
    this.start();
    for (const processor of dropped) void this.#settled(processor, () => processor.shutdown());
  }

  onTraceStart(trace: Trace): Promise<void> {
    return this.#tell(traceStarts, trace);
  }
  onTraceEnd(trace: Trace): Promise<void> {
    return this.#tell(traceEnds, trace);
  }
  onSpanStart(span: Span): Promise<void> {
    return this.#tell(spanStarts, span);
  }
  onSpanEnd(span: Span): Promise<void> {
    return this.#tell(spanEnds, span);
  }

  /** Tells of a trace that began and ended elsewhere. */
  async dispatchTrace(trace: Trace): Promise<void> {
    await this.onTraceStart(trace);
    await this.onTraceEnd(trace);
  }
  /** Tells of a span that began and ended elsewhere. */
  async dispatchSpan(span: Span): Promise<void> {
    await this.onSpanStart(span);
    await this.onSpanEnd(span);
  }
  dispatchSpanStart(span: Span): Promise<void> {
    return this.onSpanStart(span);
  }
  dispatchSpanEnd(span: Span): Promise<void> {
    return this.onSpanEnd(span);
  }

  /** Does `work` inside of each processor that has a place of its own for a span. A fault of theirs is not the work's. */
  inSpan<T>(span: Span, work: () => T): T {
    let entered = work;
    for (const processor of this.#processors) {
      if (!processor.inSpan) continue;
      const inner = entered;
      entered = () => this.#entered(processor, span, inner);
    }
    return entered();
  }

  #entered<T>(processor: TracingProcessor, span: Span, work: () => T): T {
    let done: { value: T } | undefined;
    let begun = false;
    const once = (): T => {
      begun = true;
      done = { value: work() };
      return done.value;
    };
    try {
      processor.inSpan?.(span, once);
    } catch (error) {
      // What the work threw, or the processor: before the work, or after it.
      if (begun && !done) throw error;
      this.#complain(processor, error);
    }
    return (done ?? { value: work() }).value;
  }

  shutdown(timeout?: number): Promise<void> {
    return this.#each((processor) => processor.shutdown(timeout));
  }
  forceFlush(): Promise<void> {
    return this.#each((processor) => processor.forceFlush());
  }

  #tell<T>(tell: Telling<T>, about: T): Promise<void> {
    const processors = this.#processors;
    const [only] = processors;
    if (!only) return DONE;
    if (processors.length === 1) return this.#telling(only, tell, about);
    return Promise.all(processors.map((each) => this.#telling(each, tell, about))).then(nothing);
  }

  /** Begins at once. Never rejects: telemetry that fails must not fail the run. */
  #telling<T>(processor: TracingProcessor, tell: Telling<T>, about: T): Promise<void> {
    try {
      // A processor in plain JavaScript may return nothing.
      const told: Promise<void> | undefined = tell(processor, about);
      // Ours have nothing to wait for, and a promise more for each span would be the half of what it costs.
      if (told === DONE || told?.then === undefined) return DONE;
      return told.catch((error: unknown) => this.#complain(processor, error));
    } catch (error) {
      this.#complain(processor, error);
      return DONE;
    }
  }

  #each(work: (processor: TracingProcessor) => Promise<void>): Promise<void> {
    return Promise.all(this.#processors.map((each) => this.#settled(each, () => work(each)))).then(nothing);
  }

  async #settled(processor: TracingProcessor, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#complain(processor, error);
    }
  }

  #complain(processor: TracingProcessor, error: unknown): void {
    if (this.#failing.has(processor)) return;
    this.#failing.add(processor);
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    warn(`A trace processor failed, and what it was told of may be lost: ${text}`);
  }
}

/** One thing to tell. Not a closure: it would be made anew for each span. */
type Telling<T> = (processor: TracingProcessor, about: T) => Promise<void>;

const traceStarts: Telling<Trace> = (processor, trace) => processor.onTraceStart(trace);
const traceEnds: Telling<Trace> = (processor, trace) => processor.onTraceEnd(trace);
const spanStarts: Telling<Span> = (processor, span) => processor.onSpanStart(span);
const spanEnds: Telling<Span> = (processor, span) => processor.onSpanEnd(span);

const nothing = (): void => undefined;

/** Prints traces when they start and spans when they ended, one line each. For looking at what a program traces. */
export class ConsoleSpanExporter implements TracingExporter {
  async export(items: (Trace | Span)[]): Promise<void> {
    for (const item of items) {
      const kind = item.type === 'trace' ? 'trace' : 'span';
      // oxlint-disable-next-line eslint/no-console -- this is what it is for
      console.log(`[${kind}] ${JSON.stringify(item.toJSON())}`);
    }
  }
}
