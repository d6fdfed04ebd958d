/**
 * Where sessions send their commands: the writer thread of a file, or a database in memory.
 *
 * One thread for each file and process, however many sessions: they share its commits, and the process holds one
 * connection. The thread does not keep the process alive unless an answer is due.
 */
import { Worker } from 'node:worker_threads';
import { UserError } from '../../protocol/errors.ts';
import { SessionError } from '../errors.ts';
import { errorOf } from './commands.ts';
import type { Answer, Command, Reply, Request } from './commands.ts';
import type { Synchronous } from './database.ts';
import { failed } from './failure.ts';
import type { WorkerData } from './worker.ts';

export type Store = {
  readonly request: (command: Command, timeoutMs: number) => Promise<Answer>;
  /** Ends this use of the store; the last one ends its thread. */
  readonly release: () => Promise<void>;
};

/** The bundled text of worker.ts, which the build puts here. Run from the sources there is none. */
declare const BATON_SQLITE_WORKER: string | undefined;

/** Open files by path: what must exist once in a process has to be found by all. */
const files = new Map<string, FileStore>();

/** @throws UserError when the file is open in this process with another `synchronous` */
export function openFileStore(path: string, synchronous: Synchronous): Store {
  const store = files.get(path) ?? new FileStore(path, synchronous);
  if (store.synchronous !== synchronous) {
    throw new UserError(
      `${path} is already open with synchronous '${store.synchronous}'. Give all its sessions the same value.`,
    );
  }
  files.set(path, store);
  store.users += 1;
  return {
    request: (command, timeoutMs) => store.request(command, timeoutMs),
    release: async () => {
      store.users -= 1;
      if (store.users > 0) return;
      files.delete(path);
      await store.close();
    },
  };
}

/** A database of its own, which ends with whoever holds it. */
export async function openMemoryStore(): Promise<Store> {
  // Loads SQLite, which this thread does not need for files.
  const { MEMORY, openDatabase, prepare } = await import('./database.ts');
  const db = openDatabase(MEMORY);
  return {
    request: async (command) => {
      try {
        db.begin(true);
        const answer = db.execute(prepare(command));
        db.commit();
        return answer;
      } catch (error) {
        db.rollback();
        throw failed(error, 'The session in memory');
      }
    },
    release: async () => db.close(),
  };
}

type Waiting = { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void };

class FileStore {
  readonly synchronous: Synchronous;
  /** How many sessions use it. */
  users = 0;
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(path: string, synchronous: Synchronous) {
    this.#path = path;
    this.synchronous = synchronous;
  }

  request(command: Command, timeoutMs: number): Promise<Answer> {
    return this.#send({ id: ++this.#lastId, command, timeoutMs });
  }

  async close(): Promise<void> {
    if (this.#worker) await this.#send({ id: ++this.#lastId, close: true });
  }

  #send(request: Request): Promise<Answer> {
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      worker.ref();
      worker.postMessage(request);
    });
  }

  #start(): Worker {
    const workerData: WorkerData = { path: this.#path, synchronous: this.synchronous };
    const options = { workerData, name: 'baton-sqlite' };
    const worker =
      typeof BATON_SQLITE_WORKER === 'string'
        ? new Worker(BATON_SQLITE_WORKER, { ...options, eval: true, execArgv: [] })
        : new Worker(new URL('./worker.ts', import.meta.url), options);
    worker.unref();
    worker.on('message', (replies: readonly Reply[]) => {
      for (const reply of replies) this.#answer(reply);
      if (this.#waiting.size === 0) worker.unref();
    });
    worker.on('error', (error) => this.#lose(worker, error));
    worker.on('exit', () => this.#lose(worker));
    return worker;
  }

  #answer(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('failure' in reply) waiting?.reject(errorOf(reply.failure));
    else waiting?.resolve(reply.answer);
  }

  /** The next request starts another thread. */
  #lose(worker: Worker, cause?: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const error = new SessionError(
      'session/lost',
      `The writer thread of ${this.#path} ended before it answered; what was asked may be saved or not. ` +
        'Read the session before you repeat the call, or repeat it under the same operation id.',
      { cause },
    );
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
