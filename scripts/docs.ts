/**
 * The code of the documentation is code: every ```ts block of README.md, docs/ and the docstrings of src/ is
 * type-checked, all of them together, and then run on its own.
 *
 * ```ts no-run   is type-checked only: it needs a key, a server or a user.
 * Other fences (```js, ```text, ```sh …) are not looked at. See docs-preload.ts for what a block runs with.
 *
 * Before that, links between the pages are followed (scripts/lib/links.ts).
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { entryPoints } from './lib/entry-points.ts';
import { lineOf } from './lib/imports.ts';
import { linkProblems } from './lib/links.ts';
import { at, conclude, duration, execute, need, pool, root } from './lib/script.ts';

/** A block of code, where it stands and whether it is run. */
export type Block = { readonly page: string; readonly line: number; readonly code: string; readonly run: boolean };

const FOLDER = '.baton/docs';
const LIMIT_MS = 30_000;
const FENCE = /^([ \t]*)(`{3,})ts([^\S\n][^\n]*)?\n(.*?)^[ \t]*\2[ \t]*$/gms;

/** The ```ts blocks of a page of Markdown. An unknown word after `ts` is an error. */
export function blocksOf(page: string, text: string): readonly Block[] {
  return [...text.matchAll(FENCE)].map((match) => {
    const [, indent = '', , words = '', body = ''] = match;
    const line = lineOf(text, match.index);
    const flags = words.trim().split(/\s+/).filter(Boolean);
    const unknown = flags.find((flag) => flag !== 'no-run');
    if (unknown !== undefined) throw new Error(`${page}:${line}: "ts ${unknown}" is unknown; there is "ts no-run".`);
    const code = indent ? body.replaceAll(new RegExp(`^${indent}`, 'gm'), '') : body;
    return { page, line, code, run: flags.length === 0 };
  });
}

/** A source file as a page: what its docstrings say, on the same lines, everything else blank. */
export function docstringsOf(source: string): string {
  const lines = source.split('\n').map(() => '');
  for (const match of source.matchAll(/\/\*\*.*?\*\//gs)) {
    const first = lineOf(source, match.index) - 1;
    const inner = match[0].slice(3, -2).split('\n');
    for (const [index, line] of inner.entries()) lines[first + index] = line.replace(/^[ \t]*\* ?/, '');
  }
  return lines.join('\n');
}

function readBlocks(): readonly Block[] {
  const pages = globSync(['README.md', 'docs/**/*.md', 'examples/**/README.md'], { cwd: root });
  const sources = globSync('src/**/*.ts', { cwd: root }).filter((path) => !/\.(test|test-d)\.ts$/.test(path));
  const read = (path: string): string => readFileSync(at(path), 'utf8');
  return [
    ...pages.toSorted().flatMap((path) => blocksOf(path, read(path))),
    ...sources.toSorted().flatMap((path) => blocksOf(path, docstringsOf(read(path)))),
  ];
}

const fileOf = ({ page, line }: Block): string => `${page.replaceAll(/[\\/.]/g, '-')}-${line}.ts`;

/** Writes the blocks into the repository, where imports of packages resolve. */
function writeBlocks(blocks: readonly Block[]): void {
  rmSync(at(FOLDER), { recursive: true, force: true });
  mkdirSync(at(FOLDER), { recursive: true });
  const paths = Object.fromEntries(entryPoints().map(({ specifier, source }) => [specifier, [at(source)]]));
  const compilerOptions = { paths, noUnusedLocals: false, noUnusedParameters: false, moduleDetection: 'force' };
  const settings = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] };
  writeFileSync(at(FOLDER, 'tsconfig.json'), JSON.stringify(settings));
  writeFileSync(at(FOLDER, 'package.json'), '{"type":"module"}');
  for (const block of blocks) writeFileSync(at(FOLDER, fileOf(block)), block.code);
}

/** Turns `x.ts(3,5)` and `x.ts:3:5` of a block's file into the line of its page. */
function locate(output: string, blocks: readonly Block[]): string {
  return blocks.reduce((text, block) => {
    const file = fileOf(block).replaceAll('.', '\\.');
    const place = new RegExp(`(?:file://)?[^\\s("']*${file}[(:](\\d+)(?:,(\\d+)\\))?`, 'g');
    return text.replaceAll(place, (_, line: string, column?: string) => {
      const where = `${block.page}:${block.line + Number(line)}`;
      return column === undefined ? where : `${where}:${column}`;
    });
  }, output);
}

async function main(): Promise<void> {
  need('documentation code', 'src/index.ts');
  const blocks = readBlocks();
  if (blocks.length === 0) {
    conclude(['README.md and docs/ hold no ```ts block: the check is blind, or the documentation has no code'], '');
  }
  const pages = globSync(['*.md', 'docs/**/*.md', 'decisions/*.md', 'bench/*.md', 'examples/**/*.md'], { cwd: root });
  const texts = new Map(pages.map((path) => [path.replaceAll('\\', '/'), readFileSync(at(path), 'utf8')]));
  const lost = linkProblems(texts, (path) => existsSync(at(path)));
  if (lost.length > 0) conclude(lost, '');

  writeBlocks(blocks);
  const types = await execute({ command: 'tsc', args: ['--noEmit', '-p', `${FOLDER}/tsconfig.json`], quiet: true });
  if (types.code !== 0) conclude([`The code does not type-check:\n${locate(types.output, blocks)}`], '');
  console.log(`${blocks.length} blocks type-checked in ${duration(types.ms)}`);

  const runnable = blocks.filter((block) => block.run);
  const problems = await pool(runnable, 2, async (block) => {
    const args = ['--import', at('scripts/docs-preload.ts'), at(FOLDER, fileOf(block))];
    // As a user's program runs: with NODE_ENV=test, nothing would be traced.
    const env = { BATON_DOCS: '1', NODE_ENV: '', FORCE_COLOR: '0' };
    const { code, ms, output } = await execute({ command: 'node', args, env, quiet: true, timeoutMs: LIMIT_MS });
    console.log(`${code === 0 ? '✓' : '✗'} ${block.page}:${block.line} ${duration(ms)}`);
    return code === 0 ? [] : [`${block.page}:${block.line} ended with ${code}:\n${locate(output, blocks)}`];
  });
  conclude(problems.flat(), `docs: ${blocks.length} blocks type-checked, ${runnable.length} run`);
}

if (import.meta.main) await main();
