/** What processes did to the files of a folder, in one order, written down by disk-log.c. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { at } from '../../scripts/lib/script.ts';

export type Step =
  | { readonly do: 'open'; readonly name: string; readonly inode: number; readonly isNew: boolean }
  | {
      readonly do: 'write';
      readonly name: string;
      readonly inode: number;
      readonly offset: number;
      readonly data: Buffer;
    }
  | { readonly do: 'truncate'; readonly name: string; readonly inode: number; readonly size: number }
  | { readonly do: 'sync'; readonly name: string; readonly inode: number }
  | { readonly do: 'sync folder' }
  | { readonly do: 'unlink'; readonly name: string }
  | { readonly do: 'rename'; readonly name: string; readonly to: string }
  | { readonly do: 'say'; readonly process: number; readonly text: string };

/** Why there can be no log here. */
export function missing(): string | undefined {
  if (process.platform !== 'linux') return `${process.platform} has no LD_PRELOAD`;
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'there is no gcc, which compiles what writes the disk accesses down';
  }
}

export class DiskLog {
  /** For processes whose accesses to the files of the folder are written down. */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #file: string;

  /** @param work a folder for what it needs; another one than `folder` */
  constructor(folder: string, work: string) {
    const library = join(work, 'disk-log.so');
    if (!existsSync(library)) {
      const source = at('test', 'power', 'disk-log.c');
      execFileSync('gcc', ['-O2', '-Wall', '-Werror', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread']);
    }
    this.#folder = realpathSync(folder);
    this.#file = join(work, 'disk.log');
    this.env = { LD_PRELOAD: library, BATON_POWER_FOLDER: this.#folder, BATON_POWER_LOG: this.#file };
  }

  /** The same as the first words of a command. */
  get wrap(): string[] {
    return ['env', ...Object.entries(this.env).map(([name, value]) => `${name}=${value}`)];
  }

  read(): Step[] {
    const bytes = readFileSync(this.#file);
    const steps: Step[] = [];
    for (let i = 0; i < bytes.length;) {
      const [pathLength, length] = [bytes.readUInt16LE(i + 2), bytes.readUInt32LE(i + 4)];
      const from = i + HEAD + pathLength;
      const path = bytes.toString('utf8', i + HEAD, from);
      const record = {
        op: String.fromCharCode(bytes.readUInt8(i)),
        flags: bytes.readUInt8(i + 1),
        offset: Number(bytes.readBigUInt64LE(i + 8)),
        inode: Number(bytes.readBigUInt64LE(i + 16)),
        name: path.slice(this.#folder.length + 1),
        data: bytes.subarray(from, from + length),
      };
      steps.push(this.#stepOf(record));
      i = from + length;
    }
    return steps;
  }

  #stepOf({ op, flags, name, inode, offset, data }: Entry): Step {
    switch (op) {
      case 'o':
        return { do: 'open', name, inode, isNew: (flags & 1) !== 0 };
      case 'w':
        return { do: 'write', name, inode, offset, data };
      case 't':
        return { do: 'truncate', name, inode, size: offset };
      case 's':
        return (flags & 2) === 0 ? { do: 'sync', name, inode } : { do: 'sync folder' };
      case 'u':
        return { do: 'unlink', name };
      case 'r':
        return { do: 'rename', name, to: data.toString().slice(this.#folder.length + 1) };
      case 'p':
        return { do: 'say', process: inode, text: data.toString() };
    }
    throw new Error(`The log of disk accesses has a record "${op}".`);
  }
}

const HEAD = 24;
type Entry = { op: string; flags: number; offset: number; inode: number; name: string; data: Buffer };
