/**
 * `npm run test:kill:full`: the kill harness at its full size, on SQLite and then on PostgreSQL: at least 2,000 kills
 * each, at least 5 in every cell of phase, effect and life, and 250 in airline conversations; other systems each time,
 * unless BATON_KILL_SEED names those of an earlier one. Names of stores as
 * arguments leave the others out.
 */
import { at, duration, execute } from './lib/script.ts';

const STORES = ['sqlite', 'postgres'] as const;
const seed = process.env['BATON_KILL_SEED'] ?? String(Date.now() % 1_000_000);
const env = { BATON_KILLS: '2000', BATON_KILL_FLOOR: '5', BATON_AIRLINE_KILLS: '250', BATON_KILL_SEED: seed };

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !STORES.some((store) => store === name));
if (unknown.length > 0)
  throw new Error(`There is no store "${unknown.join('", "')}". There are: ${STORES.join(', ')}.`);

let failed = 0;
for (const store of STORES.filter((name) => asked.length === 0 || asked.includes(name))) {
  const kind = store === 'sqlite' ? 'kill' : 'kill.services';
  const files = ['process', 'airline'].map((name) => `test/kill/process/${name}.${kind}.test.ts`);
  // One file at a time: each has processes of its own.
  const vitest = ['vitest', 'run', '--no-file-parallelism', ...files];
  const services = ['node', at('scripts', 'services', 'main.ts'), 'postgres', '--'];
  const [command = '', ...args] = store === 'sqlite' ? vitest : [...services, ...vitest];
  const suite = store === 'sqlite' ? 'kill' : 'services';
  const { code, ms } = await execute({ command, args, env: { ...env, BATON_SUITE: suite } });
  console.log(`${code === 0 ? '✓' : '✗'} kills on ${store} ${duration(ms)}`);
  if (code !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
