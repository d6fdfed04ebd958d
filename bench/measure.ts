/**
 * One measure of one library in one process: `node measure.ts <library> <measure> <plan as JSON>`.
 * Prints one line of JSON. A run that did something else than asked is an error, never a figure.
 */
import { performance } from 'node:perf_hooks';
import { adapters } from './adapters/index.ts';
import { ANSWER } from './library.ts';
import type { Library, Outcome } from './library.ts';

/** How much to do. `budget` is in milliseconds; `clock` says what a sample counts. */
export type Plan = {
  turns: number;
  samples: number;
  budget: number;
  runs: number;
  deltas: number;
  pending: number;
  /** `cpu` is the processor time of the main thread: for a busy machine, blind to waiting and to helper threads. */
  clock: 'wall' | 'cpu';
};
/**
 * `samples` are in the unit of the measure; `turns` is what a tool run reached before its time was over.
 * `share` is how much of the time, warm-up included, the main thread had a core: below 1, the machine was busy or the
 * library waited for a timer.
 */
export type Sample = { samples: number[]; turns?: number; share?: number };

const DELTA = 'word ';

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`The run is not what was asked for: ${what}.`);
}

/** Node 22 cannot tell the time of one thread. */
function threadMs(): number | undefined {
  const usage = process.threadCpuUsage?.();
  return usage && (usage.user + usage.system) / 1000;
}

function now({ clock }: Plan): number {
  const ms = clock === 'wall' ? performance.now() : threadMs();
  if (ms === undefined) throw new Error(`Node ${process.versions.node} has no process.threadCpuUsage(). Use Node 24.`);
  return ms;
}

/**
 * Before the first sample: what a process needs until its code is compiled as it stays. Runs as long as those that are
 * measured, as their garbage is of another kind than that of short ones.
 */
const WARM_UP = { turns: 20_000, ms: 10_000 };

async function turns(library: Library, plan: Plan, isWarm = true): Promise<Sample> {
  const run = async (budget: number): Promise<{ ms: number; reached: number }> => {
    const count = plan.turns;
    const begin = performance.now();
    const start = now(plan);
    let reached = 0;
    const script = (turn: number): { a: number; b: number } | undefined => {
      if (turn >= count || performance.now() - begin > budget) return undefined;
      reached = turn + 1;
      return { a: turn, b: 1 };
    };
    const { text, toolCalls }: Outcome = await library.toolRun(script, count + 2);
    const ms = now(plan) - start;
    check(text === ANSWER && toolCalls === reached, `${toolCalls} tool calls of ${reached}, answer "${text}"`);
    return { ms, reached };
  };
  const until = performance.now() + WARM_UP.ms;
  for (let done = 0; isWarm && done < WARM_UP.turns && performance.now() < until;)
    done += (await run(until - performance.now())).reached;
  const samples: number[] = [];
  let least = plan.turns;
  const begin = performance.now();
  while (samples.length < plan.samples) {
    const from = performance.now();
    const { ms, reached } = await run(plan.budget);
    samples.push(ms / reached);
    least = Math.min(least, reached);
    // A run that takes long is steady enough: start no other that would not fit.
    if (2 * performance.now() - from - begin > plan.budget) break;
  }
  return { samples, turns: least };
}

async function text(library: Library, plan: Plan): Promise<Sample> {
  const run = library.textRun();
  check((await run()) === ANSWER, 'another answer');
  for (let i = 0; i < plan.runs; i += 1) await run();
  const samples: number[] = [];
  for (let sample = 0; sample < plan.samples; sample += 1) {
    const start = now(plan);
    for (let i = 0; i < plan.runs; i += 1) await run();
    samples.push(((now(plan) - start) * 1000) / plan.runs);
  }
  return { samples };
}

async function stream(library: Library, plan: Plan): Promise<Sample> {
  const deltas = Array.from({ length: plan.deltas }, () => DELTA);
  const samples: number[] = [];
  for (let i = -5; i < plan.samples; i += 1) {
    const start = now(plan);
    const seen = await library.streamRun(deltas);
    const ms = now(plan) - start;
    check(seen === plan.deltas, `${seen} deltas of ${plan.deltas}`);
    if (i >= 0) samples.push((ms * 1000) / plan.deltas);
  }
  return { samples };
}

async function pending(library: Library, plan: Plan): Promise<Sample> {
  const { gc } = globalThis;
  if (!gc) throw new Error('Start this measure with --expose-gc.');
  const settle = async (): Promise<number> => {
    for (let i = 0; i < 5; i += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      gc();
    }
    return process.memoryUsage().heapUsed;
  };
  // What is made once (compiled code, caches) is no part of a run.
  const held: unknown[] = [await library.pendingRuns(plan.pending)];
  const samples: number[] = [];
  for (let sample = 0; sample < plan.samples; sample += 1) {
    const before = await settle();
    held.push(await library.pendingRuns(plan.pending));
    samples.push(((await settle()) - before) / plan.pending / 1024);
  }
  // Without a reader of `held`, waiting runs would be garbage.
  check(held.length === plan.samples + 1, 'runs were lost');
  return { samples };
}

/** The first turns of a process: nothing ran before them. */
const firstTurns = (library: Library, plan: Plan): Promise<Sample> => turns(library, plan, false);

const measures = { turns, firstTurns, text, stream, pending };

async function main([name = '', measure = '', json = '{}']: string[]): Promise<Sample> {
  const adapter = adapters.get(name);
  if (!adapter) throw new Error(`There is no library "${name}".`);
  if (!Object.hasOwn(measures, measure)) throw new Error(`There is no measure "${measure}".`);
  const run = measures[measure as keyof typeof measures];
  const plan: Plan = JSON.parse(json);
  const library = await adapter.load(adapter.specifier);
  const [start, startMs] = [performance.now(), threadMs()];
  const sample = await run(library, plan);
  const [end, endMs] = [performance.now(), threadMs()];
  if (startMs === undefined || endMs === undefined) return sample;
  return { ...sample, share: (endMs - startMs) / (end - start) };
}

const sample = await main(process.argv.slice(2));
// Runs that wait, and timers that a library leaves behind, must not keep the process.
process.stdout.write(`${JSON.stringify(sample)}\n`, () => process.exit(0));
