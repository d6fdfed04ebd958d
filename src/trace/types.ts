/**
 * What a trace is made of, and the ports that receive it. Types only.
 *
 * Names and members are those of `@openai/agents`, but for `Span.details`, which is ours: facts that the published
 * span data has no place for. They never enter `spanData` or `toJSON()`, so that exporters written for the published
 * package send what they always sent.
 *
 * T1: a processor gets a span twice, when it starts and when it ends; what is in it may grow between the two.
 * T2: times are ISO 8601 in UTC with milliseconds. Ids: `trace_` and 32 hex digits, `span_` and 24.
 */
import type { Attempt, ToolOutcome } from '../kernel/index.ts';
import type { Origin, UsageData } from '../protocol/model.ts';

// What a span says. Not readonly: a span that is open is filled in as things become known.

export type AgentSpanData = {
  type: 'agent';
  name: string;
  /** Names of the agents that it can hand over to. */
  handoffs?: string[];
  tools?: string[];
  /** `text`, or the name of the structured output's schema. */
  output_type?: string;
};

export type TurnUsageData = {
  input_tokens: number;
  output_tokens: number;
  cached_input_tokens: number;
  cache_write_input_tokens: number;
};
export type TaskUsageData = TurnUsageData & { requests: number; total_tokens: number };

/** One run, or the part of it from a start or resume to a pause or the end. */
export type TaskSpanData = { type: 'task'; name: string; usage?: TaskUsageData };
export type TurnSpanData = { type: 'turn'; turn: number; agent_name: string; usage?: TurnUsageData };

/** `input` and `output` are empty where content is off. */
export type FunctionSpanData = { type: 'function'; name: string; input: string; output: string; mcp_data?: string };

export type GenerationUsageData = {
  input_tokens?: number;
  output_tokens?: number;
  details?: Record<string, unknown> | null;
  [key: string]: unknown;
};
/** A model call. */
export type GenerationSpanData = {
  type: 'generation';
  input?: Record<string, unknown>[];
  output?: Record<string, unknown>[];
  model?: string;
  model_config?: Record<string, unknown>;
  usage?: GenerationUsageData;
};
/** A model call by OpenAI's Responses API. What begins with `_` is not in `toJSON()`. */
export type ResponseSpanData = {
  type: 'response';
  response_id?: string;
  _input?: string | Record<string, unknown>[];
  _response?: Record<string, unknown>;
};

export type HandoffSpanData = { type: 'handoff'; from_agent?: string; to_agent?: string };
export type CustomSpanData = { type: 'custom'; name: string; data: Record<string, unknown> };
export type GuardrailSpanData = { type: 'guardrail'; name: string; triggered: boolean };

type AudioData = { data: string; format: 'pcm' | (string & {}) };
export type TranscriptionSpanData = {
  type: 'transcription';
  input: AudioData;
  output?: string;
  model?: string;
  model_config?: Record<string, unknown>;
};
export type SpeechSpanData = {
  type: 'speech';
  input?: string;
  output: AudioData;
  model?: string;
  model_config?: Record<string, unknown>;
};
export type SpeechGroupSpanData = { type: 'speech_group'; input?: string };
export type MCPListToolsSpanData = { type: 'mcp_tools'; server?: string; result?: string[] };

export type SpanData =
  | AgentSpanData
  | TaskSpanData
  | TurnSpanData
  | FunctionSpanData
  | GenerationSpanData
  | ResponseSpanData
  | HandoffSpanData
  | CustomSpanData
  | GuardrailSpanData
  | TranscriptionSpanData
  | SpeechSpanData
  | SpeechGroupSpanData
  | MCPListToolsSpanData;

export type SpanError = { message: string; data?: Record<string, unknown> };

// Additions

/** How a piece of a run ended. `interrupted`: its process was lost; `paused`: it waits for a person. */
export type SpanOutcome = 'finished' | 'failed' | 'cancelled' | 'paused' | 'interrupted';

/** A read or write of a session, in the order in which they began. */
export type SessionOperation = {
  readonly operation: 'load' | 'save' | 'compact';
  /** Milliseconds since the epoch, and how long it took. */
  readonly at: number;
  readonly ms: number;
  /** How much of it was waiting for the run's turn on the session. */
  readonly queuedMs?: number;
  readonly error?: string;
};

/** A span of an earlier segment of the same run, which this one goes on from. */
export type SpanLink = { readonly traceId: string; readonly spanId: string };

