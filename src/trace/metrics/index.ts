/** Metrics of runs: counted from their events, told to Prometheus, watched by alerts. */
export * from './alerts/index.ts';
export type { PriceOfCall } from './billing.ts';
export { toExponentialHistogram } from './buckets.ts';
export type { Distribution, ExponentialHistogram } from './buckets.ts';
export { enableMetrics, metricsText } from './enable.ts';
export type { Metrics, MetricsOptions } from './enable.ts';
export { observationOf, observationsOf } from './observation.ts';
export type { ObservationOptions, RunObservation, RunStatus } from './observation.ts';
export type { OperationSums } from './operations.ts';
export { PROMETHEUS_CONTENT_TYPE } from './prometheus-text.ts';
export type { MetricsSource, RunSums, WindowSums } from './rollup.ts';
export { openMetricsStore } from './store/open.ts';
export type { MetricsFact, MetricsStore, MetricsStoreOptions } from './store/open.ts';
