/**
 * The writer thread of each SQLite file that this process has open.
 *
 * One thread a file and process, however many users: they share its commits, and the process holds one connection.
 * The thread does not keep the process alive unless an answer is due.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { UserError } from '../../protocol/errors.ts';
import { node } from '../../protocol/node.ts';
import type { Task } from './component.ts';
import type { Synchronous } from './database.ts';
import type { Reply, Request } from './messages.ts';
import type { ThreadData } from './serve.ts';
import type { Outcome } from './writer.ts';

export type FileOptions = {
  readonly synchronous: Synchronous;
  /** @default false */
  readonly readOnly?: boolean;
  /** Of a page, where the file is new. @default 8192 */
  readonly pageBytes?: number;
};

export type SqliteFile = {
  /** Does tasks together or not at all. Settles with the outcome; never rejects. */
  readonly request: (tasks: readonly Task[], timeoutMs: number) => Promise<Outcome>;
  /** Waits until what was deleted is nowhere in the file and its write-ahead log. Never rejects. */
  readonly scrub: (timeoutMs: number) => Promise<Outcome>;
  /** Resolves when the file may have changed, by this process or another; at the latest when the signal fires. */
  readonly change: (signal: AbortSignal) => Promise<void>;
  /** Ends this use of the file; the last one ends its thread. */
  readonly release: () => Promise<void>;
};

/** Between two looks at what other processes have done. */
const SHORTEST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 50;

/** Open files by path: what must exist once in a process has to be found by all. */
const files = new Map<string, File>();

/** @throws UserError when the file is open in this process with another `synchronous` or `readOnly` */
export function openFile(path: string, { synchronous, readOnly = false, ...rest }: FileOptions): SqliteFile {
  const file = files.get(path) ?? new File({ path, synchronous, readOnly, ...rest });
  if (file.data.synchronous !== synchronous) {
    throw new UserError(
      `${path} is already open with synchronous '${file.data.synchronous}'. Give all its users the same value.`,
    );
  }
  if (file.data.readOnly !== readOnly) {
    throw new UserError(
      `${path} is already open with readOnly ${file.data.readOnly}. Give all its users the same value.`,
    );
  }
  files.set(path, file);
  file.users += 1;
  return {
    request: (tasks, timeoutMs) => file.request(tasks, timeoutMs),
    scrub: (timeoutMs) => file.scrub(timeoutMs),
    change: (signal) => file.change(signal),
    release: async () => {
      file.users -= 1;
      if (file.users > 0) return;
      files.delete(path);
      await file.close();
    },
  };
}

class File {
  readonly data: ThreadData;
  /** How many use it. */
  users = 0;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  /** Those who wait for a change, and what the file looked like when it was looked at. */
  readonly #changed = new Set<() => void>();
  #isPolling = false;
  #version: unknown;
  #outbox: Request[] = [];
  #worker: Worker | undefined;
  #isStarting = false;
  #lastId = 0;

  constructor(data: ThreadData) {
    this.data = data;
  }

  request(tasks: readonly Task[], timeoutMs: number): Promise<Outcome> {
    return this.#send({ id: ++this.#lastId, tasks, timeoutMs });
  }

  scrub(timeoutMs: number): Promise<Outcome> {
    return this.#send({ id: ++this.#lastId, ask: 'scrub', timeoutMs });
  }

  async change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#changed.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake);
      this.#changed.add(wake);
      if (!this.#isPolling) void this.#poll();
    });
  }

  #wake(): void {
    for (const wake of this.#changed) wake();
  }

  /** Sees what other processes commit, while somebody waits for it. */
  async #poll(): Promise<void> {
    this.#isPolling = true;
    let pause = SHORTEST_PAUSE_MS;
    while (this.#changed.size > 0) {
      // Not in step with those who wait for the same.
      await sleep(pause * (0.5 + Math.random() / 2));
      pause = Math.min(LONGEST_PAUSE_MS, pause * 1.5);
      const outcome = this.#changed.size > 0 && (await this.#send({ id: ++this.#lastId, ask: 'version' }));
      const version = outcome && 'answers' in outcome ? outcome.answers[0] : undefined;
      if (version === undefined || version === this.#version) continue;
      this.#version = version;
      pause = SHORTEST_PAUSE_MS;
      this.#wake();
    }
    this.#isPolling = false;
  }

  async close(): Promise<void> {
    if (this.#worker) await this.#send({ id: ++this.#lastId, ask: 'close' });
  }

  #send(request: Request): Promise<Outcome> {
    return new Promise((resolve) => {
      if (this.#waiting.size === 0) this.#worker?.ref();
      this.#waiting.set(request.id, resolve);
      // What is asked for in one turn of the event loop travels together.
      if (this.#outbox.push(request) === 1) process.nextTick(() => this.#post());
    });
  }

  #post(): void {
    if (!this.#worker) return void this.#begin();
    const requests = this.#outbox;
    this.#outbox = [];
    // Lost together with the thread that they were meant for.
    if (requests.length > 0) this.#worker.postMessage(requests);
  }

  /** Starts the thread, then posts what came meanwhile. */
  async #begin(): Promise<void> {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      const { program } = await import('./thread.ts');
      this.#worker = this.#start(program);
    } catch (error) {
      this.#fail(error);
    }
    this.#isStarting = false;
    if (this.#worker) this.#post();
  }

  #start(program: { text: string } | { url: URL }): Worker {
    const options = { workerData: this.data, name: 'baton-sqlite' };
    const worker =
      'text' in program
        ? new node.workers.Worker(program.text, { ...options, eval: true, execArgv: [] })
        : new node.workers.Worker(program.url, options);
    worker.on('message', (replies: readonly Reply[]) => {
      for (const { id, outcome } of replies) {
        this.#waiting.get(id)?.(outcome);
        this.#waiting.delete(id);
      }
      if (this.#waiting.size === 0) worker.unref();
      if (replies.some(({ isWrite }) => isWrite)) this.#wake();
    });
    worker.on('error', (error) => this.#lose(worker, error));
    worker.on('exit', () => this.#lose(worker));
    return worker;
  }

  /** The next request starts another thread. */
  #lose(worker: Worker, cause?: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#fail(cause);
  }

  #fail(cause: unknown): void {
    const { path } = this.data;
    const isOld = cause instanceof Error && cause.message.includes('No such built-in module: node:sqlite');
    const failure = {
      ...(isOld
        ? {
            code: 'store/cannot-open',
            message: `Cannot open ${path}: SQLite comes with Node 22.13 and newer, and this is Node ${process.versions.node}.`,
          }
        : {
            code: 'store/lost',
            message:
              `The writer thread of ${path} ended before it answered; what was asked may be saved or not. ` +
              'Read before you repeat the call, or repeat it in a way that does it once.',
          }),
      ...(cause instanceof Error && { cause: cause.message }),
    };
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#outbox = [];
    for (const settle of waiting) settle({ failure });
  }
}
