/** Redis 7. Gives BATON_REDIS_URL, with a password of this run; each command is written to a file at once a second. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ask, findProgram, freePort, ordinaryUser, runService, serviceFolder } from './service.ts';
import type { Running, Service } from './service.ts';

export const redis: Service = { name: 'redis', start: () => startRedis() };

/** @param settings further pairs of redis.conf; the last one of a name holds */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<Running> {
  const bin = findProgram('redis-server', { packages: ['redis-server'], folders: () => [] });
  const user = ordinaryUser();
  const folder = serviceFolder('redis', user);
  const port = await freePort();
  const password = randomBytes(18).toString('base64url');
  const all = { appendonly: 'yes', appendfsync: 'everysec', 'maxmemory-policy': 'noeviction', save: '', ...settings };
  const fixed = { bind: '127.0.0.1', port: String(port), dir: folder, requirepass: password, daemonize: 'no' };
  return runService(
    {
      name: 'Redis',
      command: join(bin, 'redis-server'),
      args: Object.entries({ ...all, ...fixed }).flatMap(([name, value]) => [`--${name}`, value]),
      folder,
      user,
      ready: () => ask(port, `AUTH ${password}\r\n`, (answer) => answer.startsWith('+OK')),
    },
    { BATON_REDIS_URL: `redis://default:${password}@127.0.0.1:${port}` },
  );
}
