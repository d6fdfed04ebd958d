/**
 * What the local trace store costs a turn: runs of 3 turns with 2 tool calls and about 3 KB of content, off, to a
 * processor that keeps nothing, and to the store in a file.
 *
 * `node bench/trace-store.ts [runs]`. CPU of the main thread and of the whole process, the writer thread included, with
 * the last flush; the least of several processes each, in turn, because a machine that does other things only adds.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Sdk from '../src/index.ts';
import type * as Testing from '../src/testing/index.ts';

const RUNS = Number(process.argv[2] ?? 1000);
const PROCESSES = 7;
const TURNS = 3;
const WARM_UP = 300;
const WAYS = ['off', 'nothing', 'store'] as const;
type Way = (typeof WAYS)[number];
type Measured = { readonly main: number; readonly process: number; readonly bytes: number };

/** This project as built; not there before `npm run build`. */
const built = (file: string): string => new URL(`../dist/${file}`, import.meta.url).href;

async function measure(way: Way): Promise<Measured> {
  const sdk: typeof Sdk = await import(built('index.js'));
  const testing: typeof Testing = await import(built('testing/index.js'));
  const { Agent, run, tool, setTraceProcessors, TraceStoreProcessor } = sdk;
  const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
  const path = join(folder, 'traces.db');
  const done = async (): Promise<void> => undefined;
  const nothing = {
    onTraceStart: done,
    onTraceEnd: done,
    onSpanStart: done,
    onSpanEnd: done,
    shutdown: done,
    forceFlush: done,
  };
  const store = new TraceStoreProcessor({ path });
  setTraceProcessors(way === 'off' ? [] : [way === 'store' ? store : nothing]);
  const look = tool({
    name: 'look',
    description: 'Looks.',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: true },
    strict: false,
    execute: () => 'found '.repeat(120),
  });
  const once = async (): Promise<void> => {
    const call = (callId: string) => [testing.functionCall('look', { what: 'w'.repeat(100) }, { callId })];
    const steps = [call('c1'), call('c2'), [testing.assistantMessage('answer '.repeat(60))]];
    const model = new testing.ScriptedModel(steps, { record: false });
    const agent = new Agent({ name: 'Bench', instructions: 'You are brief. '.repeat(20), model, tools: [look] });
    await run(agent, 'question '.repeat(40));
  };
  const measured = await timed(once, () => store.forceFlush());
  await store.shutdown();
  const bytes = way === 'store' ? statSync(path).size / (RUNS + WARM_UP) : 0;
  rmSync(folder, { recursive: true, force: true });
  return { ...measured, bytes };
}

/** CPU a turn, with the last flush and without what is done before. */
async function timed(once: () => Promise<void>, flush: () => Promise<void>): Promise<Omit<Measured, 'bytes'>> {
  for (let n = 0; n < WARM_UP; n++) await once();
  await flush();
  const [main, whole] = [process.threadCpuUsage(), process.cpuUsage()];
  for (let n = 0; n < RUNS; n++) await once();
  await flush();
  const [mainUsed, wholeUsed] = [process.threadCpuUsage(main), process.cpuUsage(whole)];
  const turns = RUNS * TURNS;
  return {
    main: (mainUsed.user + mainUsed.system) / turns,
    process: (wholeUsed.user + wholeUsed.system) / turns,
  };
}

function compare(): void {
  const file = fileURLToPath(import.meta.url);
  const least = new Map<Way, Measured>();
  for (let n = 0; n < PROCESSES; n++) {
    for (const way of WAYS) {
      const env = { ...process.env, BATON_TRACE_STORE: 'off', NODE_ENV: 'production' };
      const measured = JSON.parse(
        execFileSync(process.execPath, [file, String(RUNS), way], { env, encoding: 'utf8' }),
      ) as Measured;
      const before = least.get(way) ?? measured;
      least.set(way, {
        main: Math.min(before.main, measured.main),
        process: Math.min(before.process, measured.process),
        bytes: measured.bytes,
      });
    }
  }
  const off = least.get('off');
  console.log(`${RUNS} runs of ${TURNS} turns, the least of ${PROCESSES} processes, microseconds of CPU a turn`);
  console.log(
    '| | main thread | more than off | whole process | more than off | KB a run |\n|---|---|---|---|---|---|',
  );
  for (const [way, { main, process: whole, bytes }] of least) {
    const more = [main - (off?.main ?? 0), whole - (off?.process ?? 0)].map((us) => us.toFixed(1));
    const size = bytes === 0 ? '' : (bytes / 1000).toFixed(1);
    console.log(`| ${way} | ${main.toFixed(1)} | ${more[0]} | ${whole.toFixed(1)} | ${more[1]} | ${size} |`);
  }
}

const way = WAYS.find((one) => one === process.argv[3]);
if (way) console.log(JSON.stringify(await measure(way)));
else compare();
