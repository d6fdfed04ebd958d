/**
 * A live bridge to the OpenTelemetry that an application has set up itself.
 *
 * O1: a span starts there when it starts here, under the span that is right there: ours above it, else the one that is
 *     active, else the one that `traceFromHeaders` read. It ends when ours ends.
 * O2: while tools and model calls run, their span is the active one, so that HTTP and database spans nest under them.
 * O3: ids, sampling and export are the application's. Our ids are attributes.
 * O4: what goes over passes `toOtlpSpan`: the same names, redaction and limits as over the wire.
 */
import { createRequire } from 'node:module';
import { UserError } from '../../protocol/errors.ts';
import type { RedactionOptions, Redactor } from '../../wire/redaction.ts';
import type { Dialect } from '../export/describe.ts';
import { genai } from '../export/genai.ts';
import { openinference } from '../export/openinference.ts';
import { toOtlpSpan, type ToOtlpOptions } from '../export/to-otlp.ts';
import { parentOf } from '../export/trace-context.ts';
import type { Span, Trace, TracingProcessor } from '../types.ts';
import { KnownTraces, Newest, unlessNow } from './open-spans.ts';
import { redactorOf } from './redactor-of.ts';

// What is needed of `@opentelemetry/api`. Types of our own, so that nobody needs the package to compile.

type Attributes = Readonly<Record<string, unknown>>;
type SpanContext = { traceId: string; spanId: string; traceFlags: number; isRemote?: boolean };
type Theirs = {
  spanContext(): SpanContext;
  isRecording(): boolean;
  updateName(name: string): unknown;
  setAttributes(attributes: Attributes): unknown;
  addEvent(name: string, attributes?: Attributes, time?: number): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(endTime?: number): void;
};
type StartOptions = { kind?: number; attributes?: Attributes; startTime?: number; links?: { context: SpanContext }[] };
type Context = object;
/* Methods, whose parameters TypeScript compares in both ways: theirs have narrower types for the same objects. */
type Tracer = { startSpan(name: string, options?: StartOptions, context?: Context): Theirs };

/** A `TracerProvider` of OpenTelemetry. */
export type OpenTelemetryTracerProvider = { getTracer(name: string, version?: string): Tracer };

/** What is needed of `@opentelemetry/api`: pass the namespace, `import * as api from '@opentelemetry/api'`. */
export type OpenTelemetryApi = {
  readonly trace: OpenTelemetryTracerProvider & {
    setSpan(context: Context, span: Theirs): Context;
    getSpanContext(context: Context): SpanContext | undefined;
    setSpanContext(context: Context, spanContext: SpanContext): Context;
  };
  readonly context: { active(): Context; with<T>(context: Context, work: () => T): T };
};

export type OpenTelemetryProcessorOptions = {
  /** The namespace of `@opentelemetry/api`. @default the installed package, loaded here */
  api?: OpenTelemetryApi;
  /** Where spans are made. @default the global provider, also where it is registered later */
  tracerProvider?: OpenTelemetryTracerProvider;
  /** @default 'genai' */
  dialect?: 'genai' | 'openinference';
  /** Prompts, answers, arguments and outputs of tools, custom data, messages of errors. @default false */
  includeContent?: boolean;
  /** What is taken out of names, attributes and errors. `false`: nothing. @default shapes of keys, secret names */
  redact?: RedactionOptions | Redactor | false;
  /** Longest text of an attribute, in characters. @default 131_072 */
  maxValueLength?: number;
};

const VERSION = '0.1.0';
/** Segments of runs that may still be gone on from in this process. */
const MOST_LINKS = 1_000;

/**
 * Makes a processor that carries every span over into OpenTelemetry while it lives.
 *
 * @example
 * addTraceProcessor(openTelemetryProcessor());
 *
 * @throws UserError where `@opentelemetry/api` is neither passed nor installed
 */
export function openTelemetryProcessor(options: OpenTelemetryProcessorOptions = {}): TracingProcessor {
  const { api = installedApi(), tracerProvider = api.trace, redact = {}, maxValueLength = 131_072 } = options;
  const dialects: Readonly<Record<string, Dialect>> = { genai, openinference };
  const dialect = dialects[options.dialect ?? 'genai'];
  if (!dialect) throw new UserError(`dialect is "${options.dialect}". Set it to "genai" or "openinference".`);
  return new OpenTelemetryProcessor(api, tracerProvider, {
    dialect,
    includeContent: options.includeContent ?? false,
    redact: redactorOf(redact),
    valueLength: maxValueLength,
  });
}

