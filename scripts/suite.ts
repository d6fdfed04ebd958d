/**
 * Runs the tests that `npm test` leaves out, or runs harder: `node scripts/suite.ts kill soak property`.
 *
 * A suite is all files `*.<suite>.test.ts`. Property tests run with BATON_PROPERTY_RUNS runs each, 1,000 if unset.
 */
import { globSync } from 'node:fs';
import { at, duration, execute, skip } from './lib/script.ts';

const suites = process.argv.slice(2);
if (suites.length === 0) throw new Error('Name a suite: node scripts/suite.ts kill soak property');

let failed = 0;
const absent: string[] = [];
for (const suite of suites) {
  const files = globSync(`{src,test,scripts,examples}/**/*.${suite}.test.ts`, { cwd: at() }).filter(
    (file) => suite !== 'services' || !file.endsWith('.soak.services.test.ts'),
  );
  if (files.length === 0) {
    absent.push(suite);
    continue;
  }
  const runs = suite === 'property' ? (process.env['BATON_PROPERTY_RUNS'] ?? '1000') : undefined;
  console.log(`▸ suite ${suite}: ${files.length} files${runs === undefined ? '' : `, ${runs} runs a property`}`);
  const results = process.env['BATON_RESULTS'];
  const reporters = results ? ['--reporter=default', '--reporter=json', `--outputFile=${results}/${suite}.json`] : [];
  const { code, ms } = await execute({
    command: 'vitest',
    args: ['run', ...reporters],
    env: { BATON_SUITE: suite, BATON_PROPERTY_RUNS: runs },
  });
  console.log(`${code === 0 ? '✓' : '✗'} suite ${suite} ${duration(ms)}`);
  if (code !== 0) failed += 1;
}
if (failed > 0) process.exit(1);
for (const suite of absent) console.error(`!!! suite ${suite} has no file *.${suite}.test.ts.`);
if (absent.length === suites.length) skip(suites.join(', '), 'there is no such test');
