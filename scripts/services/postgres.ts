/** PostgreSQL 15 or newer. Gives BATON_POSTGRES_URL, of a superuser with a password of this run. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, ordinaryUser, runService, serviceFolder } from './service.ts';
import type { Running, Service } from './service.ts';

export const postgres: Service = { name: 'postgres', start: () => startPostgres() };

/** @param settings lines of postgresql.conf, such as `max_connections = 300` */
export async function startPostgres(settings: readonly string[] = []): Promise<Running> {
  const bin = findProgram('initdb', {
    packages: ['postgresql-15'],
    folders: () => globSync('/usr/lib/postgresql/*/bin').toSorted().toReversed(),
  });
  const user = ordinaryUser();
  const folder = serviceFolder('postgres', user);
  const data = join(folder, 'data');
  const password = randomBytes(18).toString('base64url');
  writeFileSync(join(folder, 'password'), password);
  const auth = ['--auth=scram-sha-256', `--pwfile=${join(folder, 'password')}`, '--username=baton'];
  execFileSync(join(bin, 'initdb'), ['-D', data, ...auth, '--encoding=UTF8', '--locale=C'], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const port = await freePort();
  const isReady = `${bin}/pg_isready`;
  const options = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, ...settings];
  return runService(
    {
      name: 'PostgreSQL',
      command: join(bin, 'postgres'),
      args: ['-D', data, ...options.flatMap((option) => ['-c', option])],
      folder,
      user,
      // "fast": ends connections and writes a checkpoint.
      stopSignal: 'SIGINT',
      ready: async () =>
        void execFileSync(isReady, ['-h', '127.0.0.1', '-p', String(port), '-d', 'postgres'], { stdio: 'ignore' }),
    },
    { BATON_POSTGRES_URL: `postgres://baton:${password}@127.0.0.1:${port}/postgres` },
  );
}