/** Its state is the process's, not the module's: whichever copy is loaded, it is the application's OpenTelemetry. */
function installedApi(): OpenTelemetryApi {
  try {
    // The package says what it is; nothing here comes from outside.
    return createRequire(import.meta.url)('@opentelemetry/api') as OpenTelemetryApi;
  } catch (error) {
    throw new UserError(
      'openTelemetryProcessor needs @opentelemetry/api, which cannot be loaded. Run `npm install @opentelemetry/api`, ' +
        `or pass it: \`openTelemetryProcessor({ api })\`. ${error instanceof Error ? error.message : ''}`,
    );
  }
}

class OpenTelemetryProcessor implements TracingProcessor {
  readonly #api: OpenTelemetryApi;
  readonly #provider: OpenTelemetryTracerProvider;
  readonly #options: ToOtlpOptions;
  readonly #traces = new KnownTraces();
  readonly #open = new Newest<Theirs>();
  readonly #tasks = new Newest<SpanContext>(MOST_LINKS);

  constructor(api: OpenTelemetryApi, provider: OpenTelemetryTracerProvider, options: ToOtlpOptions) {
    this.#api = api;
    this.#provider = provider;
    this.#options = options;
  }

  async onTraceStart(trace: Trace): Promise<void> {
    this.#traces.add(trace);
  }
  async onTraceEnd(): Promise<void> {}

  async onSpanStart(span: Span): Promise<void> {
    const { name, kind, attributes } = toOtlpSpan(span, this.#traces.get(span.traceId), {
      ...this.#options,
      // It is sent once, at the end.
      includeContent: false,
    });
    const startTime = unlessNow(span.startedAt);
    const links = (span.details?.links ?? []).flatMap(({ spanId }) => this.#tasks.get(spanId) ?? []);
    const ids = { 'baton.trace.id': span.traceId, 'baton.span.id': span.spanId };
    // Asked for each time: a tracer that was got before a provider is registered may stay without one for ever, where
    // the application has loaded another copy of the package.
    const started = this.#provider.getTracer('@baton/agents', VERSION).startSpan(
      name,
      {
        // OTLP's numbers begin one later.
        kind: kind - 1,
        attributes: { ...attributes, ...ids },
        ...(startTime !== undefined && { startTime }),
        ...(links.length > 0 && { links: links.map((context) => ({ context })) }),
      },
      this.#parentOf(span),
    );
    this.#open.set(span.spanId, started);
  }

  async onSpanEnd(span: Span): Promise<void> {
    const theirs = this.#open.take(span.spanId);
    if (!theirs) return;
    if (span.spanData.type === 'task') this.#tasks.set(span.spanId, theirs.spanContext());
    const endTime = unlessNow(span.endedAt);
    if (theirs.isRecording()) {
      const told = toOtlpSpan(span, this.#traces.get(span.traceId), this.#options);
      theirs.updateName(told.name);
      theirs.setAttributes(told.attributes);
      for (const { name, attributes } of told.events) theirs.addEvent(name, attributes, endTime);
      const { code, message } = told.status;
      if (code !== 0) theirs.setStatus({ code, ...(message !== undefined && { message }) });
    }
    theirs.end(endTime);
  }

  inSpan<T>(span: Span, work: () => T): T {
    const theirs = this.#open.get(span.spanId);
    if (!theirs) return work();
    const { context, trace } = this.#api;
    return context.with(trace.setSpan(context.active(), theirs), work);
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}

  #parentOf(span: Span): Context {
    const { context, trace } = this.#api;
    const active = context.active();
    const parent = this.#open.get(span.parentId);
    if (parent) return trace.setSpan(active, parent);
    if (trace.getSpanContext(active)) return active;
    const remote = parentOf(this.#traces.get(span.traceId)?.metadata ?? span.traceMetadata, span.traceId);
    if (!remote) return active;
    const { traceId, spanId, sampled } = remote;
    return trace.setSpanContext(active, { traceId, spanId, traceFlags: sampled ? 1 : 0, isRemote: true });
  }
}
