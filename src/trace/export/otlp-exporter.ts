/**
 * `OTLPTraceExporter`: spans to any OpenTelemetry back end over OTLP/HTTP, without an OpenTelemetry SDK.
 *
 * It is a processor, which has a queue of its own and is bounded by bytes; and an exporter, for those who put it into a
 * `BatchTraceProcessor`. Spans are encoded when they end, so that nothing of a run is held on to.
 */
import { UserError } from '../../protocol/errors.ts';
import { warn } from '../../protocol/warn.ts';
import { node } from '../../protocol/node.ts';
import { isModelError } from '../../wire/errors.ts';
import { requestBytes, type Fetch } from '../../wire/http.ts';
import { createRedactor, type RedactionOptions, type Redactor } from '../../wire/redaction.ts';
import type { Span, Trace, TracingExporter, TracingProcessor } from '../types.ts';
import { Delivery, type ExportProblem, type ExportStats, type SendOutcome } from './delivery.ts';
import type { Dialect, TraceFacts } from './describe.ts';
import { genai } from './genai.ts';
import { openinference } from './openinference.ts';
import { endpointUrl, readOtlpEnvironment, type OtlpProtocol } from './otlp-environment.ts';
import { mediaTypeOf, readOtlpAnswer } from './otlp-answer.ts';
import { otlpJson } from './otlp-json.ts';
import { otlpProtobuf } from './otlp-protobuf.ts';
import { joinSpans, type OtlpEncoding, type OtlpSource } from './otlp-span.ts';
import { toOtlpSpan, type ToOtlpOptions } from './to-otlp.ts';
import { isSampled, parentOf } from './trace-context.ts';

/** Headers for each request, or a function that makes them, such as from a token that expires. */
export type OTLPHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** An option goes before its environment variable, and that before the default. */
export type OTLPTraceExporterOptions = {
  /**
   * Where to send, such as `http://collector:4318/v1/traces`. Without a path, `/v1/traces` is added.
   * @default OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or OTEL_EXPORTER_OTLP_ENDPOINT and `/v1/traces`, or `http://localhost:4318/v1/traces`
   */
  endpoint?: string;
  /** Added to those of OTEL_EXPORTER_OTLP_HEADERS and OTEL_EXPORTER_OTLP_TRACES_HEADERS. Their values are secrets. */
  headers?: OTLPHeaders;
  /** @default OTEL_EXPORTER_OTLP_PROTOCOL, or `http/protobuf` */
  protocol?: OtlpProtocol;
  /** @default OTEL_EXPORTER_OTLP_COMPRESSION, or `gzip` */
  compression?: 'gzip' | 'none';
  /** Limit of one request, in milliseconds. @default OTEL_EXPORTER_OTLP_TIMEOUT, or 10_000 */
  timeoutMs?: number;
  /** @default OTEL_SERVICE_NAME, or `service.name` of OTEL_RESOURCE_ATTRIBUTES, or `unknown_service:node` */
  serviceName?: string;
  /** What sends: `{ 'deployment.environment.name': 'test' }`. Added to OTEL_RESOURCE_ATTRIBUTES. */
  resourceAttributes?: Readonly<Record<string, string | number | boolean>>;
  /** `openinference` is what Arize Phoenix shows best. @default 'genai' */
  dialect?: 'genai' | 'openinference';
  /** Prompts, answers, arguments and outputs of tools, custom data, data of errors. @default false */
  includeContent?: boolean;
  /** What is taken out of all that leaves. `false` sends everything as it is. @default shapes of keys, secret names */
  redact?: RedactionOptions | Redactor | false;
  /** The part of traces to export, 0 to 1, decided by the trace's id. @default OTEL_TRACES_SAMPLER_ARG, or 1 */
  sampleRate?: number;
  /** Spans that wait or are on their way take at most so many bytes; further ones are dropped. @default 33_554_432 */
  maxQueueBytes?: number;
  /** Bytes and spans of one request. @default 2_097_152 and OTEL_BSP_MAX_EXPORT_BATCH_SIZE, or 512 */
  maxBatchBytes?: number;
  maxBatchSpans?: number;
  /** How long a span waits for others, in milliseconds. @default OTEL_BSP_SCHEDULE_DELAY, or 5_000 */
  delayMs?: number;
  /** Longest text of an attribute. @default OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, or 131_072 characters */
  maxValueLength?: number;
  /** Pauses after failures, in milliseconds; they double and are shortened by chance. @default 1_000 and 30_000 */
  retryMs?: { first?: number; longest?: number };
  /** Limit of `forceFlush()`, and of what is sent when the process has nothing else to do. @default 10_000 */
  flushTimeoutMs?: number;
  /**
   * Keeps a serverless function alive until its spans are sent: `ctx.waitUntil` of Cloudflare, `waitUntil` of Vercel.
   * Called when a trace ends.
   */
  waitUntil?: (promise: Promise<unknown>) => void;
  /** Told of spans that were lost and of an endpoint that is not there. @default one warning a kind */
  onProblem?: (problem: ExportProblem) => void;
  /** @default globalThis.fetch */
  fetch?: Fetch;
};

