/**
 * Builds dist/: declarations by tsc, JavaScript by scripts/lib/bundle.ts, and every relative import of what came out
 * leads to a file. Few files, because the loader's time a file is much of an import's time (decisions/003, 090). Not
 * minified: stack traces stay readable.
 *
 * The declarations keep saying './a.ts': TypeScript from 5 on reads that as './a.d.ts', and so do publint and attw.
 */
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle } from './lib/bundle.ts';
import { shippedDeclaration } from './lib/declarations.ts';
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

async function main(): Promise<void> {
  rmSync(at('dist'), { recursive: true, force: true });
  const { code, ms } = await execute({ command: 'tsc', args: ['-p', 'tsconfig.build.json', '--emitDeclarationOnly'] });
  if (code !== 0) process.exit(code);
  const problems = [...(await bundle([...entryPoints().map(({ source }) => source), 'src/cli/main.ts']))];
  for (const file of globSync('dist/**/*.d.ts', { cwd: at() })) {
    writeFileSync(at(file), shippedDeclaration(readFileSync(at(file), 'utf8')));
  }
  const files = globSync('dist/**/*.{js,d.ts}', { cwd: at() });
  const exists = (path: string): boolean => existsSync(at(path));
  problems.push(...files.flatMap((file) => dangling(file, readFileSync(at(file), 'utf8'), exists)));
  if (files.length === 0) problems.push('The build made no file');
  conclude(problems, `build: ${files.length} files in dist/, tsc took ${duration(ms)}`);
}

if (import.meta.main) await main();
