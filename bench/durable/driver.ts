/**
 * `npm run bench:durable`: what a durable step costs at the driver, without a model or a kernel.
 *
 * A step is one commit of two events, the answer of an effect (2 KB) and the request of the next one, appended by
 * comparing and setting the run's head. `--json` prints the figures only; `--seconds 5` says how long each measure may
 * take; `--dir` where the files go (the disk is what is measured). PostgreSQL is measured where BATON_POSTGRES_URL
 * names one: `node scripts/services/main.ts postgres -- npm run bench:durable`. DBOS and Restate are measured beside it
 * after `npm ci --prefix bench/durable/engines`.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { postgresLog, sqliteLog } from '../../src/log/index.ts';
import type { EventLog } from '../../src/log/index.ts';
import { type Engine, measureEngines } from './engines.ts';
import { at, type Figures, measurePair, type Pair, RESULT, STEPS } from './steps.ts';

/** The p50 of writing 4 KB at the end of a file and waiting for the disk, in milliseconds. */
function fdatasync(dir: string, samples = 400): number {
  const path = join(dir, 'fdatasync');
  const file = openSync(path, 'w');
  const page = new Uint8Array(4096).fill(120);
  const times = Array.from({ length: samples }, () => {
    const from = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - from;
  });
  closeSync(file);
  rmSync(path);
  return at(
    times.toSorted((a, b) => a - b),
    0.5,
  );
}

/** One run of `STEPS` steps; the time of each goes into `times`. */
async function oneRun(log: EventLog, runId: string, times: number[]): Promise<void> {
  const request = (n: number) => ({
    type: 'effect.requested',
    effect: { do: 'call_tool', id: `m${n}/c0`, k: n, i: 0 },
  });
  const create = { agent: 'bench', worker: 'w1' };
  const started = { type: 'run.started', runId, input: 'Begin.' };
  await log.append({ runId, position: 0, fence: 0, create, events: [started, request(0)] });
  for (let n = 0; n < STEPS; n++) {
    const from = performance.now();
    const answer = { type: 'tool.returned', id: `m${n}/c0`, text: RESULT };
    await log.append({ runId, position: 2 + n * 2, fence: 1, events: [answer, request(n + 1)] });
    times.push(performance.now() - from);
  }
  const position = 2 + STEPS * 2;
  await log.append({
    runId,
    position,
    fence: 1,
    events: [{ type: 'run.finished' }],
    status: 'finished',
    release: true,
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      seconds: { type: 'string', default: '5' },
      dir: { type: 'string', default: tmpdir() },
    },
  });
  const dir = mkdtempSync(join(values.dir, 'baton-bench-durable-'));
  const ms = Number(values.seconds) * 1000;
  const log = sqliteLog({ path: join(dir, 'runs.db') });
  const connectionString = process.env['BATON_POSTGRES_URL'];
  try {
    const before = fdatasync(dir);
    const { alone, fifty } = await measurePair((name, times) => oneRun(log, name, times), ms);
    const after = fdatasync(dir);
    await log.close();
    const postgres = connectionString === undefined ? undefined : await measurePostgres(connectionString, ms);
    const engines = await measureEngines(connectionString, ms);
    const limitMs = 0.25 + 0.6 * (before + after);
    const report = {
      node: process.version,
      cpus: cpus().length,
      load: loadavg()[0],
      fdatasyncP50Ms: [before, after],
      alone,
      fifty,
      limitMs,
      postgres,
      engines,
    };
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : textOf(report));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measurePostgres(connectionString: string, ms: number): Promise<Pair> {
  const log = postgresLog({ connectionString, tenant: `bench-${crypto.randomUUID()}` });
  try {
    return await measurePair((name, times) => oneRun(log, name, times), ms);
  } finally {
    await log.close();
  }
}

type Report = {
  readonly node: string;
  readonly cpus: number;
  readonly load: number | undefined;
  readonly fdatasyncP50Ms: readonly number[];
  readonly alone: Figures;
  readonly fifty: Figures;
  readonly limitMs: number;
  readonly postgres: Pair | undefined;
  readonly engines: readonly Engine[];
};

function textOf(report: Report): string {
  const { node, cpus: count, load, fdatasyncP50Ms, alone, fifty, limitMs, postgres, engines } = report;
  const verdict = (isMet: boolean): string => (isMet ? 'met' : 'MISSED');
  const row = (name: string, one: Figures): string =>
    `${name.padEnd(9)} mean ${one.meanMs.toFixed(3)} ms, p50 ${one.p50Ms.toFixed(3)}, p99 ${one.p99Ms.toFixed(2)}; ` +
    `${Math.round(one.stepsPerSecond)} steps/s; event loop late p99 ${one.loopP99Ms.toFixed(1)} ms, ` +
    `max ${one.loopMaxMs.toFixed(1)}; ${one.steps} steps`;
  return [
    `A durable step: two events in one commit, 2 KB results, ${STEPS} steps a run. SQLite, WAL, synchronous FULL.`,
    `Node ${node}, ${count} processors, load ${load?.toFixed(2)}; fdatasync of 4 KB p50 before and after: ` +
      `${fdatasyncP50Ms.map((one) => one.toFixed(3)).join(', ')} ms`,
    row('1 run', alone),
    `          at most ${limitMs.toFixed(3)} ms (0.25 + 1.2 x fdatasync): ${verdict(alone.meanMs <= limitMs)}`,
    row('50 runs', fifty),
    `          at least 20,000 steps/s: ${verdict(fifty.stepsPerSecond >= 20_000)}; ` +
      `event loop p99 at most 5 ms: ${verdict(fifty.loopP99Ms <= 5)}`,
    ...(postgres
      ? [
          'PostgreSQL, fsync and synchronous_commit as the server has them:',
          row('1 run', postgres.alone),
          `          at most 1 ms: ${verdict(postgres.alone.meanMs <= 1)}`,
          row('50 runs', postgres.fifty),
          `          at least 10,000 steps/s: ${verdict(postgres.fifty.stepsPerSecond >= 10_000)}`,
        ]
      : ['PostgreSQL was not measured: BATON_POSTGRES_URL is not set.']),
    'Beside it, a step of other engines: a function that gives the same 2 KB, and what they keep of it.',
    ...engines.flatMap(({ name, gives, result }) =>
      typeof result === 'string'
        ? [`${name}: ${result}`]
        : [`${name}: ${gives}`, row('1 run', result.alone), row('50 runs', result.fifty)],
    ),
    'Not measured: recovery, takeover, waiting runs, networks between, memory, power loss.',
  ].join('\n');
}

await main();
