/**
 * Metrics of a process: switched on, read, switched off.
 */
import { UserError } from '../../protocol/errors.ts';
import { systemClock } from '../hourly.ts';
import { isOffByEnvironment, runMeter, setRunMeter } from '../listening.ts';
import type { RunMeter } from '../run-tracer.ts';
import { type Alerts, type AlertsOptions, startAlerts } from './alerts/alerts.ts';
import { DEFAULT_ALERT_RULES } from './alerts/rules.ts';
import type { PriceOfCall } from './billing.ts';
import { Keeping } from './keeping.ts';
import { meterFor, type MeterSink } from './meter.ts';
import type { RunObservation } from './observation.ts';
import { watchOperations } from './operations.ts';
import { ProcessMetrics } from './process-metrics.ts';
import { MemoryRollups, type MetricsSource } from './rollup.ts';
import type { MetricsStore } from './store/open.ts';

export type MetricsOptions = {
  /** The price of a model call whose log has none, in integers of 10^-9 US dollars. Without a router, none has. */
  readonly price?: PriceOfCall;
  /** From how much active time on a run is slow, in milliseconds. @default 30_000 */
  readonly slowMs?: number;
  /** How many names of agents become labels; the others are `_other`. @default 100 */
  readonly maxAgents?: number;
  /**
   * Keeps the runs of all processes, and the states of alerts. Old rows are deleted when it is first written to and
   * every hour. What fails is warned of.
   */
  readonly store?: MetricsStore;
  /** Gets each observation, once, after the run's end was committed. What it throws is warned of. */
  readonly onRun?: (run: RunObservation) => void;
  /**
   * Alerts on these metrics: `false` for none. @default the five rules, looked at every minute, with a warning on the
   * console; none where OPENAI_AGENTS_DISABLE_TRACING is set or NODE_ENV is `test`
   */
  readonly alerts?: Omit<AlertsOptions, 'source' | 'now'> | false;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
};

/** The metrics of this process. */
export type Metrics = MetricsSource & {
  /** All of it in Prometheus' text format, to be sent as `PROMETHEUS_CONTENT_TYPE`. */
  text(): string;
  /** Undefined where there are none. */
  readonly alerts: Alerts | undefined;
  /** Counts no run any more that begins from now on. */
  close(): void;
};

type Enabled = { readonly metrics: Metrics; readonly meter: RunMeter };
/** One for the process, as the runs of a process are counted at once. */
const slot: { enabled: Enabled | undefined } = { enabled: undefined };

/**
 * Counts the runs of this process that begin from now on, whether they are traced or not. Numbers and names of agents
 * only: nothing that was said. Calling it again begins anew, at zero.
 *
 * @example
 * enableMetrics();
 * await run(agent, 'Hi');
 * response.setHeader('content-type', PROMETHEUS_CONTENT_TYPE).end(metricsText());
 */
export function enableMetrics(options: MetricsOptions = {}): Metrics {
  const { price, slowMs = 30_000, maxAgents = 100, onRun, store, now = Date.now } = options;
  const counted = new ProcessMetrics({ maxAgents, slowMs, instanceId: crypto.randomUUID(), startedAt: now() });
  const rollups = new MemoryRollups({ slowMs });
  const kept = store && new Keeping(store, { ...systemClock, now });
  const meter = meterFor({ ...(price && { price }), sink: sinkOf({ counted, rollups, kept, onRun }) });
  const endWatching = watchOperations((operation, amount) => {
    counted.operated(operation, amount);
    rollups.operated(operation, { amount, at: now() });
    kept?.operated(operation, amount);
  });
  const source: MetricsSource = {
    window: (from, to) => (store ?? rollups).window(from, to),
    activeBeyond: (ms, at) => rollups.activeBeyond(ms, at),
  };
  const watched = options.alerts ?? (isOffByEnvironment() ? false : {});
  const rules = DEFAULT_ALERT_RULES.map((rule) => (rule.metric === 'slow-runs' ? { ...rule, slowMs } : rule));
  const alerts =
    watched === false
      ? undefined
      : startAlerts({ rules, ...(store && { keeper: store.keeper }), ...watched, source, now });
  slot.enabled?.metrics.close();
  const metrics: Metrics = {
    ...source,
    alerts,
    text: () => counted.text({ active: rollups.active, activeSlow: rollups.activeBeyond(slowMs, now()) }),
    close() {
      alerts?.stop();
      endWatching();
      kept?.close();
      if (runMeter() !== meter) return;
      setRunMeter(undefined);
      slot.enabled = undefined;
    },
  };
  setRunMeter(meter);
  slot.enabled = { metrics, meter };
  return metrics;
}

type Counting = {
  readonly counted: ProcessMetrics;
  readonly rollups: MemoryRollups;
  readonly kept: Keeping | undefined;
  readonly onRun: MetricsOptions['onRun'];
};

function sinkOf({ counted, rollups, kept, onRun }: Counting): MeterSink {
  const seen = new Set<string>();
  return {
    began({ runId, at, isFresh }) {
      rollups.began(runId, at);
      counted.began(runId);
      if (!isFresh) kept?.goesOn(runId);
    },
    paused({ runId, asks }) {
      counted.paused(runId, asks);
      kept?.waits(runId, asks);
    },
    rested: (runId) => rollups.rested(runId),
    ended(run) {
      // Two resumes of one stored state may both come to the same end.
      if (!isNew(seen, `${run.runId}#${run.seq}`)) return;
      counted.add(run);
      rollups.add(run);
      kept?.add(run);
      onRun?.(run);
    },
  };
}

/**
 * The metrics of this process in Prometheus' text format.
 *
 * @throws UserError `metrics/off` where they are not enabled
 */
export function metricsText(): string {
  if (!slot.enabled) throw new MetricsOff('Metrics are off. Call enableMetrics() when the process starts.');
  return slot.enabled.metrics.text();
}

/** How many ends are known. */
const SEEN = 10_000;

function isNew(seen: Set<string>, end: string): boolean {
  if (seen.has(end)) return false;
  seen.add(end);
  for (const oldest of seen) {
    if (seen.size > SEEN) seen.delete(oldest);
    break;
  }
  return true;
}

class MetricsOff extends UserError {
  override readonly code = 'metrics/off';
}
