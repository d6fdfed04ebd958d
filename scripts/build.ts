/**
 * Builds dist/: declarations by tsc, one file an entry point (and what they share) by esbuild, and every relative
 * import of what came out leads to a file. Few files, because the loader's time a file is most of an import's time
 * (decisions/003-one-file-an-entry-point.md). Not minified: stack traces stay readable.
 *
 * The declarations keep saying './a.ts': TypeScript from 5 on reads that as './a.d.ts', and so do publint and attw.
 */
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build as bundle } from 'esbuild';
import { entryPoints } from './lib/entry-points.ts';
import { importsOf } from './lib/imports.ts';
import { at, conclude, duration, execute } from './lib/script.ts';

/** Relative imports of a built file that lead nowhere. */
export function dangling(file: string, source: string, exists: (path: string) => boolean): readonly string[] {
  return importsOf(file, source).flatMap(({ specifier, line }) => {
    if (!specifier.startsWith('.')) return [];
    const path = join(dirname(file), specifier);
    const target = file.endsWith('.d.ts') ? path.replace(/(?<!\.d)\.[tj]s$/, '.d.ts') : path;
    return exists(target) ? [] : [`${file}:${line} names ${specifier}, which does not exist`];
  });
}

/**
 * Worker threads as text, by the name under which src/store/sqlite/thread.ts looks for it. A text in the bundle is found wherever
 * users' bundlers put it; a file beside it would be left behind.
 */
const THREADS = { BATON_SQLITE_WORKER: 'src/sqlite-thread.ts' } as const;

/** Each thread bundled on its own: Node evaluates it as CommonJS. */
export async function threads(): Promise<Record<string, string>> {
  const texts = Object.entries(THREADS).map(async ([name, source]): Promise<[string, string]> => {
    const { outputFiles } = await bundle({
      absWorkingDir: at(),
      entryPoints: [source],
      bundle: true,
      write: false,
      format: 'cjs',
      platform: 'node',
      target: 'node22.13',
      packages: 'external',
      legalComments: 'none',
      minifyWhitespace: true,
      minifySyntax: true,
      logLevel: 'warning',
    });
    return [name, JSON.stringify(outputFiles[0]?.text ?? '')];
  });
  return Object.fromEntries(await Promise.all(texts));
}

async function main(): Promise<void> {
  rmSync(at('dist'), { recursive: true, force: true });
  const { code, ms } = await execute({ command: 'tsc', args: ['-p', 'tsconfig.build.json', '--emitDeclarationOnly'] });
  if (code !== 0) process.exit(code);
  await bundle({
    absWorkingDir: at(),
    entryPoints: [...entryPoints().map(({ source }) => source), 'src/cli/main.ts'],
    outdir: 'dist',
    outbase: 'src',
    chunkNames: 'shared-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.13',
    packages: 'external',
    legalComments: 'none',
    logLevel: 'warning',
    define: await threads(),
  });
  const files = globSync('dist/**/*.{js,d.ts}', { cwd: at() });
  const exists = (path: string): boolean => existsSync(at(path));
  const problems = files.flatMap((file) => dangling(file, readFileSync(at(file), 'utf8'), exists));
  if (files.length === 0) problems.push('The build made no file');
  conclude(problems, `build: ${files.length} files in dist/, tsc took ${duration(ms)}`);
}

if (import.meta.main) await main();
