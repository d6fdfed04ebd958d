/**
 * Checks the package as it would be published: packed, then read by publint and by "are the types wrong".
 */
import { built, conclude, execute, need, withTemporary } from './lib/script.ts';
import { pack } from './lib/pack.ts';

async function main(): Promise<void> {
  need('package checks', 'src/index.ts');
  built();
  await withTemporary('pack', async (folder) => {
    const { file, contents } = await pack(folder);
    const problems = contents
      .filter((path) => /\.(test|test-d|fixture)\.|(?<!\.d)\.ts$/.test(path))
      .map((path) => `${path} is in the package, but is for this repository only`);
    const linters = [
      { command: 'publint', args: ['run', file, '--strict'] },
      { command: 'attw', args: [file, '--profile', 'esm-only', '--no-emoji'] },
    ];
    for (const linter of linters) {
      const { code, output } = await execute({ ...linter, quiet: true });
      if (code !== 0) problems.push(`${linter.command} found problems:\n${output}`);
    }
    conclude(problems, `package: ${contents.length} files, publint and attw find nothing`);
  });
}

if (import.meta.main) await main();
