/**
 * What tracing costs a turn: runs of 3 turns, 10 spans and about 3 KB of content, in each of the ways below, and beside
 * them the published SDK with its batch processor, and the OpenTelemetry SDK with the same ten spans.
 *
 * `npm run bench:trace [-- runs processes]`. Each way runs in processes of its own, all ways in turn, so that what else
 * the machine does meets all of them: CPU of the main thread and of the whole process, the last flush included, twice in
 * each. Once soon after it began, when much is interpreted and compiled still; once when it is warm, as a service is. The
 * least of the processes is given, for what others do only adds, and the median. Exporters send nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ready, TURNS, WAYS, type Way } from './trace/ways.ts';

const RUNS = Number(process.argv[2] ?? 3000);
const PROCESSES = Number(process.argv[3] ?? 5);
/** Runs before the first measure, and milliseconds of CPU of the main thread until the second. */
const FIRST_RUNS = 1500;
const WARM_MS = 3000;
/** Pairs of short blocks in one process, for the difference of two ways that do nearly the same, and runs of a block. */
const PAIRS = 4000;
const BLOCK = 60;
const RESAMPLES = 1000;

type Cpu = { readonly main: number; readonly process: number };
/** Soon after the process began, and later. */
type Measured = { readonly begun: Cpu; readonly warm: Cpu; readonly bytes: number };

/** CPU a turn, in microseconds, with the last flush and without what is done before. */
async function cpuOf(ready: Ready, runs: number): Promise<Cpu> {
  const [main, whole] = [process.threadCpuUsage(), process.cpuUsage()];
  for (let n = 0; n < runs; n++) await ready.once();
  await ready.flush();
  const [mainUsed, wholeUsed] = [process.threadCpuUsage(main), process.cpuUsage(whole)];
  const turns = runs * TURNS;
  return {
    main: (mainUsed.user + mainUsed.system) / turns,
    process: (wholeUsed.user + wholeUsed.system) / turns,
  };
}

