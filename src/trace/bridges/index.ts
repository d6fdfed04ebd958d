/** Traces into what an application has already: its OpenTelemetry, Sentry, Node's diagnostics channels. */
export { openTelemetryProcessor } from './opentelemetry.ts';
export type { OpenTelemetryApi, OpenTelemetryProcessorOptions, OpenTelemetryTracerProvider } from './opentelemetry.ts';
export { sentryProcessor } from './sentry.ts';
export type { SentryNamespace, SentryProcessorOptions } from './sentry.ts';
export { channelProcessor } from './channels.ts';
export type { ChannelMessage, ChannelProcessorOptions } from './channels.ts';