/** Facts beside the span data. All are optional: a span that user code made has none. */
export type SpanDetails = {
  /** The run that the span is of; a sub-agent's run has an id of its own. On every span of a run. */
  readonly runId?: string;
  /** The segment of the run: from a start or resume to a pause, a crash or the end. On every span of a run. */
  readonly segmentId?: string;
  /** The effect that the span is of, relative to the run: `m2/c0`. On model calls, tools, handoffs and guardrails. */
  readonly effectId?: string;
  /** Name of the agent that was active. On every span of a run but its task. */
  readonly agent?: string;
  /** On task spans and what a crash cut off; without task spans, on the last agent of a segment. */
  readonly outcome?: SpanOutcome;
  /** On the last agent of a segment without a task: when the segment began. Milliseconds since the epoch. */
  readonly segmentAt?: number;
  /** On the task of a segment that goes on from an earlier one. */
  readonly links?: readonly SpanLink[];

  // Model calls
  readonly origin?: Origin;
  readonly usage?: UsageData;
  readonly responseId?: string;
  readonly requestId?: string;
  /** Until the first piece of content, of a streamed call. Milliseconds. */
  readonly firstTokenMs?: number;
  /** Where there was more than one, or where a router tells of its targets: retries, fallbacks, waits. */
  readonly attempts?: readonly Attempt[];
  /** How long the call waited for a free place at its targets: limits, endpoints that rest. Milliseconds. */
  readonly queuedMs?: number;
  /** Of the call; on tasks, the sum of what is known. Integers of 10^-9 US dollars. Absent: not known. */
  readonly nanoUsd?: number;
  /** Instructions as they were sent. Content: only where it is allowed, and only while the run is live. */
  readonly instructions?: string;

  // Tools
  /** The id that the model gave to the call. */
  readonly callId?: string;
  /** `agent`: a sub-agent runs under it. */
  readonly toolKind?: 'function' | 'agent';
  readonly toolOutcome?: ToolOutcome;
  /** How long the call waited for a person. Milliseconds. */
  readonly approvalWaitMs?: number;

  // Guardrails
  readonly point?: 'input' | 'output';

  /** On task spans. */
  readonly sessionOperations?: readonly SessionOperation[];
};

// Traces and spans as processors get them

export type Trace = {
  readonly type: 'trace';
  readonly traceId: string;
  /** Name of the workflow. */
  readonly name: string;
  /** Ties traces together, such as those of one conversation. */
  readonly groupId: string | null;
  readonly metadata?: Record<string, unknown> | undefined;
  /** A key for the trace's own exporter. Never in `toJSON()` unless asked for. */
  readonly tracingApiKey?: string | undefined;
  /** `{ object: 'trace', id, workflow_name, group_id, metadata }`; null for a trace that is off. */
  toJSON(options?: { includeTracingApiKey?: boolean }): object | null;
};

export type Span<TData extends SpanData = SpanData> = {
  readonly type: 'trace.span';
  readonly traceId: string;
  readonly spanId: string;
  /** Null right under the trace. */
  readonly parentId: string | null;
  readonly spanData: TData;
  /** Metadata of the span's trace. */
  readonly traceMetadata: Record<string, unknown> | undefined;
  /** Null before `start()`. */
  readonly startedAt: string | null;
  /** Null before `end()`. */
  readonly endedAt: string | null;
  readonly error: SpanError | null;
  readonly tracingApiKey: string | undefined;
  /** Ours; absent on spans that user code made. */
  readonly details?: SpanDetails | undefined;
  /** `{ object: 'trace.span', id, trace_id, parent_id, started_at, ended_at, span_data, error }`; null where it is off. */
  toJSON(): object | null;
};

/** Gets traces and spans as they start and end. Must not throw; what it returns is not waited for. */
export interface TracingProcessor {
  /** Called once, when the export loop starts. */
  start?(): void;
  onTraceStart(trace: Trace): Promise<void>;
  onTraceEnd(trace: Trace): Promise<void>;
  onSpanStart(span: Span): Promise<void>;
  onSpanEnd(span: Span): Promise<void>;
  /**
   * Ours. Does `work`, and returns what it returns, where `span` is the current one for others too: an APM's, or an
   * application's OpenTelemetry. Called around tools, model calls and the functions of `with…Span`. Must call `work`
   * once, at once.
   */
  inSpan?<T>(span: Span, work: () => T): T;
  /** Sends what is left and lets go of everything. `timeout` in milliseconds. */
  shutdown(timeout?: number): Promise<void>;
  /** Sends what is queued, and waits for it. */
  forceFlush(): Promise<void>;
}

/** Sends traces and spans somewhere. A trace comes when it starts, a span when it ended. */
export interface TracingExporter {
  export(items: (Trace | Span)[], signal?: AbortSignal): Promise<void>;
}

// Options

export type TraceOptions = {
  /** `trace_` and 32 hex digits. @default a random one */
  traceId?: string;
  /** @default 'Agent workflow' */
  name?: string;
  groupId?: string;
  metadata?: Record<string, unknown>;
  /** Whether the trace is started already: elsewhere, or before. @default false */
  started?: boolean;
  tracingApiKey?: string;
};

export type SpanOptions<TData extends SpanData> = {
  traceId: string;
  /** `span_` and 24 hex digits. @default a random one */
  spanId?: string;
  parentId?: string;
  data: TData;
  traceMetadata?: Record<string, unknown>;
  startedAt?: string;
  endedAt?: string;
  error?: SpanError;
  tracingApiKey?: string;
};

/** Per run: `RunConfig.tracing`. */
export type TracingConfig = {
  /** For the exporter of this run's trace, in place of its own. */
  apiKey?: string;
  /** Whether there are task and turn spans; without them, agents hang from the trace. @default true */
  includeTaskAndTurnSpans?: boolean;
};

export type TracingIdGenerator = Readonly<{ generateTraceId: () => string; generateSpanId: () => string }>;
