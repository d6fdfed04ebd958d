/**
 * What happens beside runs and is in no run's log, on Node's diagnostics channels: for metrics, and for whoever watches
 * a process. Who tells need not know who listens; while nobody does, nothing is made.
 */
import { channel } from 'node:diagnostics_channel';

/** The channels, and what is told on each. Ids and words of closed lists: nothing that was said. */
export type Signals = {
  /** A worker took a run from another that showed no sign of life any more. */
  readonly 'baton:takeover': { readonly runId: string; readonly from: string; readonly to: string };
  /** An endpoint is not asked for a while. */
  readonly 'baton:cooldown': { readonly because: 'cooldown' | 'breaker' | 'quota' | 'config'; readonly forMs: number };
  /** A budget did not allow a call (`effect`: whose), or its run to go on. */
  readonly 'baton:budget-refusal': { readonly because: string; readonly effect?: string };
  /** Spans, and traces, that were to be kept or sent and were not. */
  readonly 'baton:telemetry-dropped': { readonly count: number; readonly by: 'store' | 'batch' | 'otlp' };
};
export type SignalName = keyof Signals;

const CHANNELS = {
  'baton:takeover': /* @__PURE__ */ channel('baton:takeover'),
  'baton:cooldown': /* @__PURE__ */ channel('baton:cooldown'),
  'baton:budget-refusal': /* @__PURE__ */ channel('baton:budget-refusal'),
  'baton:telemetry-dropped': /* @__PURE__ */ channel('baton:telemetry-dropped'),
};

/** @param message made only where somebody listens */
export function signal<K extends SignalName>(name: K, message: () => Signals[K]): void {
  const target = CHANNELS[name];
  if (target.hasSubscribers) target.publish(message());
}

/** Gives what ends it. */
export function onSignal<K extends SignalName>(name: K, hear: (message: Signals[K]) => void): () => void {
  // Whoever publishes here is `signal`.
  const listener = (message: unknown): void => hear(message as Signals[K]);
  CHANNELS[name].subscribe(listener);
  return () => {
    CHANNELS[name].unsubscribe(listener);
  };
}
