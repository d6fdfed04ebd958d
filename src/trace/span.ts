/**
 * Spans as objects: what processors get, and what user code holds while it is inside of one.
 */
import { generateSpanId, NOOP_ID } from './ids.ts';
import type { Span as SpanShape, SpanData, SpanDetails, SpanError, SpanOptions } from './types.ts';

/** What a span tells: the two calls of a processor, and what goes wrong. */
export type SpanListener = {
  onSpanStart(span: Span): Promise<void>;
  onSpanEnd(span: Span): Promise<void>;
  /** Hears of errors where it asks for them. */
  onSpanError?(span: Span, error: SpanError | null): void;
};

type Times = Record<'started' | 'ended', (span: SpanShape) => string | number | null>;
let times: Times;

/**
 * A piece of work: from `start()` to `end()`, which each count once. Made by the `create…Span` functions.
 *
 * @example
 * const span = createCustomSpan({ data: { name: 'look up', data: { key: 'k1' } } });
 * span.start();
 * span.end();
 */
export class Span<TData extends SpanData = SpanData> implements SpanShape<TData> {
  readonly type = 'trace.span';
  /** The span that was current when this one became current. */
  previousSpan: Span | undefined;
  /** Ours: facts beside the span data; they are never part of `toJSON()`. */
  details: SpanDetails | undefined;
  readonly #options: SpanOptions<TData>;
  readonly #listener: SpanListener;
  readonly #spanId: string;
  /** Milliseconds since the epoch until somebody reads them: most are never read as text. */
  #startedAt: string | number | null;
  #endedAt: string | number | null;
  #error: SpanError | null;

  static {
    times = {
      started: (span) => (#startedAt in span ? span.#startedAt : span.startedAt),
      ended: (span) => (#endedAt in span ? span.#endedAt : span.endedAt),
    };
  }

  constructor(options: SpanOptions<TData>, processor: SpanListener) {
    this.#options = options;
    this.#listener = processor;
    this.#spanId = options.spanId ?? generateSpanId();
    this.#startedAt = options.startedAt ?? null;
    this.#endedAt = options.endedAt ?? null;
    this.#error = plainError(options.error);
  }

  get traceId(): string {
    return this.#options.traceId;
  }
  get spanId(): string {
    return this.#spanId;
  }
  get parentId(): string | null {
    return this.#options.parentId ?? null;
  }
  get spanData(): TData {
    return this.#options.data;
  }
  get traceMetadata(): Record<string, unknown> | undefined {
    return this.#options.traceMetadata;
  }
  get startedAt(): string | null {
    if (typeof this.#startedAt === 'number') this.#startedAt = timeIso(this.#startedAt);
    return this.#startedAt;
  }
  get endedAt(): string | null {
    if (typeof this.#endedAt === 'number') this.#endedAt = timeIso(this.#endedAt);
    return this.#endedAt;
  }
  get error(): SpanError | null {
    return this.#error;
  }
  get tracingApiKey(): string | undefined {
    return this.#options.tracingApiKey;
  }

  /** Begins the span. `at` is for work that began before: ISO 8601, or milliseconds since the epoch. @default now */
  start(at: string | number = Date.now()): void {
    if (this.#startedAt !== null) return;
    this.#startedAt = at;
    void this.#listener.onSpanStart(this);
  }

  /** Ends the span. `at` is for work that ended before: ISO 8601, or milliseconds since the epoch. @default now */
  end(at: string | number = Date.now()): void {
    if (this.#endedAt !== null) return;
    this.#endedAt = at;
    void this.#listener.onSpanEnd(this);
  }

  /** Says what went wrong; the last word counts. An `Error` counts as its message; null: nothing did. */
  setError(error: SpanError | null): void {
    this.#error = plainError(error);
    this.#listener.onSpanError?.(this, this.#error);
  }

  /** Another object with the same content. */
  clone(): Span<TData> {
    const copy = new Span<TData>(
      {
        ...this.#options,
        spanId: this.#spanId,
        ...(this.startedAt !== null && { startedAt: this.startedAt }),
        ...(this.endedAt !== null && { endedAt: this.endedAt }),
        ...(this.#error && { error: this.#error }),
      },
      this.#listener,
    );
    copy.previousSpan = this.previousSpan;
    copy.details = this.details && { ...this.details };
    return copy;
  }

  toJSON(): object | null {
    return {
      object: 'trace.span',
      id: this.spanId,
      trace_id: this.traceId,
      parent_id: this.parentId,
      started_at: this.startedAt,
      ended_at: this.endedAt,
      span_data: wireData(this.spanData),
      error: this.error,
    };
  }
}

const msOf = (time: string | number | null): number => (typeof time === 'number' ? time : Date.parse(time ?? ''));

/** When a span began, in milliseconds since the epoch: without a detour by its text, where it has none yet. */
export const startedMs = (span: SpanShape): number => msOf(times.started(span));

/** When it ended. */
export const endedMs = (span: SpanShape): number => msOf(times.ended(span));

const withinRuns = new WeakMap<SpanShape, string>();

/** The run that a span is of, or that it was made within. */
export const runOf = (span: SpanShape): string | undefined => span.details?.runId ?? withinRuns.get(span);

/** A span that user code made within a run. */
export const setRunOf = (span: SpanShape, runId: string): void => void withinRuns.set(span, runId);

const SILENT: SpanListener = {
  onSpanStart: async () => undefined,
  onSpanEnd: async () => undefined,
};

/** A span where tracing is off: takes all calls, tells nobody. */
export class NoopSpan<TData extends SpanData = SpanData> extends Span<TData> {
  constructor(data: TData, processor: SpanListener = SILENT) {
    super({ traceId: NOOP_ID, spanId: NOOP_ID, data }, processor);
  }
  override start(): void {}
  override end(): void {}
  override setError(): void {}
  override clone(): NoopSpan<TData> {
    return new NoopSpan(this.spanData);
  }
  override toJSON(): null {
    return null;
  }
}

/** An `Error` fits the type and is `{}` in JSON, and plain JavaScript may give a text: everybody gets the message. */
function plainError(said: unknown): SpanError | null {
  if (said === undefined || said === null) return null;
  if (typeof said !== 'object') return { message: typeof said === 'string' ? said : `a ${typeof said}` };
  const { message, data } = said as Partial<Record<keyof SpanError, unknown>>;
  if (typeof message === 'string' && !(said instanceof Error)) return said as SpanError;
  const isData = typeof data === 'object' && data !== null;
  return { message: typeof message === 'string' ? message : '', ...(isData && { data: { ...data } }) };
}

const timeIso = (at: number): string => new Date(at).toISOString();

/** Tasks and turns go out as custom spans, as the published package sends them; private members stay here. */
function wireData(data: SpanData): object {
  if (data.type === 'task' || data.type === 'turn') {
    const { type, ...rest } = data;
    return { type: 'custom', name: type, data: { sdk_span_type: type, ...rest } };
  }
  if (data.type !== 'response') return data;
  return Object.fromEntries(Object.entries(data).filter(([key]) => !key.startsWith('_')));
}
