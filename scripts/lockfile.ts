/**
 * The lockfile names no registry, so that it installs from whichever one the machine is set up for; and it lists each
 * optional package that another one names, or `npm ci` refuses it.
 *
 * npm leaves an optional package out where the registry in use does not carry it, as happens with builds for other
 * platforms. `node scripts/lockfile.ts --complete` puts those back, after an `npm install` that added something.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { at, conclude } from './lib/script.ts';

/** What this script reads of an entry; the rest is kept as it is. */
type Entry = {
  version?: string;
  resolved?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
};
type Packages = Record<string, Entry>;
type Missing = { readonly name: string; readonly version: string; readonly dev: boolean };

/** Where a dependency of a package can stand: beside it, or in any node_modules above. */
function places(parent: string, name: string): readonly string[] {
  const parts = parent.split('/node_modules/').map((_, index, all) => all.slice(0, all.length - index));
  return [...parts.map((path) => `${path.join('/node_modules/')}/node_modules/${name}`), `node_modules/${name}`];
}

/** Optional packages that are named but not listed. */
export function missingFrom(packages: Packages): readonly Missing[] {
  return Object.entries(packages).flatMap(([parent, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !places(parent, name).some((path) => path in packages))
      .map(([name, version]) => ({ name, version, dev })),
  );
}

/** The entry of a build for one platform, which its name tells: `…-linux-arm-musleabihf`. */
export function platformEntry({ name, version, dev }: Missing): Entry | undefined {
  const match =
    /\b(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-([a-z0-9]+)(?:-(\w+))?$/.exec(name);
  const [, os, cpu, abi] = match ?? [];
  if (os === undefined || cpu === undefined || !/^\d/.test(version)) return undefined;
  const libc = os !== 'linux' || !abi ? {} : { libc: [abi.startsWith('musl') ? 'musl' : 'glibc'] };
  return { version, cpu: [cpu], ...(dev ? { dev } : {}), ...libc, optional: true, os: [os] };
}

function main(): void {
  const file = at('package-lock.json');
  const lock: { packages: Packages } = JSON.parse(readFileSync(file, 'utf8'));
  const problems: string[] = [];
  for (const missing of missingFrom(lock.packages)) {
    const entry = process.argv.includes('--complete') ? platformEntry(missing) : undefined;
    if (entry) lock.packages[`node_modules/${missing.name}`] = entry;
    else problems.push(`${missing.name} is named but not listed: run "node scripts/lockfile.ts --complete"`);
  }
  if (process.argv.includes('--complete')) {
    lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')));
    writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  }
  for (const [path, { resolved = '' }] of Object.entries(lock.packages)) {
    if (/^(https?|git)/.test(resolved)) problems.push(`${path} names where it came from: install with this .npmrc`);
  }
  if (/^\s*(@[^:]+:)?registry\s*=/m.test(readFileSync(at('.npmrc'), 'utf8'))) problems.push('.npmrc names a registry');
  const count = Object.keys(lock.packages).length - 1;
  if (count < 1) problems.push('package-lock.json lists no packages: the check is blind, mend it');
  conclude(problems, `lockfile: ${count} packages, none missing, no registry named`);
}

if (import.meta.main) main();
