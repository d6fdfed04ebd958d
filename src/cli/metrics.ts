/** `baton metrics`: what the runs of a window come to. */
import { existsSync } from 'node:fs';
import { quantile } from '../trace/metrics/buckets.ts';
import { openMetricsStore, type WindowSums } from '../trace/metrics/index.ts';
import { TraceStoreError } from '../trace/store/index.ts';
import { parse, STORE_OPTIONS, storeOptionsOf, wholeOf } from './arguments.ts';
import type { Command } from './command.ts';
import { counted, duration } from './format.ts';
import { fit, harmless, jsonLine, type Terminal } from './terminal.ts';

const HOW = 'A program counts its runs there after enableMetrics({ store: openMetricsStore() }).';
const HOUR_MS = 3_600_000;
const MOST_HOURS = 90 * 24;

export const metrics: Command = {
  usage: `baton metrics [--hours <1 to ${MOST_HOURS}, default 24>] [--json] [--store <folder or file>]
           [--tenant <name>]`,
  async run(args, terminal) {
    const parsed = parse(args, { ...STORE_OPTIONS, hours: { type: 'string' }, json: { type: 'boolean' } }, 0);
    const hours = wholeOf(parsed, 'hours', { least: 1, most: MOST_HOURS }) ?? 24;
    const options = storeOptionsOf(parsed);
    const { path } = options;
    if (!existsSync(path)) {
      throw new TraceStoreError('trace-store/missing', `There are no metrics at ${path}. ${HOW}`);
    }
    const store = openMetricsStore(options);
    try {
      const now = Date.now();
      const window = await store.window(beginOf(now, hours), now);
      const p95 = quantile(window.activeSeconds, 0.95);
      const { activeSeconds: _, ...told } = window;
      if (parsed.values['json'] === true) terminal.out(jsonLine({ ...told, activeSecondsP95: p95 ?? null }));
      else list(window, p95, terminal);
      if (window.sums.runs === 0) terminal.err(harmless(`No run that ended is counted in ${path}. ${HOW}`));
    } finally {
      await store.close();
    }
    return 0;
  },
};

/** Of runs that ended more than two days ago, whole hours are all that is kept. */
function beginOf(now: number, hours: number): number {
  const from = now - hours * HOUR_MS;
  return hours < 48 ? from : Math.floor(from / HOUR_MS) * HOUR_MS;
}

function list({ sums, ...window }: WindowSums, p95: number | undefined, { out, paint }: Terminal): void {
  const { runs, priced, handoffs, handoffsGood, slow } = sums;
  const share = (part: number, of: number): string => (of === 0 ? 'no data' : `${((part / of) * 100).toFixed(1)} %`);
  const turns = window.turnsMean === undefined ? 'no data' : `${window.turnsMean.toFixed(1)}, p95 ${window.turnsP95}`;
  const cost = priced === 0 ? 'no data' : `$${(sums.nanoUsd / priced / 1e9).toFixed(5)}`;
  const rows: readonly (readonly [string, string, string])[] = [
    ['turns per session', turns, counted(window.sessions, 'session')],
    ['guardrail trip rate', share(window.sessionsTripped, window.sessions), counted(window.sessions, 'session')],
    ['handoff success', share(handoffsGood, handoffs), counted(handoffs, 'handoff')],
    ['cost per run', cost, `${priced} of ${counted(runs, 'run')} priced`],
    [
      'p95 time to completion',
      p95 === undefined ? 'no data' : duration(p95 * 1000),
      `${counted(runs, 'run')}, ${slow} slow`,
    ],
  ];
  for (const [name, value, samples] of rows) out(`${fit(name, 24)}${paint('bold', fit(value, 20))}${samples}`);
}
