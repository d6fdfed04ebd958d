/** Other engines, each in a process of its own: DBOS on the same PostgreSQL, Restate with a server of its own. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Pair } from './steps.ts';

const run = promisify(execFile);
const path = (name: string): string => new URL(`engines/${name}`, import.meta.url).pathname;

/** What was measured, or why nothing was. */
export type Engine = { readonly name: string; readonly gives: string; readonly result: Pair | string };

const GIVES = {
  dbos:
    'DBOS gives workflows beyond agents, queues, schedules and streams in any PostgreSQL application; ' +
    'taking over the runs of a dead process is not in its open-source library.',
  restate:
    'Restate gives takeover within a second, timers, fan-out, virtual objects and versioned deployments for services ' +
    'in several languages, by a server of its own beside the application (226 MB).',
};

async function pairOf(command: string, args: readonly string[]): Promise<Pair | string> {
  try {
    const env = { ...process.env, RESTATE_LOGGING: 'ERROR' };
    const { stdout } = await run(command, args, { env, maxBuffer: 1 << 26, timeout: 300_000 });
    // The engine may print lines of its own before.
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Pair;
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message.split('\n').slice(0, 3).join(' ') : String(error)}`;
  }
}

export async function measureEngines(postgres: string | undefined, ms: number): Promise<Engine[]> {
  const isInstalled = existsSync(path('node_modules'));
  const missing = 'not measured: npm ci --prefix bench/durable/engines installs it (236 MB).';
  const ours = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;
  const dbos = !isInstalled
    ? missing
    : postgres === undefined
      ? 'not measured: it needs BATON_POSTGRES_URL.'
      : await pairOf(ours[0], [ours[1], path('dbos.ts'), postgres, String(ms)]);
  // A network of its own: the server would ask the internet for newer versions of itself.
  const restate = !isInstalled
    ? missing
    : await pairOf('unshare', ['--net', '--map-root-user', ...ours, path('restate.ts'), String(ms)]);
  return [
    { name: 'DBOS 5.3, PostgreSQL', gives: GIVES.dbos, result: dbos },
    { name: 'Restate 1.7', gives: GIVES.restate, result: restate },
  ];
}
