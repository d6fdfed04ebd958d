/**
 * The provider: who listens, whether tracing is on, how ids are made. There is one for the process.
 */
import { UserError } from '../protocol/errors.ts';
import { BatchTraceProcessor } from './batch.ts';
import { currentPlace, getCurrentSpan, getCurrentTrace } from './context.ts';
import { defaultTracingIdGenerator } from './ids.ts';
import { isOffByEnvironment, setRunTracer, settleStore } from './listening.ts';
import { MultiTracingProcessor } from './processor.ts';
import { NoopSpan, runOf, setRunOf, Span } from './span.ts';
import { NoopTrace, Trace } from './trace.ts';
import { tracerFor } from './tracer.ts';
import type {
  Span as SpanShape,
  SpanData,
  SpanOptions,
  Trace as TraceShape,
  TraceOptions,
  TracingExporter,
  TracingIdGenerator,
  TracingProcessor,
} from './types.ts';

export type CreateSpanOptions<TData extends SpanData> = Omit<SpanOptions<TData>, 'traceId'> & {
  traceId?: string;
  /** Makes a span that tells nobody. */
  disabled?: boolean;
};

export type TraceProviderOptions = { idGenerator?: Partial<TracingIdGenerator> };

/** Makes traces and spans, and passes them on to its processors. */
export class TraceProvider {
  readonly #processors = new MultiTracingProcessor();
  #disabled = isOffByEnvironment();
  #ids: Partial<TracingIdGenerator>;

  constructor(options: TraceProviderOptions = {}) {
    this.#ids = options.idGenerator ?? {};
  }

  /** Whether anybody gets what is traced. */
  get isListening(): boolean {
    return !this.#disabled && this.#processors.size > 0;
  }

  registerProcessor(processor: TracingProcessor): void {
    this.#processors.addTraceProcessor(processor);
    this.#tellRuns();
  }

  /** Replaces all processors; those that were set before are shut down. */
  setProcessors(processors: readonly TracingProcessor[]): void {
    if (this === shared.provider) settleStore();
    this.#processors.setProcessors(processors);
    this.#tellRuns();
  }

  setDisabled(disabled: boolean): void {
    this.#disabled = disabled;
    this.#tellRuns();
  }

  setIdGenerator(idGenerator: Partial<TracingIdGenerator> = {}): void {
    this.#ids = idGenerator;
  }

