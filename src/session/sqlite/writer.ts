/**
 * Takes commands for one file and commits them in groups: what waits while a commit or a lock takes its time
 * goes into the next transaction.
 *
 * W1 Order: commands of one session are done in the order in which they came, reads included.
 * W2 An answer leaves after the commit of its command, never before.
 * W3 Only BEGIN meets a lock. Then this thread waits a random moment and tries again, until the command's time is up.
 * W4 A command that the database fails does not take others of its group with it.
 */
import { statSync } from 'node:fs';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../protocol/errors.ts';
import { SessionError } from '../errors.ts';
import { isWrite, rowsOf } from './commands.ts';
import type { Answer, Command } from './commands.ts';
import { prepare } from './database.ts';
import type { Prepared, SessionDatabase } from './database.ts';
import { busy, failed, isBusy } from './failure.ts';

/** A transaction that is stopped halfway stops every writer of the file, so transactions are short. */
const MOST_ROWS = 512;
/** Between two tries for the lock, at random up to this much; doubled with each miss, so that a crowd costs little. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 16;

export type Outcome = { readonly answer: Answer } | { readonly error: UserError | SessionError };
export type Settled = { readonly id: number; readonly outcome: Outcome };
type Job = Prepared & {
  readonly id: number;
  readonly rows: number;
  readonly timeoutMs: number;
  readonly deadline: number;
};

export type WriterOptions = {
  readonly path: string;
  /** Opens the file; asked again after it failed. */
  readonly open: () => SessionDatabase;
  /** Hears the outcomes of one commit together. */
  readonly settle: (settled: readonly Settled[]) => void;
};

export class Writer {
  readonly #options: WriterOptions;
  #db: SessionDatabase | undefined;
  #inode: number | undefined;
  /** Whether a transaction has begun. */
  #isOpen = false;
  #queue: Job[] = [];
  /** Commands in the queue, by session. A read that has none before it need not wait. */
  readonly #waiting = new Map<string, number>();
  #draining: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  submit({ id, command, timeoutMs }: { id: number; command: Command; timeoutMs: number }): void {
    const prepared = prepare(command);
    const job = { ...prepared, id, rows: rowsOf(command), timeoutMs, deadline: performance.now() + timeoutMs };
    if (this.#readsNow(job)) return;
    this.#queue.push(job);
    this.#waiting.set(keyOf(command), (this.#waiting.get(keyOf(command)) ?? 0) + 1);
    this.#draining ??= this.#drain();
  }

  /** After what was submitted before. */
  async close(): Promise<void> {
    await this.#draining;
    this.#db?.close();
    this.#db = undefined;
  }

  #readsNow(job: Job): boolean {
    if (isWrite(job.command) || !this.#db || this.#waiting.has(keyOf(job.command))) return false;
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
        const failure = failed(error, this.#options.path);
        this.#settle(
          jobs,
          jobs.map(() => ({ error: failure })),
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
    db.begin(jobs.some(({ command }) => isWrite(command)));
    this.#isOpen = true;
    const outcomes = jobs.map((job): Outcome => {
      try {
        return { answer: db.execute(job) };
      } catch (error) {
        if (error instanceof UserError || error instanceof SessionError) return { error };
        throw error;
      }
    });
    db.commit();
    this.#isOpen = false;
    return outcomes;
  }

  #opened(): SessionDatabase {
    const { path, open } = this.#options;
    if (this.#db && statSync(path, { throwIfNoEntry: false })?.ino !== this.#inode) {
      this.#db.close();
      this.#db = undefined;
      throw new SessionError(
        'session/moved',
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
      late.map(({ timeoutMs }) => ({ error: busy(this.#options.path, timeoutMs, reason) })),
    );
  }

  #settle(jobs: readonly Job[], outcomes: readonly Outcome[]): void {
    const done = new Set(jobs);
    const queued = this.#queue.filter((job) => done.has(job));
    for (const { command } of queued) {
      const left = (this.#waiting.get(keyOf(command)) ?? 0) - 1;
      if (left > 0) this.#waiting.set(keyOf(command), left);
      else this.#waiting.delete(keyOf(command));
    }
    this.#queue = this.#queue.filter((job) => !done.has(job));
    this.#options.settle(
      jobs.flatMap(({ id }, index) => {
        const outcome = outcomes[index];
        return outcome ? [{ id, outcome }] : [];
      }),
    );
  }
}

const keyOf = ({ tenant, session }: Command): string => JSON.stringify([tenant, session]);
