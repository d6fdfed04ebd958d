/**
 * Where a segment's spans belong, and where code of the run finds its place.
 */
import type { Segment } from '../kernel/index.ts';
import { warn } from '../protocol/warn.ts';
import type { Place } from './context.ts';
import type { Span } from './span.ts';
import type { Trace } from './trace.ts';

/** `own` where the run opens and ends the trace itself. */
export type Link = {
  readonly segment: Segment;
  readonly trace: Trace;
  readonly own: boolean;
  /** The run that it is within. */
  readonly parentRunId?: string | undefined;
};

/** A fault of tracing is warned of and never reaches the run. */
export function complain(runId: string, error: unknown): void {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  warn(`Run ${runId} could not be traced, or not in full: ${text}`);
}

/** A place that moves with the run, until user code sets a span of its own. */
export class RunPlace implements Place {
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
