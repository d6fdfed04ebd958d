/**
 * Builds dist/: declarations by tsc, one file an entry point (and what they share) by esbuild, and every relative
 * import of what came out leads to a file. Few files, because the loader's time a file is most of an import's time
 * (decisions/003-one-file-an-entry-point.md). Not minified: stack traces stay readable.
 *
 * The declarations keep saying './a.ts': TypeScript from 5 on reads that as './a.d.ts', and so do publint and attw.
 */
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build as bundle, type Plugin } from 'esbuild';
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
 * Worker threads as text, by the name under which the sources look for it. A text in the bundle is found wherever
 * users' bundlers put it; a file beside it would be left behind.
 */
const THREADS = { BATON_SQLITE_WORKER: 'src/sqlite-thread.ts' } as const;

/**
 * What gets a file of its own, so that a program's bundler can leave it out although it is also asked for late. esbuild
 * takes a file whole, with all that the file imports: without this, whoever imports `run` would bring the projection of
 * histories at once, which OpenAI's models ask for only when a history was written elsewhere (decisions/035).
 */
const APART = {
  'parts/providers': [
    'src/model/projection/project-history.ts',
    'src/providers/anthropic/index.ts',
    'src/providers/ai-sdk/index.ts',
  ],
  'parts/openai': ['src/providers/openai/index.ts'],
} as const;

/** Makes one entry of several files. */
const apart: Plugin = {
  name: 'apart',
  setup: (build) => {
    build.onResolve({ filter: /^parts\// }, ({ path }) => ({ path, namespace: 'apart' }));
    build.onLoad({ filter: /.*/, namespace: 'apart' }, ({ path }) => ({
      contents: Object.entries(APART)
        .flatMap(([name, files]) => (name === path ? files : []))
        .map((file) => `export * from ${JSON.stringify(at(file))};`)
        .join('\n'),
      resolveDir: at(),
    }));
  },
};

/** Each thread bundled on its own: Node evaluates it as CommonJS. */
async function threads(): Promise<Record<string, string>> {
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

/**
 * An import for its effects alone, which esbuild writes to keep an order: our files have no effects, bundlers of users
 * warn of it, and it would bring what stands apart.
 */
function dropBareImports(path: string): void {
  const source = readFileSync(path, 'utf8');
  const kept = source.replaceAll(/^import "\.{1,2}\/[^"]+";\n/gm, '');
  if (kept !== source) writeFileSync(path, kept);
}

async function main(): Promise<void> {
  rmSync(at('dist'), { recursive: true, force: true });
  const { code, ms } = await execute({ command: 'tsc', args: ['-p', 'tsconfig.build.json', '--emitDeclarationOnly'] });
  if (code !== 0) process.exit(code);
  await bundle({
    absWorkingDir: at(),
    entryPoints: [
      ...entryPoints().map(({ source, script }) => ({ in: source, out: script.slice('dist/'.length, -'.js'.length) })),
      ...Object.keys(APART).map((name) => ({ in: name, out: name })),
    ],
    plugins: [apart],
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
  for (const file of globSync('dist/**/*.js', { cwd: at() })) dropBareImports(at(file));
  const files = globSync('dist/**/*.{js,d.ts}', { cwd: at() });
  const exists = (path: string): boolean => existsSync(at(path));
  const problems = files.flatMap((file) => dangling(file, readFileSync(at(file), 'utf8'), exists));
  if (files.length === 0) problems.push('The build made no file');
  conclude(problems, `build: ${files.length} files in dist/, tsc took ${duration(ms)}`);
}

if (import.meta.main) await main();
