/**
 * `npm run bench`: this project beside its peers. Options: `--only baton,ai`, `--quick`, `--json`, `--markdown`,
 * `--cpu` (processor time of the main thread in place of the clock's, for a busy machine).
 *
 * The figures go to stdout, everything else to stderr.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { adapters } from './adapters/index.ts';
import { isBuilt } from './adapters/baton.ts';
import { installedPeer, installedSelf } from './installed.ts';
import type { Adapter } from './library.ts';
import type { Plan, Sample } from './measure.ts';
import { toJson, toMarkdown, toText } from './table.ts';
import type { Column, Figure, Report } from './table.ts';

const bench = dirname(fileURLToPath(import.meta.url));
const say = (line: string): boolean => process.stderr.write(`${line}\n`);

type Sizes = Omit<Plan, 'turns'> & { turns: readonly number[]; imports: number };
const FULL: Sizes = {
  turns: [100, 1000, 5000],
  samples: 5,
  budget: 60_000,
  runs: 1000,
  deltas: 2000,
  pending: 1000,
  clock: 'wall',
  imports: 9,
};
const QUICK: Sizes = { ...FULL, turns: [100, 1000], samples: 3, budget: 10_000, runs: 200, pending: 200, imports: 3 };

/** Runs a program to its end. What it writes to stderr is passed on. */
function execute(command: string, args: string[], keepStdout: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: bench, stdio: ['ignore', 'pipe', 'inherit'], timeout: 600_000 });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (keepStdout) output += text;
      else process.stderr.write(text);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`"${[command, ...args].join(' ')}" ended with ${signal ?? `code ${code}`}.`));
    });
  });
}

async function node(args: string[]): Promise<{ sample: Sample; wallMs: number }> {
  const start = performance.now();
  const output = await execute(process.execPath, args, true);
  const wallMs = performance.now() - start;
  return { sample: JSON.parse(output.trimEnd().split('\n').at(-1) ?? ''), wallMs };
}

function figure({ samples, turns, share }: Sample): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const half = sorted.length / 2;
  const median = sorted.length % 2 === 0 ? (at(half - 1) + at(half)) / 2 : at(Math.floor(half));
  return {
    median,
    min: at(0),
    max: at(sorted.length - 1),
    samples: sorted.length,
    ...(turns !== undefined && { turns }),
    ...(share !== undefined && { share }),
  };
}

async function importTimes(count: number, specifier?: string): Promise<{ inside: Figure; wall: Figure }> {
  const inside: number[] = [];
  const wall: number[] = [];
  // The first one fills the disk's cache.
  for (let i = -1; i < count; i += 1) {
    const { sample, wallMs } = await node(['import-time.ts', ...(specifier === undefined ? [] : [specifier])]);
    if (i < 0) continue;
    inside.push(...sample.samples);
    wall.push(wallMs);
  }
  return { inside: figure({ samples: inside }), wall: figure({ samples: wall }) };
}

/** A measure that fails leaves its cell empty and the rest of the table whole; the exit code tells. */
async function attempt<T>(what: string, act: () => Promise<T>): Promise<T | undefined> {
  say(`  ${what}`);
  try {
    return await act();
  } catch (error) {
    say(`  FAILED: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
    return undefined;
  }
}

async function measure(name: string, adapter: Adapter, sizes: Sizes): Promise<Column> {
  say(adapter.label);
  const one = (kind: string, turns: number): Promise<Figure | undefined> =>
    attempt(kind === 'turns' ? `${turns} turns` : kind, async () => {
      const plan: Plan = { ...sizes, turns };
      const { sample } = await node(['--expose-gc', 'measure.ts', name, kind, JSON.stringify(plan)]);
      // Processor time is the same on a busy machine: there is nothing to warn of.
      return figure(sizes.clock === 'cpu' ? { ...sample, share: undefined } : sample);
    });
  const first = await one('firstTurns', sizes.turns[0] ?? 100);
  const turns = new Map<number, Figure | undefined>();
  for (const size of sizes.turns) turns.set(size, await one('turns', size));
  const text = await one('text', 0);
  const stream = await one('stream', 0);
  const pending = await one('pending', 0);
  const times = await attempt('import', () => importTimes(sizes.imports, adapter.specifier));
  const installed = name === 'baton' ? installedSelf() : installedPeer(adapter.specifier);
  return {
    label: adapter.label,
    installed,
    first,
    turns,
    text,
    stream,
    pending,
    import: times?.inside,
    process: times?.wall,
  };
}

/** Installs the peers where they are missing or where bench/package.json has moved on. */
async function install(): Promise<void> {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(bench, 'package.json'), 'utf8'),
  );
  const isThere = ([name, version]: [string, string]): boolean => {
    const path = join(bench, 'node_modules', name, 'package.json');
    return existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).version === version;
  };
  if (Object.entries(dependencies).every(isThere)) return;
  say('Installing the peers into bench/node_modules …');
  // npm of the running script, under the running Node: an older Node would make npm refuse or warn.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--prefix', bench];
  await (npm === undefined ? execute('npm', args, false) : execute(process.execPath, [npm, ...args], false));
}

const load = (): string => loadavg()[0]?.toFixed(1) ?? 'unknown';

function choose(only: string | undefined): string[] {
  const names = only === undefined ? [...adapters.keys()] : only.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!adapters.has(name)) throw new Error(`--only knows ${[...adapters.keys()].join(', ')}; not "${name}".`);
  }
  if (!names.includes('baton') || isBuilt()) return names;
  say('Skipping @baton/agents: there is no dist/index.js. Run "npm run build" first.');
  return names.filter((name) => name !== 'baton');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      cpu: { type: 'boolean', default: false },
    },
  });
  const names = choose(values.only);
  if (names.length === 0) return;
  if (names.some((name) => name !== 'baton')) await install();
  const clock = values.cpu ? 'cpu' : 'wall';
  const sizes: Sizes = { ...(values.quick ? QUICK : FULL), clock };
  const loadBefore = load();
  const { wall } = (await attempt('empty process', () => importTimes(sizes.imports))) ?? {};
  const columns: Column[] = [];
  for (const name of names) {
    const adapter = adapters.get(name);
    if (adapter) columns.push(await measure(name, adapter, sizes));
  }
  const report: Report = {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    machine: `${process.platform} ${process.arch}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'})`,
    load: [loadBefore, load()],
    quick: values.quick,
    clock,
    budgetSeconds: sizes.budget / 1000,
    emptyProcessMs: wall?.median ?? Number.NaN,
    columns,
  };
  const format = values.json ? toJson : values.markdown ? toMarkdown : toText;
  process.stdout.write(`${format(report)}\n`);
}

await main();
