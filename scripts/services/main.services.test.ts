import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
type Ended = { readonly code: number; readonly output: string };
const runMain = (args: readonly string[], options: { uid?: number; env?: NodeJS.ProcessEnv } = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], options, (_, out, err) =>
      resolve({ code: child.exitCode ?? 1, output: out + err }),
    );
  });
const isOpen = (pid: string): boolean => existsSync(`/proc/${pid}`);

test('a command gets the settings and its status comes back; the server and its data are gone afterwards', async () => {
  const script = `const { connect } = require('node:net'); const url = new URL(process.env.BATON_REDIS_URL);
    const socket = connect(url.port, url.hostname, () => socket.write('AUTH ' + url.password + '\\r\\nINFO server\\r\\nCONFIG GET dir\\r\\n'));
    let said = ''; socket.on('data', (data) => { said += data; if (!/baton-redis/.test(said)) return;
    console.log('pid=' + /process_id:(\\d+)/.exec(said)[1] + ' dir=' + /\\S*baton-redis-\\S*/.exec(said)[0]); process.exit(7); });`;
  const { code, output } = await runMain(['redis', '--', process.execPath, '-e', script]);
  expect(code).toBe(7);
  const [, pid = '', dir = ''] = /pid=(\d+) dir=(\S+)/.exec(output) ?? [];
  expect(pid).not.toBe('');
  expect([isOpen(pid), existsSync(dir)]).toEqual([false, false]);
});

test('a service that the machine lacks is said loudly; in CI it is an error', async () => {
  // An ordinary user cannot install it, and this PATH does not have it.
  const uid = process.getuid?.() === 0 ? { uid: 65534 } : {};
  const env = { PATH: dirname(process.execPath) };
  const args = ['redis', '--', process.execPath, '-e', 'console.log("url", process.env.BATON_REDIS_URL)'];
  const local = await runMain(args, { ...uid, env });
  expect(local.output).toContain('!!! SKIPPED redis: redis-server is not installed. Run: sudo apt-get install');
  expect(local.output).toContain('url undefined');
  expect(local.code).toBe(0);
  const ci = await runMain(args, { ...uid, env: { ...env, CI: 'true' } });
  expect(ci.code).toBe(1);
});

test('a name that is no service is refused with those that are', async () => {
  const { code, output } = await runMain(['mysql', '--', 'true']);
  expect(code).toBe(1);
  expect(output).toContain('There is no service "mysql". There are: postgres, redis, phoenix, litellm, prometheus.');
});
