/**
 * A live bridge to Sentry, on Sentry's own functions: no OpenTelemetry provider is needed, as its newest version
 * installs none.
 *
 * S1: a span starts in Sentry when it starts here, under ours above it, else under the one that is active there. Turns
 *     are left out: the documented tree has model calls and tools right under their agent.
 * S2: while tools and model calls run, their span is Sentry's active one: what its integrations record nests there.
 * S3: a run that fails is one event, whatever it failed on; the event belongs to the span of the run.
 * S4: what goes over passes `toOtlpSpan`: redaction and limits hold for names, attributes and errors.
 */
import { UserError } from '../../protocol/errors.ts';
import type { RedactionOptions, Redactor } from '../../wire/redaction.ts';
import { errorType } from '../export/genai.ts';
import { textWithin } from '../export/limits.ts';
import { toOtlpSpan, type ToOtlpOptions } from '../export/to-otlp.ts';
import { parentOf } from '../export/trace-context.ts';
import type { Span, Trace, TracingProcessor } from '../types.ts';
import { KnownTraces, Newest, unlessNow } from './open-spans.ts';
import { redactorOf } from './redactor-of.ts';
import { sentryDialect, sentryOp } from './sentry-dialect.ts';

// What is needed of Sentry. Types of our own, so that nobody needs the package to compile; loose ones, as TypeScript
// compares the parameters of methods in one direction only where they differ in both.

type Facts = Readonly<Record<string, unknown>>;
type Theirs = {
  isRecording(): boolean;
  setAttributes(attributes: object): unknown;
  setStatus(status: object): unknown;
  updateName(name: string): unknown;
  end(endTime?: number): void;
};
type StartOptions = { name: string; op?: string; attributes?: Facts; startTime?: number; parentSpan?: Theirs };
type SentryEvent = {
  level: 'error';
  exception: { values: { type: string; value: string; mechanism: { type: string; handled: boolean } }[] };
  tags: Record<string, string>;
  contexts: { baton: Record<string, string> };
};

/** What is needed of Sentry's SDK: pass its namespace, `import * as Sentry from '@sentry/node'`. */
export type SentryNamespace = {
  startInactiveSpan(options: { name: string }): Theirs;
  withActiveSpan<T>(span: Theirs | null, work: () => T): T;
  getActiveSpan(): Theirs | undefined;
  continueTrace<T>(headers: object, work: () => T): T;
  captureEvent(event: object): string;
  flush(timeout?: number): PromiseLike<boolean>;
};

export type SentryProcessorOptions = {
  /** The namespace of `@sentry/node` or another of Sentry's SDKs, version 8 or newer, after its `init()`. */
  sentry: SentryNamespace;
  /** Prompts, answers, arguments and outputs of tools, custom data, messages of errors. @default false */
  includeContent?: boolean;
  /** Messages of errors, which may quote what users and tools said. @default includeContent */
  includeErrorMessages?: boolean;
  /** What is taken out of names, attributes and errors. `false`: nothing. @default shapes of keys, secret names */
  redact?: RedactionOptions | Redactor | false;
  /**
   * What becomes an event: runs that failed, tools and guardrails that threw and code in spans of your own too, or
   * nothing. @default 'runs'
   */
  errors?: 'runs' | 'all' | 'none';
  /** Longest text of an attribute, in characters. @default 16_384 */
  maxValueLength?: number;
};

const MAX_MESSAGE = 4096;

/**
 * Makes a processor that carries spans and errors over into Sentry while they happen.
 *
 * @example
 * Sentry.init({ dsn, tracesSampleRate: 1 });
 * addTraceProcessor(sentryProcessor({ sentry: Sentry }));
 *
 * @throws UserError where `sentry` is not what it has to be
 */
export function sentryProcessor(options: SentryProcessorOptions): TracingProcessor {
  const { sentry, includeContent = false, errors = 'runs', redact = {}, maxValueLength = 16_384 } = options;
  const missing = FUNCTIONS.filter((name) => typeof sentry?.[name] !== 'function');
  if (missing.length > 0) {
    throw new UserError(
      `sentryProcessor needs Sentry's namespace; what it got has no ${missing.join(', ')}. ` +
        "Write `import * as Sentry from '@sentry/node'` and pass `{ sentry: Sentry }`.",
    );
  }
  return new SentryProcessor(sentry, {
    errors,
    includeErrorMessages: options.includeErrorMessages ?? includeContent,
    dialect: sentryDialect,
    includeContent,
    redact: redactorOf(redact),
    valueLength: maxValueLength,
  });
}

const FUNCTIONS = [
  'startInactiveSpan',
  'withActiveSpan',
  'getActiveSpan',
  'continueTrace',
  'captureEvent',
  'flush',
] as const satisfies readonly (keyof SentryNamespace)[];

type Settings = ToOtlpOptions & Readonly<{ errors: 'runs' | 'all' | 'none'; includeErrorMessages: boolean }>;
/** `failed`: the agent that was active when the run above failed. */
type Open = { readonly theirs: Theirs; readonly isRun: boolean; failed?: string };

class SentryProcessor implements TracingProcessor {
  readonly #sentry: SentryNamespace;
  readonly #settings: Settings;
  readonly #traces = new KnownTraces();
  readonly #open = new Newest<Open>();