async function measure(way: Way): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-bench-trace-'));
  try {
    const path = join(folder, 'traces.db');
    const ready = await WAYS[way].start(path);
    await cpuOf(ready, FIRST_RUNS);
    const begun = await cpuOf(ready, RUNS);
    let runs = FIRST_RUNS + RUNS;
    for (; process.threadCpuUsage().user < WARM_MS * 1000; runs += BLOCK) await cpuOf(ready, BLOCK);
    const warm = await cpuOf(ready, RUNS);
    await ready.end();
    return { begun, warm, bytes: way === 'store' ? statSync(path).size / (runs + RUNS) : 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);
const least = (numbers: readonly number[]): number => Math.min(...numbers);
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
const middleMean = (numbers: readonly number[]): number =>
  mean(sorted(numbers).slice(numbers.length / 4, (numbers.length * 3) / 4));
const median = (numbers: readonly number[]): number => sorted(numbers)[numbers.length >> 1] ?? NaN;

type SwitchedOff = { readonly percent: number; readonly from: number; readonly to: number; readonly spans: number };

/**
 * Tracing that is switched off beside tracing that nobody asked for: the same runs in one process, in pairs of short
 * blocks, each pair in an order of chance. A pair meets the same of what else the machine does, and a block that a
 * collection or another program falls into is one of many: the mean of the middle half of the differences, and where it
 * is with 95 % when the pairs are drawn again (bootstrap). Of the whole process: the clock of a thread has steps that are
 * a part of such a block.
 */
async function switchedOff(): Promise<SwitchedOff> {
  const ready = await WAYS.off.start('');
  const block = async (isOff: boolean): Promise<number> => {
    await WAYS.off.set?.(isOff);
    return (await cpuOf(ready, BLOCK)).process;
  };
  const differences: number[] = [];
  const bases: number[] = [];
  for (let pair = -PAIRS / 3; pair < PAIRS; pair++) {
    const isOffFirst = Math.random() < 0.5;
    const first = await block(isOffFirst);
    const second = await block(!isOffFirst);
    if (pair < 0) continue;
    const [off, plain] = isOffFirst ? [first, second] : [second, first];
    differences.push(off - plain);
    bases.push(plain);
  }
  const percent = (some: readonly number[]): number => (middleMean(some) / median(bases)) * 100;
  const drawn = (): number[] => differences.map(() => differences[Math.floor(Math.random() * PAIRS)] ?? NaN);
  const again = sorted(Array.from({ length: RESAMPLES }, () => percent(drawn())));
  const [from = NaN, to = NaN] = [again[RESAMPLES * 0.025], again[RESAMPLES * 0.975]];
  return { percent: percent(differences), from, to, spans: ready.spans?.() ?? 0 };
}

function inProcess(...args: string[]): unknown {
  const { OPENAI_AGENTS_DISABLE_TRACING: _, ...env } = process.env;
  const file = fileURLToPath(import.meta.url);
  const options = { env: { ...env, BATON_TRACE_STORE: 'off', NODE_ENV: 'production' }, encoding: 'utf8' } as const;
  return JSON.parse(
    execFileSync(process.execPath, [file, String(RUNS), String(PROCESSES), ...args], options),
  ) as unknown;
}

function compare(): void {
  const began = loadavg()[0] ?? 0;
  const ways = Object.keys(WAYS) as Way[];
  const all = new Map<Way, Measured[]>(ways.map((way) => [way, []]));
  for (let n = 0; n < PROCESSES; n++) for (const way of ways) all.get(way)?.push(inProcess(way) as Measured);
  const load = `${began.toFixed(1)} to ${(loadavg()[0] ?? 0).toFixed(1)}`;
  console.log(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, load ${load} on ${availableParallelism()} processors`,
  );
  console.log(`${RUNS} runs of ${TURNS} turns in each of ${PROCESSES} processes a way; microseconds of CPU a turn,`);
  console.log('more than the same without tracing: the least (and the median) of the processes.');
  console.log(`Just begun: after ${FIRST_RUNS} runs. Warm: after ${WARM_MS / 1000} s of CPU of the main thread.\n`);
  console.log('| | warm: main thread | whole process | just begun: main thread | whole process | KB a run |');
  console.log('|---|---|---|---|---|---|');
  for (const [way, measured] of all) {
    const { base, title } = WAYS[way];
    const basis = base && all.get(base);
    if (!basis) continue;
    const more = (when: 'begun' | 'warm', what: keyof Cpu): string => {
      const [own, plain] = [measured, basis].map((some) => some.map((one) => one[when][what])) as [number[], number[]];
      return `${(least(own) - least(plain)).toFixed(1)} (${(median(own) - median(plain)).toFixed(1)})`;
    };
    const size = way === 'store' ? ((measured[0]?.bytes ?? 0) / 1000).toFixed(1) : '';
    const columns = [more('warm', 'main'), more('warm', 'process'), more('begun', 'main'), more('begun', 'process')];
    console.log(`| ${[title, ...columns, size].join(' | ')} |`);
  }
  for (const way of ['plain', 'published-off'] as const) {
    const without = (when: 'begun' | 'warm'): string =>
      (['main', 'process'] as const)
        .map((what) => least((all.get(way) ?? []).map((one) => one[when][what])).toFixed(1))
        .join(' and ');
    console.log(`${WAYS[way].title}, as it is: warm ${without('warm')}, just begun ${without('begun')}.`);
  }
  const { percent, from, to, spans } = inProcess('switched-off') as SwitchedOff;
  console.log(
    `\nSwitched off, with a processor set: ${percent.toFixed(2)} % of the CPU (95 %: ${from.toFixed(2)} to ${to.toFixed(2)}),`,
  );
  console.log(`${PAIRS} pairs of ${BLOCK} runs in one process; ${spans} spans made.`);
  console.log(
    '\nNot measured: a network, other processes on the same file, files larger than these, redaction of texts',
  );
  console.log(
    'that may hold a secret, time (a run does not wait for the store), and what the kernel writes back later.',
  );
}

const asked = process.argv[4];
const way = (Object.keys(WAYS) as Way[]).find((one) => one === asked);
if (way) console.log(JSON.stringify(await measure(way)));
else if (asked === 'switched-off') console.log(JSON.stringify(await switchedOff()));
else compare();