  getCurrentTrace(): Trace | null {
    return getCurrentTrace();
  }
  getCurrentSpan(): Span | null {
    return getCurrentSpan();
  }
  generateTraceId(): string {
    return (this.#ids.generateTraceId ?? defaultTracingIdGenerator.generateTraceId)();
  }
  generateSpanId(): string {
    return (this.#ids.generateSpanId ?? defaultTracingIdGenerator.generateSpanId)();
  }
  startExportLoop(): void {
    this.#processors.start();
  }

  createTrace(options: TraceOptions): Trace {
    if (this.#disabled) return new NoopTrace();
    return new Trace({ ...options, traceId: options.traceId ?? this.generateTraceId() }, this.#processors);
  }

  /** A span under `parent`, else under what is current. Off where there is neither, or the parent is off. */
  createSpan<TData extends SpanData>(options: CreateSpanOptions<TData>, parent?: Span | Trace): Span<TData> {
    const place = currentPlace();
    const above = parent ?? place?.span ?? place?.trace;
    const isOff = this.#disabled || options.disabled === true;
    if (isOff || !above || above instanceof NoopSpan || above instanceof NoopTrace) return new NoopSpan(options.data);
    const { disabled: _, ...rest } = options;
    const parentId = options.parentId ?? (above instanceof Span ? above.spanId : undefined);
    const metadata = above instanceof Span ? above.traceMetadata : above.metadata;
    const { tracingApiKey } = above;
    const span = new Span<TData>(
      {
        ...rest,
        traceId: options.traceId ?? above.traceId,
        spanId: options.spanId ?? this.generateSpanId(),
        ...(parentId !== undefined && { parentId }),
        ...(metadata && { traceMetadata: metadata }),
        ...(tracingApiKey !== undefined && { tracingApiKey }),
      },
      this.#processors,
    );
    const runId = above instanceof Span ? runOf(above) : undefined;
    if (runId !== undefined) setRunOf(span, runId);
    return span;
  }

  dispatchTrace(trace: TraceShape): Promise<void> {
    return this.#processors.dispatchTrace(trace);
  }
  dispatchSpan(span: SpanShape): Promise<void> {
    return this.#processors.dispatchSpan(span);
  }
  dispatchSpanStart(span: SpanShape): Promise<void> {
    return this.#processors.dispatchSpanStart(span);
  }
  dispatchSpanEnd(span: SpanShape): Promise<void> {
    return this.#processors.dispatchSpanEnd(span);
  }

  /** Does `work` where `span` is the current one for processors that have a place of their own for it. */
  inSpan<T>(span: SpanShape, work: () => T): T {
    return this.#processors.inSpan(span, work);
  }

  /** Sends what is left and closes all processors. `timeout` in milliseconds. */
  shutdown(timeout?: number): Promise<void> {
    return this.#processors.shutdown(timeout);
  }
  /** Sends what is queued, and waits for it. */
  forceFlush(): Promise<void> {
    return this.#processors.forceFlush();
  }

  #tellRuns(): void {
    if (this !== shared.provider) return;
    setRunTracer(this.isListening ? tracerFor({ listener: this.#processors, ids: this }) : undefined);
  }
}

/** The one provider of the process: as in the published API, processors are set for all runs at once. */
const shared: { provider: TraceProvider | undefined } = { provider: undefined };

/** The provider that runs and the functions of this module use. */
export const getGlobalTraceProvider = (): TraceProvider => (shared.provider ??= new TraceProvider());

/** Adds a processor to those that get every trace and span. */
export function addTraceProcessor(processor: TracingProcessor): void {
  getGlobalTraceProvider().registerProcessor(processor);
}

/** Sets the processors that get every trace and span, in place of those that were set before. */
export function setTraceProcessors(processors: TracingProcessor[]): void {
  getGlobalTraceProvider().setProcessors(processors);
}

/**
 * Sends all traces to one place: an exporter, which is wrapped in a `BatchTraceProcessor`, or a processor.
 *
 * @example
 * setTracingProcessor(new ConsoleSpanExporter());
 *
 * @throws UserError for what is neither.
 */
export function setTracingProcessor(target: TracingExporter | TracingProcessor): void {
  // What is both has a queue of its own, which a batch processor would only double.
  if (isProcessor(target)) return setTraceProcessors([target]);
  if (isExporter(target)) return setTraceProcessors([new BatchTraceProcessor(target)]);
  throw new UserError(
    `setTracingProcessor got ${target === null ? 'null' : typeof target}. Pass an exporter, which has export(items), or a processor, which has onSpanStart, onSpanEnd and the rest of TracingProcessor.`,
  );
}

const isExporter = (target: TracingExporter | TracingProcessor): target is TracingExporter =>
  typeof target === 'object' && target !== null && 'export' in target && typeof target.export === 'function';

const isProcessor = (target: TracingExporter | TracingProcessor): target is TracingProcessor =>
  typeof target === 'object' && target !== null && 'onSpanEnd' in target && typeof target.onSpanEnd === 'function';

/** Turns tracing off or on for the process, whatever the environment says. */
export const setTracingDisabled = (disabled: boolean): void => getGlobalTraceProvider().setDisabled(disabled);

/** Sets how ids of traces, and of spans that user code makes, are made. Spans of runs have ids of their own. */
export const setTracingIdGenerator = (idGenerator?: Partial<TracingIdGenerator>): void =>
  getGlobalTraceProvider().setIdGenerator(idGenerator);

/** Kept for the published API: processors are started when they are set. */
export const startTraceExportLoop = (): void => getGlobalTraceProvider().startExportLoop();

/** Tells all processors of a trace that began and ended elsewhere. */
export const dispatchTrace = (trace: TraceShape): Promise<void> => getGlobalTraceProvider().dispatchTrace(trace);
/** Tells all processors of a span that began and ended elsewhere. */
export const dispatchSpan = (span: SpanShape): Promise<void> => getGlobalTraceProvider().dispatchSpan(span);
/** Tells all processors of a span that began elsewhere. */
export const dispatchSpanStart = (span: SpanShape): Promise<void> => getGlobalTraceProvider().dispatchSpanStart(span);
/** Tells all processors of a span that ended elsewhere. */
export const dispatchSpanEnd = (span: SpanShape): Promise<void> => getGlobalTraceProvider().dispatchSpanEnd(span);
