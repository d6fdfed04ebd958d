/**
 * Checks the package as it would be published: packed, then read by publint and by "are the types wrong",
 * then unpacked and used where only the built files are: a session in a file, which needs a thread of the build; and
 * classes and functions have the names that they are exported by.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { built, conclude, execute, need, withTemporary } from './lib/script.ts';
import { pack } from './lib/pack.ts';

const USE = `
import * as all from '@baton/agents';
// Names are shown by errors, inspectors and loggers. A bundler may change them.
for (const [name, value] of Object.entries(all)) {
  if (typeof value === 'function' && value.name !== name) throw new Error(name + ' is called ' + value.name);
}
const { SQLiteSession } = all;
const session = new SQLiteSession('s', { dbPath: 'sessions.db' });
await session.addItems([{ type: 'message', role: 'user', content: 'kept' }]);
await session.close();
const again = new SQLiteSession('s', { dbPath: 'sessions.db' });
const [item] = await again.getItems();
if (item?.content !== 'kept') throw new Error('The session lost its item');
`;

/** Unpacks the package into a project of its own and uses it. Returns what it said when that failed. */
async function use(file: string, folder: string): Promise<string | undefined> {
  const target = join(folder, 'use', 'node_modules', '@baton', 'agents');
  mkdirSync(target, { recursive: true });
  const unpack = ['-xzf', file, '-C', target, '--strip-components=1'];
  await execute({ command: 'tar', args: unpack, quiet: true });
  writeFileSync(join(folder, 'use', 'use.mjs'), USE);
  const { code, output } = await execute({
    command: 'node',
    args: ['use.mjs'],
    cwd: join(folder, 'use'),
    quiet: true,
    timeoutMs: 60_000,
  });
  return code === 0 ? undefined : output;
}

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
    const failure = await use(file, folder);
    if (failure !== undefined) problems.push(`The unpacked package does not work:\n${failure}`);
    conclude(problems, `package: ${contents.length} files, publint and attw find nothing, a session in a file works`);
  });
}

if (import.meta.main) await main();
