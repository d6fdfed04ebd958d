/**
 * Runs every example as examples/manifest.json lists it and expects it to end well. `node scripts/examples.ts hello`
 * runs only those whose file contains the word.
 *
 * An entry: `{ "file": "hello/main.ts", "args": [], "expect": ["a regular expression that the output matches"],
 * "env": {}, "seconds": 60 }`; all but `file` may be left out. A program that is not listed is an error: list it, or
 * say why it cannot run here with `"skip": "needs a key"`.
 */
import { globSync, readFileSync } from 'node:fs';
import { at, conclude, duration, execute, need, pool } from './lib/script.ts';

type Example = {
  file: string;
  args?: string[];
  expect?: string[];
  env?: Record<string, string>;
  seconds?: number;
  skip?: string;
};

async function attempt(example: Example): Promise<readonly string[]> {
  const { file, args = [], expect = [], env = {}, seconds = 60 } = example;
  const name = [file, ...args].join(' ');
  const { code, ms, output } = await execute({
    command: 'node',
    args: ['--import', at('scripts/docs-preload.ts'), at('examples', file), ...args],
    env: { BATON_DOCS: '1', NODE_ENV: 'test', NO_COLOR: '1', FORCE_COLOR: undefined, ...env },
    quiet: true,
    timeoutMs: seconds * 1000,
  });
  const missing = expect.filter((pattern) => !new RegExp(pattern, 'm').test(output));
  const well = code === 0 && missing.length === 0;
  console.log(`${well ? '✓' : '✗'} ${name} ${duration(ms)}`);
  if (code !== 0) return [`${name} ended with ${code}:\n${output}`];
  return missing.map((pattern) => `${name} printed nothing that matches ${pattern}:\n${output}`);
}

async function main(): Promise<void> {
  need('examples', 'src/index.ts');
  need('examples', 'examples/manifest.json');
  const examples: Example[] = JSON.parse(readFileSync(at('examples/manifest.json'), 'utf8'));
  const listed = new Set(examples.map(({ file }) => file));
  const programs = globSync(['*/main.ts', '*.ts'], { cwd: at('examples') });
  const problems = programs
    .filter((file) => !file.endsWith('.test.ts') && !listed.has(file.replaceAll('\\', '/')))
    .map((file) => `examples/${file} is not listed in examples/manifest.json`);
  if (examples.length === 0) problems.push('examples/manifest.json lists nothing');

  const [word = ''] = process.argv.slice(2);
  const wanted = examples.filter(({ file }) => file.includes(word));
  for (const { file, skip } of wanted) if (skip !== undefined) console.log(`- ${file} skipped: ${skip}`);
  const run = wanted.filter(({ skip }) => skip === undefined);
  problems.push(...(await pool(run, 2, attempt)).flat());
  conclude(problems, `examples: ${run.length} run`);
}

if (import.meta.main) await main();
