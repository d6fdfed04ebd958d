/** Metrics in the trace store's file: shared by processes, kept over restarts. */
import { openFile } from '../../../store/sqlite/files.ts';
import { resolvedPath } from '../../../store/sqlite/path.ts';
import { traceStoreError } from '../../store/errors.ts';
import { prepareFile, traceStorePath } from '../../store/location.ts';
import type { AlertKeeper, AlertStates } from '../alerts/alerts.ts';
import { addTo, type Distribution, newDistribution } from '../buckets.ts';
import type { RunObservation } from '../observation.ts';
import { type Family, textOf } from '../prometheus-text.ts';
import { noSums, type RunSums, type WindowSums } from '../rollup.ts';
import { ACTIVE_SECONDS, type MetricsCommand, ZERO_BUCKET } from './tables.ts';

export type MetricsStoreOptions = {
  /** The file, or `:memory:`. @default `.baton/traces.db`, or in BATON_TRACE_STORE */
  readonly path?: string;
  /** Whose runs. @default 'default' */
  readonly tenant?: string;
  /** From how much active time on a run is slow, in milliseconds. @default 30_000 */
  readonly slowMs?: number;
};

/** Metrics in a file. What fails rejects with a `TraceStoreError`. */
export type MetricsStore = {
  /** Adds an end of a run; false where it was there already. */
  add(run: RunObservation): Promise<boolean>;
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
type Row = Readonly<Record<string, unknown>>;
type Asked = MetricsCommand extends infer C ? (C extends MetricsCommand ? Omit<C, 'tenant'> : never) : never;

/**
 * Opens the metrics in a SQLite file, which is made where it is not there.
 *
 * @throws UserError where the file is open in this process in another way
 */
export function openMetricsStore(options: MetricsStoreOptions = {}): MetricsStore {
  const { path = traceStorePath(), tenant = 'default', slowMs = 30_000 } = options;
  if (path !== ':memory:') prepareFile(path);
  const file = openFile(path === ':memory:' ? path : resolvedPath(path), { synchronous: 'normal' });
  const ask = async (...commands: Asked[]): Promise<unknown[]> => {
    const tasks = commands.map((command) => ({ component: 'metrics', command: { tenant, ...command } }));
    const outcome = await file.request(tasks, TIMEOUT_MS);
    if ('failure' in outcome) throw traceStoreError(outcome.failure);
    return [...outcome.answers];
  };
  return {
    add: async (run) => (await ask({ do: 'add', run, slowMs }))[0] === 1,
    async window(from, to) {
      const window = { from, to };
      const rows = await ask({ do: 'sums', ...window }, { do: 'buckets', ...window }, { do: 'sessions', ...window });
      const [sums, buckets, sessions] = rows as [Row[], Row[], Row[]];
      return windowOf(window, { sums, buckets, sessions });
    },
    activeSeconds: async (from, to) => distributionOf((await ask({ do: 'buckets', from, to }))[0] as Row[], 0),
    async text() {
      const [sums, buckets] = (await ask({ do: 'totals' }))[0] as [Row[], Row[]];
      return totalsText(sums, buckets);
    },
    keeper: {
      async claim(owner, { now, until }) {
        const [states] = await ask({ do: 'claim', owner, now, until });
        return typeof states === 'string' ? (JSON.parse(states) as AlertStates) : undefined;
      },
      save: async (owner, states) => (await ask({ do: 'save', owner, states: JSON.stringify(states) }))[0] === 1,
    },
    prune: async (now = Date.now()) => Number((await ask({ do: 'prune', now }))[0]),
    close: () => file.release(),
  };
}

type Rows = { readonly sums: Row[]; readonly buckets: Row[]; readonly sessions: Row[] };

function windowOf({ from, to }: { from: number; to: number }, { sums, buckets, sessions }: Rows): WindowSums {
  const turns = sessions.map((row) => Number(row['turns'])).toSorted((a, b) => a - b);
  return {
    from,
    to,
    sums: sumsOfRows(sums),
    activeSeconds: distributionOf(buckets, valueOf(sums, ACTIVE_SECONDS)),
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

function totalsText(sums: readonly Row[], buckets: readonly Row[]): string {
  const counters = Object.entries(sumsOfRows(sums)).map(([key, value]): Family => {
    const isMoney = key === 'nanoUsd';
    const name = isMoney ? 'cost_usd' : key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const samples = [{ labels: {}, value: isMoney ? value / 1e9 : value }];
    return { type: 'counter', name: `baton_store_${name}_total`, help: `Of all runs in the store: ${name}.`, samples };
  });
  const value = distributionOf(buckets, valueOf(sums, ACTIVE_SECONDS));
  const help = 'Time to completion of all runs in the store.';
  const name = 'baton_store_run_active_seconds';
  return textOf([...counters, { type: 'histogram', name, help, samples: [{ labels: {}, value }] }]);
}
