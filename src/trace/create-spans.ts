/**
 * Spans that user code makes: `create…Span` gives one to start and end by hand, `with…Span` does both around a function.
 */
import { at, currentPlace } from './context.ts';
import { type CreateSpanOptions, getGlobalTraceProvider } from './provider.ts';
import { NoopSpan, type Span } from './span.ts';
import { DEFAULT_NAME, type Trace } from './trace.ts';
import type {
  AgentSpanData,
  CustomSpanData,
  FunctionSpanData,
  GenerationSpanData,
  GuardrailSpanData,
  HandoffSpanData,
  MCPListToolsSpanData,
  ResponseSpanData,
  SpanData,
  SpeechGroupSpanData,
  SpeechSpanData,
  TaskSpanData,
  TranscriptionSpanData,
  TurnSpanData,
} from './types.ts';

/**
 * Options of a span; of its data, what has no default must be given. Plain JavaScript may leave out even these, as with
 * the published package: hence `options?.data` below. The span then has no name.
 */
export type SpanArgs<TData extends SpanData, TNeeded extends keyof TData = never> = Partial<
  Omit<CreateSpanOptions<TData>, 'data'>
> &
  ([TNeeded] extends [never] ? { data?: Partial<TData> } : { data: Partial<TData> & Pick<TData, TNeeded> });

function make<TData extends SpanData>(
  data: TData,
  options: Partial<Omit<CreateSpanOptions<TData>, 'data'>>,
  parent: Span | Trace | undefined,
): Span<TData> {
  return getGlobalTraceProvider().createSpan<TData>({ ...options, data }, parent);
}

/** Runs `fn` with the span as the current one, and ends it; what `fn` throws is the span's error and is thrown on. */
async function around<TData extends SpanData, T>(span: Span<TData>, fn: (span: Span<TData>) => Promise<T>): Promise<T> {
  const place = currentPlace();
  if (!place || span instanceof NoopSpan) return fn(span);
  span.start();
  try {
    return await at({ trace: place.trace, span }, () => getGlobalTraceProvider().inSpan(span, () => fn(span)));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    span.setError({ message });
    throw error;
  } finally {
    span.end();
  }
}

/** A model call by OpenAI's Responses API. To be started and ended by you; under `parent`, else under what is current. */
export function createResponseSpan(
  options: SpanArgs<ResponseSpanData> = {},
  parent?: Span | Trace,
): Span<ResponseSpanData> {
  return make<ResponseSpanData>({ ...options.data, type: 'response' }, options, parent);
}

/** Runs `fn` in a response span. */
export function withResponseSpan<T>(
  fn: (span: Span<ResponseSpanData>) => Promise<T>,
  options?: SpanArgs<ResponseSpanData>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createResponseSpan(options, parent), fn);
}

/** The work of an agent. To be started and ended by you; under `parent`, else under what is current. */
export function createAgentSpan(options: SpanArgs<AgentSpanData> = {}, parent?: Span | Trace): Span<AgentSpanData> {
  return make<AgentSpanData>({ name: 'Agent', ...options.data, type: 'agent' }, options, parent);
}

/** Runs `fn` in a agent span. */
export function withAgentSpan<T>(
  fn: (span: Span<AgentSpanData>) => Promise<T>,
  options?: SpanArgs<AgentSpanData>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createAgentSpan(options, parent), fn);
}

/** One run. To be started and ended by you; under `parent`, else under what is current. */
export function createTaskSpan(options: SpanArgs<TaskSpanData> = {}, parent?: Span | Trace): Span<TaskSpanData> {
  return make<TaskSpanData>({ name: DEFAULT_NAME, ...options.data, type: 'task' }, options, parent);
}

/** Runs `fn` in a task span. */
export function withTaskSpan<T>(
  fn: (span: Span<TaskSpanData>) => Promise<T>,
  options?: SpanArgs<TaskSpanData>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createTaskSpan(options, parent), fn);
}

/** One model call of an agent and what follows from it. To be started and ended by you; under `parent`, else under what is current. */
export function createTurnSpan(
  options: SpanArgs<TurnSpanData, 'turn' | 'agent_name'>,
  parent?: Span | Trace,
): Span<TurnSpanData> {
  return make<TurnSpanData>({ ...options?.data, type: 'turn' }, options, parent);
}

/** Runs `fn` in a turn span. */
export function withTurnSpan<T>(
  fn: (span: Span<TurnSpanData>) => Promise<T>,
  options: SpanArgs<TurnSpanData, 'turn' | 'agent_name'>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createTurnSpan(options, parent), fn);
}

/** A call of a tool. To be started and ended by you; under `parent`, else under what is current. */
export function createFunctionSpan(
  options: SpanArgs<FunctionSpanData, 'name'>,
  parent?: Span | Trace,
): Span<FunctionSpanData> {
  return make<FunctionSpanData>({ input: '', output: '', ...options?.data, type: 'function' }, options, parent);
}

/** Runs `fn` in a function span. */
export function withFunctionSpan<T>(
  fn: (span: Span<FunctionSpanData>) => Promise<T>,
  options: SpanArgs<FunctionSpanData, 'name'>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createFunctionSpan(options, parent), fn);
}

