/** The way to the store's tables: in a file, or where there can be none, in memory. */
import { warn } from '../../protocol/warn.ts';
import { openFile, type SqliteFile } from '../../store/sqlite/files.ts';
import { resolvedPath } from '../../store/sqlite/path.ts';
import type { Command } from './commands.ts';
import { TraceStoreError, traceStoreError } from './errors.ts';
import { prepareFile } from './location.ts';

const MEMORY = ':memory:';
/** Holds three runs of three turns; of a page of 8 KB, one that is longer than 4 leaves the rest empty (decisions/125). */
const PAGE_BYTES = 16_384;
/** Nobody waits for telemetry, so it may wait. */
const TIMEOUT_MS = 30_000;

/** The file is opened by the first command. */
export class Sink {
  readonly #asked: string;
  #file: SqliteFile | undefined;
  #isInMemory: boolean;

  constructor(path: string) {
    this.#asked = path;
    this.#isInMemory = path === MEMORY;
  }

  get isInMemory(): boolean {
    return this.#isInMemory;
  }

  /** Where the file cannot be written, memory takes over, and what failed is done there. @throws TraceStoreError */
  async write(command: Command): Promise<unknown> {
    try {
      return await this.#ask(command);
    } catch (error) {
      if (this.#isInMemory || !(error instanceof TraceStoreError) || !NO_FILE.has(error.code)) throw error;
      await this.#fallBack(error);
      return this.#ask(command);
    }
  }

  async release(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.release();
  }

  async #ask(command: Command): Promise<unknown> {
    this.#file ??= this.#open();
    const outcome = await this.#file.request([{ component: 'trace', command }], TIMEOUT_MS);
    if ('failure' in outcome) throw traceStoreError(outcome.failure);
    return outcome.answers[0];
  }

  #open(): SqliteFile {
    if (this.#isInMemory) return openFile(MEMORY, { synchronous: 'normal' });
    try {
      prepareFile(this.#asked);
    } catch (error) {
      throw new TraceStoreError('trace-store/cannot-open', `${this.#asked} cannot be made: ${String(error)}`, error);
    }
    return openFile(resolvedPath(this.#asked), { synchronous: 'normal', pageBytes: PAGE_BYTES });
  }

  async #fallBack(error: TraceStoreError): Promise<void> {
    warn(
      `Traces are kept in memory, for as long as the process lives: ${error.message} ` +
        'Set BATON_TRACE_STORE to a folder on a local disk that can be written, or to off.',
    );
    this.#isInMemory = true;
    await this.release();
  }
}

const NO_FILE: ReadonlySet<string> = new Set([
  'trace-store/cannot-open',
  'trace-store/read-only',
  'trace-store/not-a-database',
  'trace-store/newer-schema',
]);
