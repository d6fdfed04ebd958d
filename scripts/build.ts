/**
 * Builds dist/: emptied, compiled, and the specifiers of the declarations turned from `.ts` into `.js`.
 *
 * tsc rewrites the endings in JavaScript only; a declaration that says './a.ts' resolves with TypeScript alone.
 */
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { importsOf } from './lib/imports.ts';
import { at, conclude, duration, execute } from './lib/script.ts';

/** The text of a declaration with its relative `.ts` endings turned into `.js`. */
export function rewrite(file: string, source: string): string {
  let text = source;
  for (const { specifier, start, end } of importsOf(file, source).toReversed()) {
    if (!/^\.{1,2}\/.*(?<!\.d)\.ts$/.test(specifier)) continue;
    const quote = source.slice(start, start + 1);
    text = `${text.slice(0, start)}${quote}${specifier.slice(0, -3)}.js${quote}${text.slice(end)}`;
  }
  return text;
}

/** Relative specifiers of a file in dist/ that lead to no file there. */
function dangling(file: string, source: string): readonly string[] {
  const isDeclaration = file.endsWith('.d.ts');
  return importsOf(file, source).flatMap(({ specifier, line }) => {
    if (!specifier.startsWith('.')) return [];
    const path = join(dirname(file), specifier);
    const target = isDeclaration ? path.replace(/\.js$/, '.d.ts') : path;
    return existsSync(target) ? [] : [`${file}:${line} names ${specifier}, which does not exist`];
  });
}

async function main(): Promise<void> {
  rmSync(at('dist'), { recursive: true, force: true });
  const { code, ms } = await execute({ command: 'tsc', args: ['-p', 'tsconfig.build.json'] });
  if (code !== 0) process.exit(code);
  const files = globSync('dist/**/*.{js,d.ts}', { cwd: at() }).map((file) => at(file));
  const problems: string[] = [];
  for (const file of files) {
    const source = readFileSync(file, 'utf8');
    const text = file.endsWith('.d.ts') ? rewrite(file, source) : source;
    if (text !== source) writeFileSync(file, text);
    problems.push(...dangling(file, text));
  }
  if (files.length === 0) problems.push('The build made no file');
  conclude(problems, `build: ${files.length} files in dist/, tsc took ${duration(ms)}`);
}

if (import.meta.main) await main();