  constructor(sentry: SentryNamespace, settings: Settings) {
    this.#sentry = sentry;
    this.#settings = settings;
  }

  async onTraceStart(trace: Trace): Promise<void> {
    this.#traces.add(trace);
  }
  async onTraceEnd(): Promise<void> {}

  async onSpanStart(span: Span): Promise<void> {
    const above = this.#open.get(span.parentId);
    if (span.spanData.type === 'turn') {
      // What is under it hangs from its agent.
      if (above) this.#open.set(span.spanId, above);
      return;
    }
    const { name, attributes } = toOtlpSpan(span, this.#traces.get(span.traceId), {
      ...this.#settings,
      // It is sent once, at the end.
      includeContent: false,
    });
    const startTime = unlessNow(span.startedAt);
    const ids = { 'baton.trace.id': span.traceId, 'baton.span.id': span.spanId };
    const theirs = this.#under(span, above, {
      name,
      op: sentryOp(span.spanData),
      // Sentry's name for who made a span: by hand, on behalf of a library.
      attributes: { ...attributes, ...ids, 'sentry.origin': 'manual.ai.baton' },
      ...(startTime !== undefined && { startTime }),
    });
    this.#open.set(span.spanId, { theirs, isRun: span.spanData.type === 'task' });
  }

  async onSpanEnd(span: Span): Promise<void> {
    const open = this.#open.take(span.spanId);
    if (!open || span.spanData.type === 'turn') return;
    const { theirs } = open;
    if (theirs.isRecording()) {
      const told = toOtlpSpan(span, this.#traces.get(span.traceId), this.#settings);
      theirs.updateName(told.name);
      theirs.setAttributes(told.attributes);
      // 2 is an error; the words are those of a list that Sentry knows, the message is in the event.
      if (span.error) theirs.setStatus({ code: 2, message: 'internal_error' });
    }
    const above = this.#open.get(span.parentId);
    if (span.error && this.#isEvent(span, above)) {
      const event = this.#eventOf(span, open);
      this.#sentry.withActiveSpan(theirs, () => this.#sentry.captureEvent(event));
    }
    if (span.error && span.spanData.type === 'agent' && above) above.failed = span.spanData.name;
    theirs.end(unlessNow(span.endedAt));
  }

  inSpan<T>(span: Span, work: () => T): T {
    const open = this.#open.get(span.spanId);
    return open ? this.#sentry.withActiveSpan(open.theirs, work) : work();
  }

  async forceFlush(): Promise<void> {
    await this.#sentry.flush(10_000);
  }
  /** Sentry is the application's to close. */
  async shutdown(timeout = 10_000): Promise<void> {
    await this.#sentry.flush(timeout);
  }

  #under(span: Span, above: Open | undefined, options: StartOptions): Theirs {
    const sentry = this.#sentry;
    if (above) {
      const child: StartOptions = { ...options, parentSpan: above.theirs };
      return sentry.startInactiveSpan(child);
    }
    if (sentry.getActiveSpan()) return sentry.startInactiveSpan(options);
    const remote = parentOf(this.#traces.get(span.traceId)?.metadata ?? span.traceMetadata, span.traceId);
    if (!remote) return sentry.startInactiveSpan(options);
    const sentryTrace = `${remote.traceId}-${remote.spanId}-${remote.sampled ? '1' : '0'}`;
    return sentry.continueTrace({ sentryTrace, baggage: undefined }, () => sentry.startInactiveSpan(options));
  }

  #isEvent({ spanData: data, details }: Span, above: Open | undefined): boolean {
    const { errors } = this.#settings;
    if (errors === 'none') return false;
    switch (data.type) {
      case 'task':
        return details?.outcome === 'failed';
      case 'agent':
        // Where runs have no task, the agent's span is what tells of them.
        return above?.isRun !== true;
      case 'function':
        return errors === 'all' && details?.toolOutcome === 'error';
      case 'guardrail':
      case 'custom':
      case 'mcp_tools':
      case 'transcription':
      case 'speech':
      case 'speech_group':
        return errors === 'all';
      case 'turn':
      case 'generation':
      case 'response':
      case 'handoff':
        // Retried, or what the run failed on.
        return false;
    }
  }

  #eventOf(span: Span, { failed }: Open): SentryEvent {
    const { redact, includeErrorMessages } = this.#settings;
    const type = errorType(span);
    const { message = '', data } = span.error ?? {};
    const said = data?.['error'];
    const told = includeErrorMessages && typeof said === 'string' ? said.replace(`${type}: `, '') : message;
    const { runId, segmentId, effectId, agent = failed } = span.details ?? {};
    const text = (value: string): string => textWithin(String(redact(value)), MAX_MESSAGE);
    const facts = { trace_id: span.traceId, span_id: span.spanId, runId, segmentId, effectId, agent };
    const given = Object.entries(facts).flatMap(([key, value]) => (value === undefined ? [] : [[key, text(value)]]));
    return {
      level: 'error',
      exception: {
        values: [
          {
            type: type === '_OTHER' ? 'Error' : text(type),
            value: text(told),
            // The application gets the error too, and may handle it.
            mechanism: { type: 'baton', handled: true },
          },
        ],
      },
      tags: { 'baton.span.type': span.spanData.type, ...(agent !== undefined && { 'baton.agent': text(agent) }) },
      contexts: { baton: Object.fromEntries(given) as Record<string, string> },
    };
  }
}