const VERSION = '0.1.0';
const MAX_TRACES = 10_000;
/** By OTLP's specification the only statuses after which the same request may be sent again. */
const RETRYABLE = new Set([429, 502, 503, 504]);
const compressed = (bytes: Uint8Array): Promise<Uint8Array> => node.util.promisify(node.zlib.gzip)(bytes);

type Settings = ToOtlpOptions &
  Readonly<{
    url: string;
    encoding: OtlpEncoding;
    source: OtlpSource;
    headers: () => Promise<Readonly<Record<string, string>>>;
    gzip: boolean;
    timeoutMs: number;
    sampleRate: number;
    flushTimeoutMs: number;
    waitUntil: ((promise: Promise<unknown>) => void) | undefined;
    fetch: Fetch | undefined;
  }>;

/**
 * Sends spans by OTLP over HTTP. Use it as `setTracingProcessor(new OTLPTraceExporter({ endpoint }))`.
 *
 * A span is sent at least once: one whose answer was lost is sent again, under the same ids.
 *
 * @throws UserError where an option or a variable cannot be used
 */
export class OTLPTraceExporter implements TracingProcessor, TracingExporter {
  readonly #settings: Settings | undefined;
  readonly #delivery: Delivery;
  /** The newest traces, for facts that spans do not have. A trace may end before its last span, or never. */
  readonly #traces = new Map<string, TraceFacts>();
  #unsampled = 0;
  #listening = false;
  readonly #beforeExit = (): void => {
    // Once: what cannot be sent now must not keep the process for ever.
    process.removeListener('beforeExit', this.#beforeExit);
    if (!this.#delivery.isEmpty) void this.forceFlush();
  };

  constructor(options: OTLPTraceExporterOptions = {}) {
    const { retryMs, onProblem = warner() } = options;
    const env = readOtlpEnvironment(process.env);
    this.#settings = env.disabled ? undefined : settingsOf(options, env);
    this.#delivery = new Delivery({
      send: async (spans, signal) => this.#send(spans, signal),
      maxQueueBytes: positive('maxQueueBytes', options.maxQueueBytes, 33_554_432),
      maxBatchBytes: positive('maxBatchBytes', options.maxBatchBytes, 2_097_152),
      maxBatchSpans: positive('maxBatchSpans', options.maxBatchSpans ?? env.batchSpans, 512),
      delayMs: positive('delayMs', options.delayMs ?? env.delayMs, 5_000),
      retryMs: {
        first: positive('retryMs.first', retryMs?.first, 1_000),
        longest: positive('retryMs.longest', retryMs?.longest, 30_000),
      },
      onProblem,
    });
  }

  /** What became of the spans. `created` is always `acknowledged + dropped + queued`. */
  stats(): ExportStats {
    return { ...this.#delivery.stats(), unsampled: this.#unsampled };
  }

  async onTraceStart(trace: Trace): Promise<void> {
    if (this.#settings === undefined) return;
    this.#traces.delete(trace.traceId);
    this.#traces.set(trace.traceId, {
      name: trace.name,
      groupId: trace.groupId,
      metadata: trace.metadata ?? {},
    });
    if (this.#traces.size <= MAX_TRACES) return;
    const [oldest] = this.#traces.keys();
    if (oldest !== undefined) this.#traces.delete(oldest);
  }

  async onTraceEnd(_trace: Trace): Promise<void> {
    this.#settings?.waitUntil?.(this.forceFlush());
  }

  async onSpanStart(_span: Span): Promise<void> {}

  async onSpanEnd(span: Span): Promise<void> {
    const settings = this.#settings;
    if (settings === undefined) return;
    const trace = this.#traces.get(span.traceId);
    const parent = parentOf(trace?.metadata ?? span.traceMetadata, span.traceId);
    // A caller that has decided against the trace is followed: half a trace is of no use.
    if (parent?.sampled === false || !isSampled(span.traceId, settings.sampleRate)) {
      this.#unsampled += 1;
      return;
    }
    if (!this.#listening) {
      this.#listening = true;
      process.on('beforeExit', this.#beforeExit);
    }
    try {
      this.#delivery.add(settings.encoding.encodeSpan(toOtlpSpan(span, trace, settings)));
    } catch (error) {
      // User data can have getters that throw. A run never fails because of a span.
      this.#delivery.lose(error instanceof Error ? error.name : 'unknown');
    }
  }

  /** For `BatchTraceProcessor`: takes the items and resolves when they were answered, or after `flushTimeoutMs`. */
  async export(items: (Trace | Span)[], signal?: AbortSignal): Promise<void> {
    for (const item of items) {
      if (signal?.aborted) return;
      await (item.type === 'trace' ? this.onTraceStart(item) : this.onSpanEnd(item));
    }
    await this.forceFlush();
  }

  /** Sends what is queued. Resolves when it was answered or dropped, or after `timeoutMs`; it never rejects. */
  async forceFlush(timeoutMs: number = this.#settings?.flushTimeoutMs ?? 0): Promise<void> {
    await this.#delivery.flush(timeoutMs);
  }

  /** Sends what is queued, then drops what is left after `timeoutMs` and lets go of everything. */
  async shutdown(timeoutMs: number = this.#settings?.flushTimeoutMs ?? 0): Promise<void> {
    process.removeListener('beforeExit', this.#beforeExit);
    this.#listening = true;
    await this.#delivery.shutdown(timeoutMs);
    this.#traces.clear();
  }

  async #send(spans: readonly Uint8Array[], signal: AbortSignal): Promise<SendOutcome> {
    const settings = this.#settings;
    if (settings === undefined) return { kind: 'refused', because: 'OTEL_SDK_DISABLED is true' };
    const { encoding, source, url, timeoutMs, fetch = globalThis.fetch } = settings;
    let secrets: string[] = [];
    let type = '';
    try {
      const headers = await settings.headers();
      secrets = Object.values(headers);
      const plain = joinSpans(encoding, source, spans);
      const body = settings.gzip ? new Uint8Array(await compressed(plain)) : plain;
      const answer = await requestBytes({
        provider: 'The OTLP endpoint',
        url,
        headers: {
          'user-agent': `baton-agents/${VERSION}`,
          ...headers,
          'content-type': encoding.contentType,
          ...(settings.gzip && { 'content-encoding': 'gzip' }),
        },
        body,
        secrets,
        signal,
        fetch: async (to, init) => {
          const response = await fetch(to, init);
          type = mediaTypeOf(response.headers);
          return response;
        },
        timeouts: { headersMs: timeoutMs, idleMs: timeoutMs },
      });
      return answerOf(answer, type);
    } catch (error) {
      return outcomeOf(error);
    }
  }
}

/** Only an answer of OTLP acknowledges: what a proxy says in its place, with 200, does not. */
function answerOf(bytes: Uint8Array, type: string): SendOutcome {
  const answer = readOtlpAnswer(bytes, type);
  if (answer) return { kind: 'taken', rejected: answer.rejected, because: answer.message };
  return {
    kind: 'later',
    because:
      `The OTLP endpoint answered with success, but with ${type || `${bytes.length} bytes`} that no OTLP receiver says. ` +
      'Check the URL, and whether a login page or a proxy answers in its place.',
  };
}

function outcomeOf(error: unknown): SendOutcome {
  if (!isModelError(error)) {
    // A function for headers that failed, or an abort by shutdown().
    return { kind: 'later', because: error instanceof Error ? error.message : String(error) };
  }
  const { status, retryable, retryAfterMs, message: because } = error;
  if (status === 413) return { kind: 'too-large', because };
  const later = status === undefined ? retryable : RETRYABLE.has(status);
  if (!later) return { kind: 'refused', because };
  return { kind: 'later', because, ...(retryAfterMs !== undefined && { afterMs: retryAfterMs }) };
}

function settingsOf(options: OTLPTraceExporterOptions, env: ReturnType<typeof readOtlpEnvironment>): Settings {
  const { endpoint, headers = {}, redact = {}, serviceName } = options;
  const protocol = options.protocol ?? env.protocol();
  const own = async (): Promise<Readonly<Record<string, string>>> =>
    typeof headers === 'function' ? headers() : headers;
  return {
    url: endpoint === undefined ? endpointUrl(env.url) : endpointUrl(endpoint),
    encoding: protocol === 'http/json' ? otlpJson() : otlpProtobuf(),
    source: {
      resource: {
        'service.name': 'unknown_service:node',
        'telemetry.sdk.name': 'baton',
        'telemetry.sdk.language': 'nodejs',
        'telemetry.sdk.version': VERSION,
        ...env.resource,
        ...options.resourceAttributes,
        ...(serviceName !== undefined && { 'service.name': serviceName }),
      },
      scope: { name: '@baton/agents', version: VERSION },
    },
    headers: async () => ({ ...env.headers, ...(await own()) }),
    gzip: (options.compression ?? env.compression ?? 'gzip') === 'gzip',
    timeoutMs: positive('timeoutMs', options.timeoutMs ?? env.timeoutMs, 10_000),
    flushTimeoutMs: positive('flushTimeoutMs', options.flushTimeoutMs, 10_000),
    valueLength: positive('maxValueLength', options.maxValueLength ?? env.valueLength, 131_072),
    sampleRate: rate(options.sampleRate ?? env.sampleRate ?? 1),
    dialect: dialectOf(options.dialect ?? 'genai'),
    includeContent: options.includeContent ?? false,
    redact: redact === false ? (value) => value : typeof redact === 'function' ? redact : createRedactor(redact),
    waitUntil: options.waitUntil,
    fetch: options.fetch,
  };
}

function dialectOf(name: 'genai' | 'openinference'): Dialect {
  switch (name) {
    case 'genai':
      return genai;
    case 'openinference':
      return openinference;
  }
}

function positive(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (Number.isFinite(value) && value > 0) return value;
  throw new UserError(`${name} is ${value}. Set it to a number above zero, or leave it out for ${otherwise}.`);
}

function rate(value: number): number {
  if (value >= 0 && value <= 1) return value;
  throw new UserError(`sampleRate is ${value}. Set it to a number from 0 (no trace) to 1 (every trace).`);
}

/** A log line per lost span would be a second flood: each kind of problem is told once. */
function warner(): (problem: ExportProblem) => void {
  const told = new Set<string>();
  return ({ kind, reason, message }) => {
    const what = reason ?? kind;
    if (told.has(what)) return;
    told.add(what);
    const where = kind === 'dropped' ? `lost spans (${what})` : 'could not send spans, and tries again';
    warn(`Trace export ${where}: ${message.replace(/\.$/, '')}. Further cases are counted by stats().`);
  };
}
