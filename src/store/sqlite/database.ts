/** One connection to a SQLite file. Synchronous: it belongs into the writer thread, or to a database in memory. */
import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Component, Execute, Plan } from './component.ts';
import { refuseNetwork } from './failure.ts';
import { migrate, rollback } from './migrate.ts';

export const MEMORY = ':memory:';
export type Synchronous = 'full' | 'normal';
export type Planned = Plan & { readonly component: string };

export type OpenOptions = {
  readonly components: readonly Component[];
  /** @default 'full' */
  readonly synchronous?: Synchronous;
  /** @default false */
  readonly readOnly?: boolean;
  /** Of a page of a new file. Others keep theirs. @default 8192 */
  readonly pageBytes?: number;
};

/** Of a write-ahead log, about, after which it goes into the file. */
const WAL_BYTES = 16_384_000;

/**
 * Opens a file. A new one is for its owner only.
 *
 * @throws what SQLite throws; StoreError `store/cannot-open`
 */
export function openDatabase(path: string, options: OpenOptions): Database {
  const { components, synchronous = 'full', readOnly = false, pageBytes = 8192 } = options;
  if (path !== MEMORY) refuseNetwork(path);
  if (path !== MEMORY && !readOnly) createPrivate(path);
  const db = new DatabaseSync(path, { readOnly });
  try {
    // SQLite's own waiting starves some writers and cannot be interrupted; the writer has its own.
    db.exec('PRAGMA busy_timeout = 0; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF');
    // What is deleted is overwritten: no page of the file keeps it (decisions/084).
    db.exec('PRAGMA secure_delete = ON');
    if (path !== MEMORY && !readOnly) {
      const mode = db.prepare('PRAGMA journal_mode').get();
      // A new file: pages that hold a few results each, which are fewer to write.
      if (mode?.['journal_mode'] !== 'wal') db.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL`);
      db.exec(`PRAGMA synchronous = ${synchronous.toUpperCase()}`);
      db.exec(`PRAGMA wal_autocheckpoint = ${Math.ceil(WAL_BYTES / pageBytes)}; PRAGMA journal_size_limit = 67108864`);
    }
    return new Database(db, path, components);
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * SQLite would create the file with what the umask leaves, mostly readable by everybody; conversations are not. Its
 * journal and shared memory get the mode of the file. One that is there keeps its mode, and is not opened here: closing
 * a descriptor of it would drop the locks that this process has.
 */
function createPrivate(path: string): void {
  if (existsSync(path)) return;
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch {
    // No such folder, or no access to it: SQLite fails as well, and with a code that is told (failure.ts).
  }
}

export class Database {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #components: ReadonlyMap<string, Component>;
  /** Of the components whose tables are there, in this version. */
  readonly #ready = new Map<string, Execute>();

  constructor(db: DatabaseSync, path: string, components: readonly Component[]) {
    this.#db = db;
    this.#path = path;
    this.#components = new Map(components.map((component) => [component.name, component]));
  }

  /**
   * Brings the tables of a component to its version, in a transaction of their own.
   *
   * @throws StoreError `store/newer-schema`, and nothing was changed; what SQLite throws
   */
  ready(name: string): void {
    if (this.#ready.has(name)) return;
    const component = this.#components.get(name);
    if (!component) throw new Error(`No component "${name}" in this thread. This is a defect.`);
    migrate(this.#db, this.#path, component);
    this.#ready.set(name, component.open(this.#db, this.#path));
  }

  /** Throws where another connection writes. A transaction that only reads waits for nobody. */
  begin(writes: boolean): void {
    this.#db.exec(writes ? 'BEGIN IMMEDIATE' : 'BEGIN');
  }

  commit(): void {
    this.#db.exec('COMMIT');
  }

  rollback(): void {
    rollback(this.#db);
  }

  /** Does all or nothing within the transaction. */
  together<T>(act: () => T): T {
    this.#db.exec('SAVEPOINT together');
    try {
      const done = act();
      this.#db.exec('RELEASE together');
      return done;
    } catch (error) {
      this.#db.exec('ROLLBACK TO together; RELEASE together');
      throw error;
    }
  }

  /** @throws AgentsError: refused, and nothing was written. Anything else: the transaction must be rolled back. */
  execute({ component, prepared }: Planned): unknown {
    const execute = this.#ready.get(component);
    if (!execute) throw new Error(`The tables of ${component} were not made ready. This is a defect.`);
    return execute(prepared);
  }

  /** Changes when another connection has committed. */
  version(): number {
    return Number(this.#db.prepare('PRAGMA data_version').get()?.['data_version']);
  }

  /**
   * Empties the write-ahead log, which keeps older states of pages. False where somebody reads or writes: then it can
   * be tried again. SQLite leaves it to the system when the disk hears of it: a loss of power brought it back.
   */
  scrub(): boolean {
    if (this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] !== 0) return false;
    if (this.#path !== MEMORY) syncFile(`${this.#path}-wal`);
    return true;
  }

  close(): void {
    this.#db.close();
  }
}

/** SQLite has no locks on its write-ahead log, which closing a descriptor would end. */
function syncFile(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
