/**
 * Restate, its steps as `bench/durable/steps.ts` says: `node restate.ts <ms>`. Prints one line of JSON.
 *
 * The server asks the internet for newer versions of itself when it starts, also where its telemetry is off: start this
 * in a network of its own (`unshare --net`), as `engines.ts` does. It brings up the loopback by itself.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as restate from '@restatedev/restate-sdk';
import { measurePair, RESULT, STEPS } from '../steps.ts';

const [ms = '5000'] = process.argv.slice(2);
const INGRESS = 'http://127.0.0.1:8080';
const ADMIN = 'http://127.0.0.1:9070';
const PORT = 9080;
const open = new Map<string, number[]>();

const bench = restate.service({
  name: 'bench',
  handlers: {
    steps: async (context: restate.Context, name: string): Promise<void> => {
      const times = open.get(name) ?? [];
      for (let n = 0; n < STEPS; n++) {
        const from = performance.now();
        await context.run(`step${n}`, async () => RESULT);
        times.push(performance.now() - from);
      }
    },
  },
});

async function post(url: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 300)}`);
}

function startServer(dir: string): ChildProcess {
  const file = new URL('node_modules/.bin/restate-server', import.meta.url).pathname;
  const env = { ...process.env, RESTATE_DISABLE_TELEMETRY: 'true', RESTATE_LOG_FILTER: 'error', NO_COLOR: '1' };
  return spawn(process.execPath, [file, '--no-logo', '--base-dir', dir], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function isUp(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

execFileSync('ip', ['link', 'set', 'lo', 'up']);
const dir = mkdtempSync(join(tmpdir(), 'baton-bench-restate-'));
const server = startServer(dir);
try {
  await restate.serve({ services: [bench], port: PORT });
  for (let n = 0; n < 300 && !(await isUp(`${ADMIN}/health`)); n++) await sleep(100);
  await post(`${ADMIN}/deployments`, { uri: `http://127.0.0.1:${PORT}` });
  const pair = await measurePair(async (name, times) => {
    open.set(name, times);
    await post(`${INGRESS}/bench/steps`, name);
    open.delete(name);
  }, Number(ms));
  process.stdout.write(`${JSON.stringify(pair)}\n`);
} finally {
  server.kill();
  await new Promise((resolve) => server.once('exit', resolve));
  rmSync(dir, { recursive: true, force: true });
}
process.exit(0);
