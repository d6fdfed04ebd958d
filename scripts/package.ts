/**
 * Checks the package as it would be published: packed, then read by publint and by "are the types wrong".
 */
import { execute, need, conclude, withTemporary } from './lib/script.ts';
import { pack } from './lib/pack.ts';

async function main(): Promise<void> {
  need('package checks', 'src/index.ts');
  need('package checks', 'dist/index.js');
  await withTemporary('pack', async (folder) => {
    const { file, contents } = await pack(folder);
    const problems = contents
      .filter((path) => /\.(test|test-d|fixture)\.|(?<!\.d)\.ts$/.test(path))
      .map((path) => `${path} is in the package, but is for this repository only`);
    const publint = await execute({ command: 'publint', args: ['run', file, '--strict'] });
    if (publint.code !== 0) problems.push('publint found problems');
    const attw = await execute({ command: 'attw', args: [file, '--profile', 'esm-only', '--no-emoji'] });
    if (attw.code !== 0) problems.push('attw found problems');
    conclude(problems, `package: ${contents.length} files`);
  });
}

if (import.meta.main) await main();
