/** Metrics in the trace store's file: shared by processes, kept over restarts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openFile } from '../../../store/sqlite/files.ts';
import { resolvedPath } from '../../../store/sqlite/path.ts';
import { TraceStoreError, traceStoreError } from '../../store/errors.ts';
import { prepareFile, traceStorePath } from '../../store/location.ts';
import type { AlertKeeper, AlertStates } from '../alerts/alerts.ts';
import { addTo, type Distribution, newDistribution } from '../buckets.ts';
import type { RunObservation } from '../observation.ts';
import { type Family, textOf } from '../prometheus-text.ts';
import { noOperations, type Operation, OPERATIONS, type OperationSums } from '../operations.ts';
import { noSums, type RunSums, type WindowSums } from '../rollup.ts';
import type { Pruned } from './prune.ts';
import { ACTIVE_SECONDS, HISTOGRAMS, type MetricsCommand, ZERO_BUCKET } from './tables.ts';

export type MetricsStoreOptions = {
  /** The file, or `:memory:`. @default `.baton/traces.db`, or in BATON_TRACE_STORE */
  readonly path?: string;
  /** Whose runs. @default 'default' */
  readonly tenant?: string;
  /** From how much active time on a run is slow, in milliseconds. @default 30_000 */
  readonly slowMs?: number;
};

/** What happened beside runs, at a time; a run that waits for people, since when; one that goes on. */
export type MetricsFact =
  | { readonly do: 'operations'; readonly at: number; readonly sums: Partial<OperationSums> }
  | { readonly do: 'waits'; readonly runId: string; readonly asks: number; readonly since: number }
  | { readonly do: 'goes-on'; readonly runId: string };

/** Metrics in a file. What fails rejects with a `TraceStoreError`. */
export type MetricsStore = {
  /** Adds an end of a run; false where it was there already. */
  add(run: RunObservation): Promise<boolean>;
  /** Notes what is of no run's end. */
  note(fact: MetricsFact): Promise<void>;
  /** What the runs that ended in a window come to: minutes for two days back, hours for 90 days. */
  window(from: number, to: number): Promise<WindowSums>;
  /** Seconds in which the runs of a window were active, alone. */
  activeSeconds(from: number, to: number): Promise<Distribution>;
  /** Totals of all time in Prometheus' text format: retention never lowers them. */
  text(): Promise<string>;
  /** Keeps the states of alerts, and the lease of who looks. */
  readonly keeper: AlertKeeper;
  /** Deletes minutes after 2 days, ends of runs after 30, hours after 90; says how many rows. Totals stay. */
  prune(now?: number): Promise<number>;
  close(): Promise<void>;
};

const TIMEOUT_MS = 30_000;
const CHUNK_PAUSE_MS = 20;
type Row = Readonly<Record<string, unknown>>;
type Asked = MetricsCommand extends infer C ? (C extends MetricsCommand ? Omit<C, 'tenant'> : never) : never;

/**
 * Opens the metrics in a SQLite file, which is made where it is not there.
 *
 * @throws UserError where the file is open in this process in another way; TraceStoreError `trace-store/cannot-open` where
 *   it cannot be made
 */
export function openMetricsStore(options: MetricsStoreOptions = {}): MetricsStore {
  const { path = traceStorePath(), tenant = 'default', slowMs = 30_000 } = options;
  if (path !== ':memory:') prepare(path);
  const file = openFile(path === ':memory:' ? path : resolvedPath(path), { synchronous: 'normal' });
  const ask = async (...commands: Asked[]): Promise<unknown[]> => {
    const tasks = commands.map((command) => ({ component: 'metrics', command: { tenant, ...command } }));
    const outcome = await file.request(tasks, TIMEOUT_MS);
    if ('failure' in outcome) throw traceStoreError(outcome.failure);
    return [...outcome.answers];
  };
  return {
    add: async (run) => (await ask({ do: 'add', run, slowMs }))[0] === 1,
    note: async (fact) => void (await ask(fact)),
    async window(from, to) {
      const window = { from, to };
      const asked = (['sums', 'buckets', 'histograms', 'sessions'] as const).map((what) => ({ do: what, ...window }));
      const [sums, buckets, histograms, sessions] = (await ask(...asked)) as [Row[], Row[], Row[], Row[]];
      return windowOf(window, { sums, buckets, histograms, sessions });
    },
    activeSeconds: async (from, to) => distributionOf((await ask({ do: 'buckets', from, to }))[0] as Row[], 0),
    async text() {
      const [totals] = await ask({ do: 'totals' });
      const [sums, buckets, histograms, asks] = totals as [Row[], Row[], Row[], number];
      return totalsText({ sums, buckets, histograms, asks });
    },
    keeper: {
      async claim(owner, { now, until }) {
        const [states] = await ask({ do: 'claim', owner, now, until });
        return typeof states === 'string' ? (JSON.parse(states) as AlertStates) : undefined;
      },
      save: async (owner, states) => (await ask({ do: 'save', owner, states: JSON.stringify(states) }))[0] === 1,
    },
    async prune(now = Date.now()) {
      let deleted = 0;
      for (let more = true; more;) {
        const pruned = (await ask({ do: 'prune', now }))[0] as Pruned;
        deleted += pruned.deleted;
        ({ more } = pruned);
        // Between two chunks other writers have their turn.
        if (more) await sleep(CHUNK_PAUSE_MS);
      }
      return deleted;
    },
    close: () => file.release(),
  };
}

