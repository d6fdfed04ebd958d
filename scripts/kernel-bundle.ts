/**
 * The kernel stays pure: its bundle has no Node import, and outside of drive.ts there is no clock, no random,
 * no timer, no I/O and no await. What builds the same state from the same log must not look around.
 */
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename } from 'node:path';
import { build as bundle, transform, type Plugin } from 'esbuild';
import { lineOf, parse, walk } from './lib/imports.ts';
import { at, conclude, need } from './lib/script.ts';

const ENTRY = 'src/kernel/index.ts';
/** The one file that may wait. */
const WAITS = 'drive.ts';
/** Globals that make two folds of one log differ, or reach out of the process. */
const IMPURE = [
  'Date',
  'Math.random',
  'performance',
  'crypto',
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'fetch',
  'console',
  'globalThis',
  'require',
];

/** Names of impure globals that a module refers to. A local of the same name, a field or a comment is none. */
export async function impureGlobals(source: string): Promise<readonly string[]> {
  const marker = (name: string): string => `__impure_${name.replace('.', '_')}__`;
  const define = Object.fromEntries(IMPURE.map((name) => [name, marker(name)]));
  const { code } = await transform(source, { loader: 'ts', define, logLevel: 'silent' });
  return IMPURE.filter((name) => code.includes(marker(name)));
}

/** Lines of a module where it awaits or declares something asynchronous. */
export function asyncLines(file: string, source: string): readonly number[] {
  const lines = new Set<number>();
  walk(parse(file, source).program, (node) => {
    const waits = node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node['await'] === true);
    if (waits || node['async'] === true) lines.add(lineOf(source, node.start));
  });
  return [...lines];
}

/** Collects what the bundle takes from outside instead of failing at the first one. */
function noteExternals(found: Set<string>): Plugin {
  return {
    name: 'note-externals',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path, importer, kind }) => {
        if (kind === 'entry-point') return undefined;
        const what = isBuiltin(path) ? 'a Node module' : 'a package';
        found.add(`${importer.replace(`${at()}/`, '')} imports ${path}: the kernel must not need ${what}`);
        return { path, external: true };
      });
    },
  };
}

async function main(): Promise<void> {
  need('kernel purity', ENTRY);
  const externals = new Set<string>();
  const { metafile, outputFiles } = await bundle({
    entryPoints: [at(ENTRY)],
    absWorkingDir: at(),
    bundle: true,
    platform: 'neutral',
    format: 'esm',
    write: false,
    metafile: true,
    logLevel: 'silent',
    plugins: [noteExternals(externals)],
  });
  const problems = [...externals];
  const files = Object.keys(metafile.inputs).filter((file) => file.startsWith('src/'));
  for (const file of files) {
    if (basename(file) === WAITS) continue;
    const source = readFileSync(at(file), 'utf8');
    for (const name of await impureGlobals(source)) problems.push(`${file} refers to ${name}`);
    for (const line of asyncLines(file, source)) problems.push(`${file}:${line} is asynchronous; only ${WAITS} waits`);
  }
  if (files.length === 0) problems.push('The bundle holds no file of src/: the check is blind, mend it');
  const size = (outputFiles[0]?.contents.length ?? 0) / 1000;
  conclude(problems, `kernel: ${files.length} files, ${size.toFixed(1)} KB as one bundle, nothing from outside`);
}

if (import.meta.main) await main();
