/**
 * A disk that loses power. It takes the steps of a `DiskLog`, and gives at any moment what could be on it if the power
 * went then.
 *
 * P1 What a completed sync of a file covers is there: its bytes and its size.
 * P2 Of what came after it, any part may be there, in any order: each write, each sector of a write, each truncation;
 *    a file that grew may be as long as it was or as it became, with zeros or with anything where nothing was written.
 * P3 A name that was made, removed or moved is as it was at the last sync of its folder, or as it became since, each
 *    name for itself: a sync of the file is none of its name.
 * P4 A sector (512 or 4,096 bytes) is old or new, never half. What is beside a write stays.
 */
import { chance, pick, type Random, upTo } from '../kill/random.ts';
import type { Step } from './disk-log.ts';

type Change =
  | { readonly offset: number; readonly data: Buffer; readonly at: number }
  | { readonly size: number; readonly at: number };
/** Bytes with room to grow. */
class Bytes {
  #bytes: Buffer<ArrayBufferLike>;
  size: number;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = Buffer.from(bytes);
    this.size = bytes.length;
  }

  get all(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }

  write(offset: number, data: Buffer): void {
    this.resize(Math.max(this.size, offset + data.length));
    data.copy(this.#bytes, offset);
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = Buffer.alloc(size * 2);
      this.#bytes.copy(grown, 0, 0, this.size);
      this.#bytes = grown;
    }
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }
}
type File = { readonly synced: Bytes; pending: Change[] };

/** What of the unsynced reaches the disk. */
export const WAYS = ['nothing', 'all', 'what came first', 'some writes', 'some sectors', 'the newest'] as const;
export type Way = (typeof WAYS)[number];

/** Files by name. */
export type Image = ReadonlyMap<string, Buffer>;
/** A file as it is on the disk before the first step. */
export type Before = { readonly name: string; readonly inode: number; readonly bytes: Buffer };

export type DiskOptions = {
  /** Files that were there before the first step. */
  readonly base?: readonly Before[];
  /** Names of files that stand for the outside world: what is written to them has happened. */
  readonly isOutside?: (name: string) => boolean;
  /** Syncs that the disk does not do: a planted defect. */
  readonly ignores?: (name: string) => boolean;
};

/** No content that lasts: SQLite makes it anew. */
const isShared = (name: string): boolean => name.endsWith('-shm');

export class Disk {
  readonly said = new Map<number, string>();
  readonly #options: DiskOptions;
  /** By inode. */
  readonly #files = new Map<number, File>();
  readonly #outside = new Map<string, Bytes>();
  /** As the folder was at its last sync. */
  readonly #names = new Map<string, File>();
  /** What became of names since. */
  #renamed: { readonly name: string; readonly file: File | undefined }[] = [];
  #at = 0;

  constructor(options: DiskOptions = {}) {
    this.#options = options;
    for (const { name, inode, bytes } of options.base ?? []) {
      const file: File = { synced: new Bytes(bytes), pending: [] };
      this.#files.set(inode, file);
      if (options.isOutside?.(name)) this.#outside.set(name, file.synced);
      else this.#names.set(name, file);
    }
  }

  take(step: Step): void {
    this.#at += 1;
    switch (step.do) {
      case 'say':
        this.said.set(step.process, (this.said.get(step.process) ?? '') + step.text);
        return;
      case 'open':
        return this.#open(step);
      case 'write':
        return this.#change(step, { offset: step.offset, data: step.data, at: this.#at });
      case 'truncate':
        return this.#change(step, { size: step.size, at: this.#at });
      case 'sync':
        if (!this.#options.ignores?.(step.name)) this.#sync(this.#files.get(step.inode));
        return;
      case 'sync folder':
        if (this.#options.ignores?.('.')) return;
        for (const { name, file } of this.#renamed) rename(this.#names, name, file);
        this.#renamed = [];
        return;
      case 'unlink':
        this.#renamed.push({ name: step.name, file: undefined });
        return;
      case 'rename':
        this.#renamed.push({ name: step.to, file: this.#fileOf(step.name) }, { name: step.name, file: undefined });
        return;
    }
  }

  #fileOf(name: string): File | undefined {
    const changed = this.#renamed.findLast((each) => each.name === name);
    return changed ? changed.file : this.#names.get(name);
  }

  #open({ name, inode, isNew }: Step & { do: 'open' }): void {
    if (this.#options.isOutside?.(name) || isShared(name)) return;
    if (!isNew) return;
    // Its number may have been that of a file which was removed, and whose name is still on the disk.
    const file: File = { synced: new Bytes(), pending: [] };
    this.#files.set(inode, file);
    this.#renamed.push({ name, file });
  }

  #change({ name, inode }: { name: string; inode: number }, change: Change): void {
    if (this.#options.isOutside?.(name)) {
      const bytes = this.#outside.get(name) ?? new Bytes();
      this.#outside.set(name, bytes);
      apply(bytes, change);
    } else if (!isShared(name)) this.#files.get(inode)?.pending.push(change);
  }

  #sync(file: File | undefined): void {
    if (!file) return;
    for (const change of file.pending) apply(file.synced, change);
    file.pending = [];
  }