function prepare(path: string): void {
  try {
    prepareFile(path);
  } catch (error) {
    throw new TraceStoreError('trace-store/cannot-open', `${path} cannot be made: ${String(error)}`, error);
  }
}

type Rows = { readonly sums: Row[]; readonly buckets: Row[]; readonly histograms: Row[]; readonly sessions: Row[] };

function windowOf(
  { from, to }: { from: number; to: number },
  { sums, buckets, histograms, sessions }: Rows,
): WindowSums {
  const turns = sessions.map((row) => Number(row['turns'])).toSorted((a, b) => a - b);
  return {
    from,
    to,
    sums: sumsOfRows(sums),
    activeSeconds: distributionOf(buckets, valueOf(sums, ACTIVE_SECONDS)),
    ...histogramsOf(histograms, sums),
    operations: operationsOfRows(sums),
    sessions: sessions.length,
    sessionsTripped: sessions.filter((row) => Number(row['tripped']) > 0).length,
    turnsMean: turns.length === 0 ? undefined : turns.reduce((sum, each) => sum + each, 0) / turns.length,
    turnsP95: turns[Math.ceil(0.95 * turns.length) - 1],
  };
}

const valueOf = (rows: readonly Row[], name: string): number =>
  Number(rows.find((row) => row['name'] === name)?.['value'] ?? 0);

function sumsOfRows(rows: readonly Row[]): RunSums {
  const sums = noSums();
  for (const key of Object.keys(sums) as (keyof RunSums)[]) sums[key] = valueOf(rows, key);
  return sums;
}

function operationsOfRows(rows: readonly Row[]): OperationSums {
  const sums = noOperations();
  for (const key of Object.keys(sums) as Operation[]) sums[key] = valueOf(rows, key);
  return sums;
}

function histogramsOf(rows: readonly Row[], sums: readonly Row[]): Pick<WindowSums, (typeof HISTOGRAMS)[number]> {
  const [modelSeconds, firstTokenSeconds] = HISTOGRAMS.map((name) =>
    distributionOf(
      rows.filter((row) => row['name'] === name),
      valueOf(sums, name),
    ),
  );
  return {
    modelSeconds: modelSeconds ?? newDistribution(),
    firstTokenSeconds: firstTokenSeconds ?? newDistribution(),
  };
}

function distributionOf(rows: readonly Row[], sum: number): Distribution {
  const distribution = newDistribution();
  distribution.sum = sum;
  for (const row of rows) {
    const [bucket, count] = [Number(row['bucket']), Number(row['count'])];
    distribution.count += count;
    if (bucket === ZERO_BUCKET) distribution.zeros += count;
    else addTo(distribution.buckets, bucket, count);
  }
  return distribution;
}

type Totals = Omit<Rows, 'sessions'> & { readonly asks: number };

function totalsText({ sums, buckets, histograms, asks }: Totals): string {
  const counters = Object.entries(sumsOfRows(sums)).map(([key, value]): Family => {
    const isMoney = key === 'nanoUsd';
    const name = isMoney ? 'cost_usd' : key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const samples = [{ labels: {}, value: isMoney ? value / 1e9 : value }];
    return { type: 'counter', name: `baton_store_${name}_total`, help: `Of all runs in the store: ${name}.`, samples };
  });
  const done = operationsOfRows(sums);
  const operations = OPERATIONS.map(([key, name, help]): Family => {
    return { type: 'counter', name: `baton_store_${name}`, help, samples: [{ labels: {}, value: done[key] }] };
  });
  const histogram = (name: string, help: string, value: Distribution): Family => {
    return { type: 'histogram', name: `baton_store_${name}`, help, samples: [{ labels: {}, value }] };
  };
  const { modelSeconds, firstTokenSeconds } = histogramsOf(histograms, sums);
  const active = distributionOf(buckets, valueOf(sums, ACTIVE_SECONDS));
  return textOf([
    ...counters,
    ...operations,
    {
      type: 'gauge',
      name: 'baton_store_approvals_waiting',
      help: 'Questions to people of runs that paused and did not go on.',
      samples: [{ labels: {}, value: asks }],
    },
    histogram('run_active_seconds', 'Time to completion of all runs in the store.', active),
    histogram('model_call_seconds', 'Model calls of all runs in the store, with retries.', modelSeconds),
    histogram('time_to_first_token_seconds', 'Their streamed calls: until the first content.', firstTokenSeconds),
  ]);
}
