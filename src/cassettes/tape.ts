/**
 * The entries of one file, in memory and on the disk.
 *
 * D1: a file has one tape in a process, so that two cassettes of one file never write over each other. D2: the file is
 * replaced whole: a reader sees the old one or the new one. D3: entries stand in the order of their calls, not of their
 * answers. D4: an answer is given out after its entry was written.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CassetteError } from './errors.ts';
import { decode, encode } from './format.ts';
import { type CassetteData, type CassetteEntry, FORMAT, VERSION } from './types.ts';
import { SDK_VERSION } from './version.ts';

/** A place for an entry: taken when a call begins, filled when it has ended. */
export type Slot = { entry?: CassetteEntry };

/** The tapes of this process by absolute path. A file has one writer. */
const tapes = new Map<string, Tape>();

let temporary = 0;

/** The tape of a file. */
export function tapeOf(file: string): Tape {
  const path = resolve(file);
  const known = tapes.get(path);
  if (known) return known;
  const tape = new Tape(path);
  tapes.set(path, tape);
  return tape;
}

/** The same for one look: a file that nobody here records is not remembered. */
export const anyTapeOf = (file: string): Tape => tapes.get(resolve(file)) ?? new Tape(resolve(file));

export class Tape {
  readonly #path: string | undefined;
  #head: Omit<CassetteData, 'entries'> | undefined;
  #slots: Slot[] = [];
  /** What the file held when it was last read or written. */
  #text: string | undefined;
  #open = 0;
  #writing: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  /** Counts what was written: who comes to an unchanged file may replace it, see `begin`. */
  writes = 0;

  constructor(path: string | undefined, data?: CassetteData) {
    this.#path = path;
    if (data) this.#take(data);
  }

  /** Nothing was recorded, and there is no file. */
  get isMissing(): boolean {
    return this.#path !== undefined && this.#text === undefined && this.#slots.length === 0;
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Reads the file, unless this process is writing it. A file that is not there is an empty tape. */
  async load(): Promise<void> {
    if (this.#path === undefined || this.#isBusy) return;
    const text = await read(this.#path);
    if (this.#isBusy || text === this.#text) return;
    this.#text = text;
    this.#slots = [];
    this.#head = undefined;
    if (text !== undefined) this.#take(decode(text, this.#path));
  }

  get #isBusy(): boolean {
    return this.#open > 0 || this.#writing !== undefined;
  }

  #take({ entries, ...head }: CassetteData): void {
    this.#head = head;
    this.#slots = entries.map((entry) => ({ entry }));
  }

  /** Forgets what was recorded before. @param since `writes` as it was when the recording began */
  begin(since: number): void {
    // Who wrote in the meantime records to the same file, beside us.
    if (this.writes !== since || this.#open > 0) return;
    this.#slots = [];
    this.#head = undefined;
  }

  /** Takes entries out, and out of the file. A file without entries goes. @returns how many */
  async forget(isMeant: (entry: CassetteEntry) => boolean): Promise<number> {
    await this.load();
    const kept = this.#slots.filter(({ entry }) => !entry || !isMeant(entry));
    const gone = this.#slots.length - kept.length;
    if (gone === 0) return 0;
    this.#slots = kept;
    await this.#save();
    return gone;
  }

  reserve(): Slot {
    const slot: Slot = {};
    this.#slots.push(slot);
    this.#open++;
    return slot;
  }

  /** Puts the entry in its place and waits until it is on the disk. Without an entry the place is given up. */
  async fill(slot: Slot, entry?: CassetteEntry): Promise<void> {
    this.#open--;
    if (!entry) {
      this.#slots = this.#slots.filter((each) => each !== slot);
      return;
    }
    slot.entry = entry;
    this.writes++;
    await this.#save();
  }

  /** One write at a time; what came while one goes on is written together by the next. */
  #save(): Promise<void> {
    if (!this.#writing) {
      this.#writing = this.#write().finally(() => (this.#writing = undefined));
      return this.#writing;
    }
    this.#again ??= this.#writing.catch(ignore).then(() => {
      this.#again = undefined;
      return this.#save();
    });
    return this.#again;
  }

  async #write(): Promise<void> {
    if (this.#path === undefined) return;
    const entries = this.#slots.flatMap(({ entry }) => (entry ? [entry] : []));
    if (entries.length === 0) {
      await rm(this.#path, { force: true });
      this.#text = undefined;
      return;
    }
    const { origin = 'recorded', runId } = this.#head ?? {};
    const text = encode({ ...newHead(origin), ...(runId !== undefined && { runId }), entries });
    await replaceFile(this.#path, text);
    this.#text = text;
  }
}

/** A failed write is told to those whose entry it was. */
const ignore = (): undefined => undefined;

export const newHead = (origin: CassetteData['origin']): Omit<CassetteData, 'entries'> => ({
  format: FORMAT,
  version: VERSION,
  origin,
  recordedAt: new Date().toISOString(),
  sdk: SDK_VERSION,
});

/** Undefined: there is none. @throws CassetteError `cassette/format` for one that cannot be read */
export async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new CassetteError('cassette/format', `The cassette ${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

/** @throws CassetteError `cassette/write` */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}-${++temporary}.tmp`;
  try {
    await writeInFolder(draft, text);
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true }).catch(ignore);
    throw new CassetteError('cassette/write', `The cassette ${path} cannot be written: ${reason(cause)}`, { cause });
  }
}

/** The folder is there, but for the first time. */
async function writeInFolder(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
