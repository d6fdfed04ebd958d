/** What installing a library puts on the disk: the library, all that it needs, and zod. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Installed = { version: string; packages: number; bytes: number };

type Manifest = {
  name: string;
  version: string;
  files?: string[];
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
};

const bench = dirname(fileURLToPath(import.meta.url));
const repository = dirname(bench);
const manifest = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Bytes of all files; packages inside are counted on their own. */
function bytesOf(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.size;
  let sum = 0;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.name !== 'node_modules' && !entry.isSymbolicLink()) sum += bytesOf(join(path, entry.name));
  }
  return sum;
}

/** Where Node would find a package: in the nearest `node_modules` upwards, but never above the repository. */
function find(name: string, from: string): string | undefined {
  for (let folder = from; folder.startsWith(repository); folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return undefined;
}

function needs(of: Manifest): string[] {
  const peers = Object.keys(of.peerDependencies ?? {}).filter((name) => !of.peerDependenciesMeta?.[name]?.optional);
  return [...Object.keys(of.dependencies ?? {}), ...Object.keys(of.optionalDependencies ?? {}), ...peers];
}

function tree(folders: string[]): Set<string> {
  const seen = new Set<string>();
  const open = [...folders];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    for (const name of needs(manifest(folder))) {
      const found = find(name, folder);
      if (found !== undefined) open.push(found);
    }
  }
  return seen;
}

function count(version: string, folders: Set<string>): Installed {
  let bytes = 0;
  for (const folder of folders) bytes += bytesOf(folder);
  return { version, packages: folders.size, bytes };
}

function present(name: string): string {
  const folder = find(name, bench);
  if (folder === undefined) throw new Error(`${name} is not installed. Run "npm ci --prefix bench".`);
  return folder;
}

/** @param name of a package that bench/package.json lists */
export function installedPeer(name: string): Installed {
  const folder = present(name);
  return count(manifest(folder).version, tree([folder, present('zod')]));
}

/** This project as npm would publish it: the files that package.json names. */
export function installedSelf(): Installed {
  const own = manifest(repository);
  const others = tree([present('zod'), ...needs(own).flatMap((name) => find(name, repository) ?? [])]);
  const { packages, bytes } = count(own.version, others);
  let size = bytes;
  for (const file of new Set(['package.json', ...(own.files ?? [])])) {
    if (existsSync(join(repository, file))) size += bytesOf(join(repository, file));
  }
  return { version: own.version, packages: packages + 1, bytes: size };
}
