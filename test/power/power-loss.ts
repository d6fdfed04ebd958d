/** Losses of power: at which moments, and what is on the disk then, written where it can be opened. */
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pick, type Random, random } from '../kill/random.ts';
import { type Before, Disk, type DiskOptions, type Image, type Way, WAYS } from './disk.ts';
import { missing, type Step } from './disk-log.ts';

/** How many losses a test makes. */
export const LOSSES = Number(process.env['BATON_POWER_LOSSES'] ?? '100');
export const SEED = Number(process.env['BATON_POWER_SEED'] ?? '1');

/** Why there are no tests here. Says it loudly; in CI it is an error. */
export function skipped(): boolean {
  const why = missing();
  if (why === undefined) return false;
  console.error(`!!! SKIPPED losses of power: ${why}.`);
  if (process.env['CI'] === 'true')
    throw new Error(`Losses of power cannot be tested: ${why}. In CI this is an error.`);
  return true;
}

export type Loss = {
  readonly n: number;
  /** After how many steps. */
  readonly at: number;
  readonly way: Way;
  /** What was on the disk. */
  readonly image: Image;
  /** What processes had said until then, whole lines. */
  readonly lines: readonly string[];
};

export type LossOptions = DiskOptions & {
  readonly steps: readonly Step[];
  readonly losses: number;
  readonly seed: number;
};

/** Loses the power so often, at moments in order. Ends early where `look` gives false. */
export async function losePower(options: LossOptions, look: (loss: Loss) => Promise<boolean>): Promise<void> {
  const { steps, losses, seed } = options;
  const r = random(seed);
  const moments = momentsOf(steps, losses, r);
  const disk = new Disk(options);
  let count = 0;
  for (const [n, step] of steps.entries()) {
    disk.take(step);
    for (let again = moments.get(n) ?? 0; again > 0; again--) {
      const way = pick(r, WAYS);
      const lines = [...disk.said.values()].flatMap((text) => text.split('\n').slice(0, -1));
      if (!(await look({ n: count++, at: n + 1, way, image: disk.image(way, r), lines }))) return;
    }
  }
}

/** How often after which step: half of them beside what is rare, the others beside a sync or anywhere. */
function momentsOf(steps: readonly Step[], losses: number, r: Random): Map<number, number> {
  const rare: number[] = [];
  const syncs: number[] = [];
  steps.forEach((step, n) => {
    const isOfWal = 'name' in step && step.name.endsWith('-wal');
    if (step.do === 'sync' && isOfWal) syncs.push(n - 1, n);
    else if (step.do !== 'say' && step.do !== 'write' && !('name' in step && step.name.endsWith('-shm')))
      rare.push(n - 1, n);
    // Pages on their way from the write-ahead log into the database.
    else if (step.do === 'write' && step.name.endsWith('.db') && r() < 0.1) rare.push(n);
  });
  const moments = new Map<number, number>();
  for (let i = 0; i < losses; i++) {
    const kind = i % 4;
    const n =
      kind < 2 && rare.length > 0
        ? pick(r, rare)
        : kind === 2 && syncs.length > 0
          ? pick(r, syncs)
          : Math.floor(r() * steps.length);
    const at = Math.max(0, n);
    moments.set(at, (moments.get(at) ?? 0) + 1);
  }
  return moments;
}

/** Folders of a test, in memory where there is such a place: thousands of syncs and images. */
export function places(): { readonly folder: string; readonly work: string; readonly image: string; remove(): void } {
  const root = mkdtempSync(join(memory() ?? tmpdir(), 'baton-power-'));
  const [folder = '', work = '', image = ''] = ['disk', 'work', 'image'].map((name) => join(root, name));
  for (const each of [folder, work, image]) mkdirSync(each);
  return { folder, work, image, remove: () => rmSync(root, { recursive: true, force: true }) };
}

function memory(): string | undefined {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return undefined;
  }
}

export function writeImage(image: Image, folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, bytes] of image) writeFileSync(join(folder, name), bytes);
  return folder;
}

/** The files of a folder, as they are. */
export function filesOf(folder: string): Before[] {
  return readdirSync(folder).map((name) => {
    const file = join(folder, name);
    return { name, inode: statSync(file).ino, bytes: readFileSync(file) };
  });
}

/** Whether all that happened to the files went through the log: they are what the log makes of them. */
export function unlogged(steps: readonly Step[], base: readonly Before[], folder: string): string[] {
  const disk = new Disk({ base });
  for (const step of steps) disk.take(step);
  const image = disk.image('all', () => 0.999);
  const files = filesOf(folder).filter(({ name }) => !name.endsWith('-shm'));
  const names = new Set([...image.keys(), ...files.map(({ name }) => name)]);
  return [...names].filter((name) => {
    const file = files.find((each) => each.name === name);
    return !file?.bytes.equals(image.get(name) ?? Buffer.alloc(0));
  });
}
