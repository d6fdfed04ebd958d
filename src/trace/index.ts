/** Traces and spans: of runs, read off their events, and of user code. Processors and exporters get them. */
export { BatchTraceProcessor } from './batch.ts';
export type { BatchTraceProcessorOptions } from './batch.ts';
export {
  getCurrentSpan,
  getCurrentTrace,
  getCurrentTraceContext,
  resetCurrentSpan,
  setCurrentSpan,
  setTracingContextStorage,
  withTraceContext,
} from './context.ts';
export type { TraceContextSnapshot, TracingContextStorage } from './context.ts';
export {
  createAgentSpan,
  createCustomSpan,
  createFunctionSpan,
  createGenerationSpan,
  createGuardrailSpan,
  createHandoffSpan,
  createMCPListToolsSpan,
  createResponseSpan,
  createSpeechGroupSpan,
  createSpeechSpan,
  createTaskSpan,
  createTranscriptionSpan,
  createTurnSpan,
  withAgentSpan,
  withCustomSpan,
  withFunctionSpan,
  withGenerationSpan,
  withGuardrailSpan,
  withHandoffSpan,
  withMCPListToolsSpan,
  withResponseSpan,
  withSpeechGroupSpan,
  withSpeechSpan,
  withTaskSpan,
  withTranscriptionSpan,
  withTurnSpan,
} from './create-spans.ts';
export type { SpanArgs } from './create-spans.ts';
export { defaultTracingIdGenerator, generateGroupId, generateSpanId, generateTraceId } from './ids.ts';
export { ConsoleSpanExporter, MultiTracingProcessor } from './processor.ts';
export {
  addTraceProcessor,
  dispatchSpan,
  dispatchSpanEnd,
  dispatchSpanStart,
  dispatchTrace,
  getGlobalTraceProvider,
  setTraceProcessors,
  setTracingDisabled,
  setTracingIdGenerator,
  startTraceExportLoop,
  TraceProvider,
} from './provider.ts';
export type { CreateSpanOptions, TraceProviderOptions } from './provider.ts';
export { NoopSpan, Span } from './span.ts';
export { NoopTrace, Trace } from './trace.ts';
export type {
  AgentSpanData,
  CustomSpanData,
  FunctionSpanData,
  GenerationSpanData,
  GenerationUsageData,
  GuardrailSpanData,
  HandoffSpanData,
  MCPListToolsSpanData,
  ResponseSpanData,
  SpanData,
  SpanError,
  SpanOptions,
  SpeechGroupSpanData,
  SpeechSpanData,
  TaskSpanData,
  TaskUsageData,
  TraceOptions,
  TracingConfig,
  TracingExporter,
  TracingIdGenerator,
  TracingProcessor,
  TranscriptionSpanData,
  TurnSpanData,
  TurnUsageData,
} from './types.ts';
export { getOrCreateTrace, withTrace } from './with-trace.ts';

// Own additions
export { MemoryTraceProcessor } from './memory.ts';
export type { MemoryTraceOptions } from './memory.ts';
export { setTracingProcessor } from './provider.ts';
export type { AgentFacts } from './run-tracer.ts';
export { spansOf } from './spans-of.ts';
export type { LoggedRun, SpansOfOptions } from './spans-of.ts';
export type { SessionOperation, SpanDetails, SpanLink, SpanOutcome } from './types.ts';
