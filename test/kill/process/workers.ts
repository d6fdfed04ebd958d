/**
 * Worker processes: bundled once, each started ahead of time, and used again until it dies.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { threads } from '../../../scripts/lib/bundle.ts';
import { at } from '../../../scripts/lib/script.ts';
import type { Mutant } from './mutants.ts';
import type { Place } from './paths.ts';
import type { Order } from './points.ts';

export type Job = {
  readonly runId: string;
  readonly seed: number;
  /** Which life of the run it is, from 0. */
  readonly life: number;
  readonly worker: string;
  readonly leaseMs: number;
  readonly order: Order;
  readonly mutant?: Mutant;
};

export type Ended =
  | { readonly how: 'done' }
  | { readonly how: 'killed' }
  /** It lost the run, or was too late to go on: `because` is the code of the error. */
  | { readonly how: 'again'; readonly because: string }
  | { readonly how: 'wrong'; readonly what: string };

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export type Worker = {
  /** Has it live a life of a run, until it ends, is dead, or stands still where its order says so. */
  begin(job: Job): Promise<Ended | 'stopped'>;
  /** What became of one that stood still and goes on. */
  goOn(): Promise<Ended>;
  readonly isDead: boolean;
};

class Process implements Worker {
  readonly #child: Child;
  readonly #lines: AsyncIterator<string>;
  readonly gone: Promise<string>;
  isDead = false;
  #errors = '';

  constructor(args: readonly string[], cache: string, env: Env) {
    this.#child = spawn(process.execPath, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: cache, NODE_OPTIONS: '', BATON_TRACE_STORE: 'off', ...env },
    });
    // Who was killed reads no more.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.on('data', (text: Buffer) => (this.#errors += text.toString()));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.gone = new Promise((resolve) => {
      const over = (how: string): void => {
        this.isDead = true;
        resolve(how);
      };
      this.#child.on('close', (code, signal) => over(signal ?? `status ${code}`));
      this.#child.on('error', (error) => over(error.message));
    });
  }

  /** @throws where it cannot start */
  async ready(): Promise<this> {
    const line = await this.#line();
    if (line === 'ready') return this;
    throw new Error(`A worker did not start: ${await this.gone}, ${line}, ${this.#errors}`);
  }

  async begin(job: Job): Promise<Ended | 'stopped'> {
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    await this.#line();
    const { order } = job;
    const timer = order.do === 'be killed' ? setTimeout(() => this.kill(), order.ms) : undefined;
    const line = await this.#line();
    clearTimeout(timer);
    return line === 'stopping' ? 'stopped' : this.#endOf(line);
  }

  async goOn(): Promise<Ended> {
    this.#child.kill('SIGCONT');
    return this.#endOf(await this.#line());
  }

  async #line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  async #endOf(line: string | undefined): Promise<Ended> {
    if (line === undefined) {
      const how = await this.gone;
      return how === 'SIGKILL'
        ? { how: 'killed' }
        : { how: 'wrong', what: `The worker ended: ${how}, ${this.#errors}` };
    }
    const [word = '', ...rest] = line.split(' ');
    if (word === 'done') return { how: 'done' };
    return word === 'again' ? { how: 'again', because: rest.join(' ') } : { how: 'wrong', what: rest.join(' ') };
  }

  kill(): void {
    this.isDead = true;
    this.#child.kill('SIGKILL');
  }

  /** Asks it to end by itself, as it does when there is no more to read. */
  close(): void {
    this.#child.stdin.end();
  }
}

type Env = Readonly<Record<string, string>>;

/** Makes one file of the program `program`, a fixture of this folder. */
export async function bundled(program: string): Promise<string> {
  const folder = at('node_modules', '.cache', 'baton-kill');
  const file = join(folder, `${program}-${process.pid}.mjs`);
  mkdirSync(folder, { recursive: true });
  await build({
    absWorkingDir: at(),
    entryPoints: [join(import.meta.dirname, `${program}.ts`)],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.13',
    packages: 'external',
    logLevel: 'warning',
    define: await threads(),
  });
  return file;
}

/** Processes that run one program on one store. */
export class Workers {
  readonly #file: string;
  readonly #place: Place;
  readonly #env: Env;
  /** Whether the program is removed with them. */
  #isOwner = false;
  #idle: Promise<Process>[] = [];
  readonly #all = new Set<Process>();

  /** @param file the program, as `bundled` gives it */
  constructor(file: string, place: Place, env: Env = {}) {
    this.#file = file;
    this.#place = place;
    this.#env = env;
  }

  /** Those of a program of this folder. */
  static async open(program: string, place: Place): Promise<Workers> {
    const workers = new Workers(await bundled(program), place);
    workers.#isOwner = true;
    // Whoever ends by itself leaves what it compiled to those who come after it.
    const first = await workers.#launch();
    first.close();
    await first.gone;
    return workers;
  }

  #start(): Process {
    const { folder, store } = this.#place;
    return new Process([this.#file, folder, store], join(dirname(this.#file), 'compiled'), this.#env);
  }

  #launch(): Promise<Process> {
    const started = this.#start();
    this.#all.add(started);
    void started.gone.then(() => this.#all.delete(started));
    return started.ready();
  }

  /** A process that waits for a job; the next one is started meanwhile. */
  async take(): Promise<Worker> {
    const next = this.#idle.shift() ?? this.#launch();
    if (this.#idle.length === 0) this.#idle.push(this.#launch());
    return next;
  }

  giveBack(worker: Worker): void {
    if (worker instanceof Process && !worker.isDead) this.#idle.unshift(Promise.resolve(worker));
  }

  /** Kills a process while it starts and opens the store. Gives whether it was still there. */
  async killWhileStarting(ms: number): Promise<boolean> {
    const started = this.#start();
    await sleep(ms);
    started.kill();
    return (await started.gone) === 'SIGKILL';
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#idle);
    for (const each of this.#all) each.kill();
    await Promise.all([...this.#all].map(({ gone }) => gone));
    this.#idle = [];
    if (this.#isOwner) rmSync(this.#file, { force: true });
  }
}
