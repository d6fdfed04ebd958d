/**
 * Takes jobs for one file and commits them in groups: what waits while a commit or a lock takes its time goes into the
 * next transaction. A job is one task or several, of one component or several, done together or not at all.
 *
 * W1 Order: jobs with a key in common are done in the order in which they came, reads included.
 * W2 An answer leaves after the commit of its job, never before.
 * W3 Only BEGIN meets a lock. Then this thread waits a random moment and tries again, until the job's time is up.
 * W4 A job that is refused, or that the database fails, does not take others of its group with it.
 */
import { statSync } from 'node:fs';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { AgentsError } from '../../protocol/errors.ts';
import type { Failure } from '../write.ts';
import type { Task } from './component.ts';
import type { Database, Planned } from './database.ts';
import { busy, failed, failureOf, isBusy, StoreError, unscrubbed } from './failure.ts';

/** A transaction that is stopped halfway stops every writer of the file, so transactions are short. */
const MOST_ROWS = 512;
/** Between two tries for the lock, at random up to this much; doubled with each miss, so that a crowd costs little. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 16;

/** One answer a task. `task` is the one that was refused, where it was one of them. */
export type Outcome = { readonly answers: readonly unknown[] } | { readonly failure: Failure; readonly task?: number };
export type Settled = { readonly id: number; readonly outcome: Outcome; readonly isWrite: boolean };
export type Submission = { readonly id: number; readonly tasks: readonly Task[]; readonly timeoutMs: number };
type Job = {
  readonly id: number;
  readonly tasks: readonly Planned[];
  readonly rows: number;
  readonly isWrite: boolean;
  readonly timeoutMs: number;
  readonly deadline: number;
};

export type WriterOptions = {
  readonly path: string;
  /** Looks at a task before it has a transaction. */
  readonly plan: (task: Task) => Planned;
  /** Opens the file; asked again after it failed. */
  readonly open: () => Database;
  /** Hears the outcomes of one commit together. */
  readonly settle: (settled: readonly Settled[]) => void;
};

