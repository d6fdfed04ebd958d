/**
 * Runs the tests on other versions of Node: `node scripts/node-versions.ts 22.13.0 26`.
 *
 * Each version comes from the npm package `node`, installed into a temporary folder; the project stays as it is.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, duration, execute, withTemporary } from './lib/script.ts';

const versions = process.argv.slice(2);
if (versions.length === 0) throw new Error('Name versions of Node: node scripts/node-versions.ts 22.13.0 26');

/** Installs one version and returns the path of its binary. */
async function install(version: string, folder: string): Promise<string> {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }));
  const args = ['install', `node@${version}`, '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = await execute({ command: 'npm', args, cwd: folder, quiet: true });
  if (code !== 0) throw new Error(`npm cannot install Node ${version}:\n${output}`);
  return join(folder, 'node_modules', '.bin');
}

async function testOn(version: string): Promise<boolean> {
  return withTemporary('node', async (folder) => {
    const bin = await install(version, folder);
    const node = join(bin, 'node');
    const [exact = ''] = (await execute({ command: node, args: ['--version'], quiet: true })).output.split('\n');
    if (!exact.startsWith(`v${version}`)) throw new Error(`Asked for Node ${version}, got ${exact}.`);
    console.log(`\n▸ tests on Node ${exact}`);
    const results = process.env['BATON_RESULTS'];
    const json = results ? ['--reporter=json', `--outputFile=${results}/node-${version}.json`] : [];
    // Before 22.18 Node runs TypeScript only when asked to; tests that start a process need it.
    const options = exact.startsWith('v22.') ? { NODE_OPTIONS: '--experimental-strip-types --no-warnings' } : {};
    const args = [at('node_modules/vitest/vitest.mjs'), 'run', '--reporter=dot', ...json];
    const { code, ms } = await execute({ command: node, args, env: options });
    console.log(`${code === 0 ? '✓' : '✗'} tests on Node ${exact} ${duration(ms)}`);
    return code === 0;
  });
}

const failed: string[] = [];
for (const version of versions) if (!(await testOn(version))) failed.push(version);
if (failed.length > 0) throw new Error(`The tests failed on Node ${failed.join(' and ')}.`);