/** A handoff from one agent to another. To be started and ended by you; under `parent`, else under what is current. */
export function createHandoffSpan(
  options: SpanArgs<HandoffSpanData> = {},
  parent?: Span | Trace,
): Span<HandoffSpanData> {
  return make<HandoffSpanData>({ ...options.data, type: 'handoff' }, options, parent);
}

/** Runs `fn` in a handoff span. */
export function withHandoffSpan<T>(
  fn: (span: Span<HandoffSpanData>) => Promise<T>,
  options?: SpanArgs<HandoffSpanData>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createHandoffSpan(options, parent), fn);
}

/** A model call. To be started and ended by you; under `parent`, else under what is current. */
export function createGenerationSpan(
  options: SpanArgs<GenerationSpanData> = {},
  parent?: Span | Trace,
): Span<GenerationSpanData> {
  return make<GenerationSpanData>({ ...options.data, type: 'generation' }, options, parent);
}

/** Runs `fn` in a generation span. */
export function withGenerationSpan<T>(
  fn: (span: Span<GenerationSpanData>) => Promise<T>,
  options?: SpanArgs<GenerationSpanData>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createGenerationSpan(options, parent), fn);
}

/** Whatever your program does: a name and data. To be started and ended by you; under `parent`, else under what is current. */
export function createCustomSpan(
  options: SpanArgs<CustomSpanData, 'name'>,
  parent?: Span | Trace,
): Span<CustomSpanData> {
  return make<CustomSpanData>({ data: {}, ...options?.data, type: 'custom' }, options, parent);
}

/** Runs `fn` in a custom span. */
export function withCustomSpan<T>(
  fn: (span: Span<CustomSpanData>) => Promise<T>,
  options: SpanArgs<CustomSpanData, 'name'>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createCustomSpan(options, parent), fn);
}

/** A check of an input or output. To be started and ended by you; under `parent`, else under what is current. */
export function createGuardrailSpan(
  options: SpanArgs<GuardrailSpanData, 'name'>,
  parent?: Span | Trace,
): Span<GuardrailSpanData> {
  return make<GuardrailSpanData>({ triggered: false, ...options?.data, type: 'guardrail' }, options, parent);
}

/** Runs `fn` in a guardrail span. */
export function withGuardrailSpan<T>(
  fn: (span: Span<GuardrailSpanData>) => Promise<T>,
  options: SpanArgs<GuardrailSpanData, 'name'>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createGuardrailSpan(options, parent), fn);
}

/** Speech to text. To be started and ended by you; under `parent`, else under what is current. */
export function createTranscriptionSpan(
  options: SpanArgs<TranscriptionSpanData, 'input'>,
  parent?: Span | Trace,
): Span<TranscriptionSpanData> {
  return make<TranscriptionSpanData>({ ...options?.data, type: 'transcription' }, options, parent);
}

/** Runs `fn` in a transcription span. */
export function withTranscriptionSpan<T>(
  fn: (span: Span<TranscriptionSpanData>) => Promise<T>,
  options: SpanArgs<TranscriptionSpanData, 'input'>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createTranscriptionSpan(options, parent), fn);
}

/** Text to speech. To be started and ended by you; under `parent`, else under what is current. */
export function createSpeechSpan(
  options: SpanArgs<SpeechSpanData, 'output'>,
  parent?: Span | Trace,
): Span<SpeechSpanData> {
  return make<SpeechSpanData>({ ...options?.data, type: 'speech' }, options, parent);
}

/** Runs `fn` in a speech span. */
export function withSpeechSpan<T>(
  fn: (span: Span<SpeechSpanData>) => Promise<T>,
  options: SpanArgs<SpeechSpanData, 'output'>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createSpeechSpan(options, parent), fn);
}

/** Several pieces of speech. To be started and ended by you; under `parent`, else under what is current. */
export function createSpeechGroupSpan(
  options: SpanArgs<SpeechGroupSpanData> = {},
  parent?: Span | Trace,
): Span<SpeechGroupSpanData> {
  return make<SpeechGroupSpanData>({ ...options.data, type: 'speech_group' }, options, parent);
}

/** Runs `fn` in a speech group span. */
export function withSpeechGroupSpan<T>(
  fn: (span: Span<SpeechGroupSpanData>) => Promise<T>,
  options?: SpanArgs<SpeechGroupSpanData>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createSpeechGroupSpan(options, parent), fn);
}

/** Asking an MCP server for its tools. To be started and ended by you; under `parent`, else under what is current. */
export function createMCPListToolsSpan(
  options: SpanArgs<MCPListToolsSpanData> = {},
  parent?: Span | Trace,
): Span<MCPListToolsSpanData> {
  return make<MCPListToolsSpanData>({ ...options.data, type: 'mcp_tools' }, options, parent);
}

/** Runs `fn` in an MCP span. */
export function withMCPListToolsSpan<T>(
  fn: (span: Span<MCPListToolsSpanData>) => Promise<T>,
  options?: SpanArgs<MCPListToolsSpanData>,
  parent?: Span | Trace,
): Promise<T> {
  return around(createMCPListToolsSpan(options, parent), fn);
}