  /** What could be on the disk now. */
  image(way: Way, r: Random): Image {
    const names = new Map(this.#names);
    const from = this.#oldest();
    const until = way === 'what came first' ? from + Math.floor(r() * (this.#at - from + 1)) : Infinity;
    for (const name of new Set(this.#renamed.map((each) => each.name))) {
      const changes = this.#renamed.filter((each) => each.name === name);
      const kept = way === 'nothing' ? 0 : way === 'all' ? changes.length : upTo(r, changes.length);
      const last = changes[kept - 1];
      if (last) rename(names, name, last.file);
    }
    const image = new Map<string, Buffer>();
    for (const [name, bytes] of this.#outside) image.set(name, Buffer.from(bytes.all));
    for (const [name, file] of names) image.set(name, bytesOf(file, { way, until }, r));
    // Of the shared memory there may be anything.
    for (const name of [...names.keys()].filter((each) => each.endsWith('.db'))) {
      if (chance(r, 0.3)) image.set(`${name}-shm`, noise(32_768, r));
    }
    return image;
  }

  /** When the first of all unsynced changes was made. */
  #oldest(): number {
    const firsts = [...this.#files.values()].flatMap(({ pending }) => pending[0]?.at ?? []);
    return Math.min(this.#at, ...firsts);
  }
}

function rename(names: Map<string, File>, name: string, file: File | undefined): void {
  if (file) names.set(name, file);
  else names.delete(name);
}

function apply(bytes: Bytes, change: Change): void {
  if ('size' in change) bytes.resize(change.size);
  else bytes.write(change.offset, change.data);
}

function bytesOf({ synced, pending }: File, { way, until }: { way: Way; until: number }, r: Random): Buffer {
  const bytes = new Bytes(synced.all);
  const sector = pick(r, [512, 4096]);
  const share = pick(r, [0.1, 0.5, 0.9]);
  const newest = pending.length - 1 - upTo(r, 3);
  let longest = bytes.size;
  pending.forEach((change, n) => {
    longest = 'size' in change ? change.size : Math.max(longest, change.offset + change.data.length);
    switch (way) {
      case 'nothing':
        return;
      case 'all':
        return apply(bytes, change);
      case 'what came first':
        if (change.at < until) apply(bytes, change);
        return;
      case 'the newest':
        if (n >= newest) apply(bytes, change);
        return;
      case 'some writes':
        if (chance(r, share)) apply(bytes, change);
        return;
      case 'some sectors':
        return tear(bytes, change, () => chance(r, share), sector);
    }
  });
  if (way !== 'nothing' && way !== 'what came first' && longest > bytes.size && chance(r, 0.5)) {
    const from = bytes.size;
    bytes.resize(longest);
    if (chance(r, 0.5)) bytes.write(from, noise(longest - from, r));
  }
  return Buffer.from(bytes.all);
}

/** Writes those sectors of a change that `isKept`. */
function tear(bytes: Bytes, change: Change, isKept: () => boolean, sector: number): void {
  if ('size' in change) {
    if (isKept()) bytes.resize(change.size);
    return;
  }
  const { offset, data } = change;
  for (let from = offset; from < offset + data.length;) {
    const to = Math.min(offset + data.length, (Math.floor(from / sector) + 1) * sector);
    if (isKept()) bytes.write(from, data.subarray(from - offset, to - offset));
    from = to;
  }
}

function noise(length: number, r: Random): Buffer {
  const block = Buffer.from(Array.from({ length: 251 }, () => upTo(r, 255)));
  return Buffer.alloc(length, block);
}