export class Writer {
  readonly #options: WriterOptions;
  #db: Database | undefined;
  #inode: number | undefined;
  /** Whether a transaction has begun. */
  #isOpen = false;
  #queue: Job[] = [];
  /** Tasks in the queue, by key. A read that has none before it need not wait. */
  readonly #waiting = new Map<string, number>();
  #draining: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  submit({ id, tasks, timeoutMs }: Submission): void {
    const planned = tasks.map((task) => this.#options.plan(task));
    const rows = planned.reduce((sum, task) => sum + task.rows, 0);
    const isWrite = planned.some((task) => task.isWrite);
    const job = { id, tasks: planned, rows, isWrite, timeoutMs, deadline: performance.now() + timeoutMs };
    if (this.#readsNow(job)) return;
    this.#queue.push(job);
    for (const { key } of planned) this.#waiting.set(key, (this.#waiting.get(key) ?? 0) + 1);
    this.#draining ??= this.#drain();
  }

  /** Changes when another process has committed; undefined while the file is not open, or cannot be read. */
  version(): number | undefined {
    try {
      return this.#db?.version();
    } catch {
      // Whoever asks for something is told what is wrong with the file. Thrown here it would end the thread for all.
      return undefined;
    }
  }

  /** Waits until nobody is at work on the file, then empties its write-ahead log. */
  async scrub(timeoutMs: number): Promise<Outcome> {
    const deadline = performance.now() + timeoutMs;
    let reason = new Error('somebody reads an older state of the file');
    try {
      for (;;) {
        // Between two transactions of this thread.
        if (!this.#isOpen && this.#scrubs((error) => (reason = error))) return { answers: [undefined] };
        if (performance.now() >= deadline) break;
        await sleep(Math.random() * LONGEST_PAUSE_MS);
      }
    } catch (error) {
      return { failure: failureOf(failed(error, this.#options.path)) };
    }
    return { failure: failureOf(unscrubbed(this.#options.path, timeoutMs, reason)) };
  }

  #scrubs(tell: (reason: Error) => void): boolean {
    try {
      return this.#opened().scrub();
    } catch (error) {
      if (!(error instanceof Error && isBusy(error))) throw error;
      tell(error);
      return false;
    }
  }

  /** After what was submitted before. */
  async close(): Promise<void> {
    await this.#draining;
    this.#db?.close();
    this.#db = undefined;
  }

  #readsNow(job: Job): boolean {
    if (job.isWrite || !this.#db || job.tasks.some(({ key }) => this.#waiting.has(key))) return false;
    return this.#attempt([job]) === undefined;
  }

  async #drain(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (this.#queue.length > 0) {
      // Lets in what has arrived meanwhile, so that it shares the commit.
      await turn();
      const reason = this.#attempt(this.#group());
      if (reason === undefined) {
        pause = FIRST_PAUSE_MS;
        continue;
      }
      this.#giveUp(reason);
      if (this.#queue.length > 0) await sleep(Math.random() * pause);
      pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
    }
    this.#draining = undefined;
  }

  /** The oldest jobs that fit into one transaction; one job is never split. */
  #group(): Job[] {
    let rows = 0;
    const after = this.#queue.findIndex((job, index) => {
      rows += job.rows;
      return index > 0 && rows > MOST_ROWS;
    });
    return this.#queue.slice(0, after < 0 ? undefined : after);
  }

  /** Does jobs in one transaction and settles them. Returns the lock that was in the way; then nothing has happened. */
  #attempt(jobs: readonly Job[]): Error | undefined {
    try {
      this.#settle(jobs, this.#commit(jobs));
      return undefined;
    } catch (error) {
      if (this.#isOpen) this.#db?.rollback();
      this.#isOpen = false;
      if (error instanceof Error && isBusy(error)) return error;
      if (this.#db === undefined || jobs.length === 1) {
        const failure = failureOf(failed(error, this.#options.path));
        this.#settle(
          jobs,
          jobs.map(() => ({ failure })),
        );
        return undefined;
      }
    }
    for (const job of jobs) {
      const lock = this.#attempt([job]);
      if (lock) return lock;
    }
    return undefined;
  }

  #commit(jobs: readonly Job[]): Outcome[] {
    const db = this.#opened();
    for (const { tasks } of jobs) for (const { component } of tasks) db.ready(component);
    db.begin(jobs.some(({ isWrite }) => isWrite));
    this.#isOpen = true;
    const outcomes = jobs.map(({ tasks }) => execute(db, tasks));
    db.commit();
    this.#isOpen = false;
    return outcomes;
  }

  #opened(): Database {
    const { path, open } = this.#options;
    if (this.#db && statSync(path, { throwIfNoEntry: false })?.ino !== this.#inode) {
      this.#db.close();
      this.#db = undefined;
      throw new StoreError(
        'moved',
        `${path} was deleted or replaced while it was open. Nothing of the call was saved. ` +
          'The next call opens what is there then; put the file back first, if it should go on.',
      );
    }
    if (!this.#db) {
      this.#db = open();
      this.#inode = statSync(path, { throwIfNoEntry: false })?.ino;
    }
    return this.#db;
  }

  /** Fails what has waited too long. */
  #giveUp(reason: Error): void {
    const now = performance.now();
    const late = this.#queue.filter(({ deadline }) => deadline <= now);
    if (late.length === 0) return;
    this.#settle(
      late,
      late.map(({ timeoutMs }) => ({ failure: failureOf(busy(this.#options.path, timeoutMs, reason)) })),
    );
  }

  #settle(jobs: readonly Job[], outcomes: readonly Outcome[]): void {
    const done = new Set(jobs);
    const queued = this.#queue.filter((job) => done.has(job));
    for (const { key } of queued.flatMap(({ tasks }) => tasks)) {
      const left = (this.#waiting.get(key) ?? 0) - 1;
      if (left > 0) this.#waiting.set(key, left);
      else this.#waiting.delete(key);
    }
    this.#queue = this.#queue.filter((job) => !done.has(job));
    this.#options.settle(
      jobs.flatMap(({ id, isWrite }, index) => {
        const outcome = outcomes[index];
        return outcome ? [{ id, outcome, isWrite: isWrite && 'answers' in outcome }] : [];
      }),
    );
  }
}

/** A refusal is an outcome; whatever else is thrown ends the transaction. */
function execute(db: Database, tasks: readonly Planned[]): Outcome {
  let at = 0;
  const all = (): unknown[] =>
    tasks.map((task, index) => {
      at = index;
      return db.execute(task);
    });
  try {
    return { answers: tasks.length > 1 ? db.together(all) : all() };
  } catch (error) {
    if (error instanceof AgentsError) return { failure: failureOf(error), task: at };
    throw error;
  }
}
