/** Traces to other systems: OTLP, OpenAI's dashboard, W3C headers. */
export type { DropReason, ExportProblem, ExportStats } from './delivery.ts';
export { flushTraces } from './flush.ts';
export type { FlushTracesOptions } from './flush.ts';
export { OpenAITracingExporter, setDefaultOpenAITracingExporter, setTracingExportApiKey } from './openai-exporter.ts';
export type { OpenAITracingExporterOptions } from './openai-exporter.ts';
export { OTLPTraceExporter } from './otlp-exporter.ts';
export type { OTLPHeaders, OTLPTraceExporterOptions } from './otlp-exporter.ts';
export { traceFromHeaders, traceHeaders } from './trace-context.ts';
