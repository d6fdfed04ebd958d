/**
 * All checks of the repository, one after the other: `node scripts/check.ts`, or only some: `… lint rooms`.
 *
 * Every check runs even where an earlier one failed, so that one run shows all there is to mend.
 */
import { SKIPPED, duration, execute } from './lib/script.ts';

type Check = { readonly name: string; readonly command: string; readonly args: readonly string[] };

const script = (name: string, file: string, ...args: string[]): Check => ({
  name,
  command: 'node',
  args: [`scripts/${file}`, ...args],
});

/** What reads dist/ stands after the build. */
const CHECKS: readonly Check[] = [
  script('lockfile', 'lockfile.ts'),
  { name: 'format', command: 'oxfmt', args: ['--check'] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  script('rooms', 'rooms.ts', '--check'),
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', 'tsconfig.json'] },
  // Programs for the published package, which the check above compiled as they are, with ours in its place.
  { name: 'migration', command: 'tsc', args: ['--noEmit', '-p', 'test/types/migration/tsconfig.json'] },
  script('unused', 'unused.ts'),
  script('coverage', 'coverage.ts'),
  script('kernel', 'kernel-bundle.ts'),
  script('build', 'build.ts'),
  { name: 'shipped', command: 'tsc', args: ['--noEmit', '-p', 'test/types/tsconfig.dist.json'] },
  { name: 'consumer', command: 'tsc', args: ['-p', 'test/types/consumer/tsconfig.json'] },
  script('package', 'package.ts'),
  script('api', 'api-report.ts', '--check'),
  script('size', 'size.ts'),
  script('docs', 'docs.ts'),
  script('examples', 'examples.ts'),
];

const wanted = process.argv.slice(2);
const names = CHECKS.map(({ name }) => name);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`There is no check "${unknown.join('", "')}". There are: ${names.join(', ')}.`);

const table: string[] = [];
let failures = 0;
for (const { name, command, args } of CHECKS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n▸ ${name}: ${command} ${args.join(' ')}`);
  const { code, ms } = await execute({ command, args, env: { BATON_CHECK: '1' } });
  const mark = code === 0 ? '✓' : code === SKIPPED ? '-' : '✗';
  if (mark === '✗') failures += 1;
  table.push(`${mark} ${name.padEnd(10)} ${duration(ms).padStart(8)}${mark === '-' ? ' skipped' : ''}`);
}
console.log(`\n${table.join('\n')}`);
console.log(failures === 0 ? 'No check failed.' : `${failures} of ${table.length} checks failed.`);
process.exit(failures === 0 ? 0 : 1);
