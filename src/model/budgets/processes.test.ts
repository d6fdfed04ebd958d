/** Processes that share one ledger in a file. The bill of the vendor, which is a server here, is the oracle. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sqliteLedger } from './index.ts';
import type { Job, Report } from './spender.fixture.ts';

let folder: string;
let server: Server;
let url: string;
/** In nano-dollars. Every call is billed when it comes in, and uses all that it may. */
let bill: number;
let onCall: () => void;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-budget-'));
  bill = 0;
  onCall = () => undefined;
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { maxTokens = 0 }: { maxTokens?: number } = JSON.parse(body);
      const used = { inputTokens: 4, outputTokens: maxTokens, totalTokens: 4 + maxTokens };
      bill += used.totalTokens * 1e6;
      onCall();
      setTimeout(() => response.end(JSON.stringify(used)), 5);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(job: Pick<Job, 'name' | 'calls' | 'usd'>): { kill: () => void; report: Promise<Report | undefined> } {
  const script = fileURLToPath(new URL('./spender.fixture.ts', import.meta.url));
  const whole: Job = { ...job, path: join(folder, 'x.db'), url };
  const child = spawn(process.execPath, [script, JSON.stringify(whole)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const report = new Promise<Report | undefined>((resolve) =>
    child.on('close', () => resolve(text === '' ? undefined : (JSON.parse(text) as Report))),
  );
  return { kill: () => void child.kill('SIGKILL'), report };
}

const balance = async (): Promise<{ settled: number; held: number }> => {
  const ledger = sqliteLedger({ path: join(folder, 'x.db'), synchronous: 'normal' });
  const { settled, held } = await ledger.balance({ tenant: 'default', budget: 'tenant' });
  await ledger.close();
  return { settled: settled.nanoUsd, held: held.nanoUsd };
};

test('four processes of 50 calls each share a cap: the bill stays below it, and what fits is made', async () => {
  const usd = 6;
  const reports = await Promise.all(['a', 'b', 'c', 'd'].map((name) => start({ name, calls: 50, usd }).report));
  const made = reports.reduce((sum, report) => sum + (report?.made ?? 0), 0);
  const refused = reports.reduce((sum, report) => sum + (report?.refused ?? 0), 0);
  expect(made + refused).toBe(200);
  expect(made).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(0);
  expect(bill).toBe(made * 104 * 1e6);
  expect(bill).toBeLessThanOrEqual(usd * 1e9);
  expect(await balance()).toEqual({ settled: bill, held: 0 });
}, 60_000);

test('a process that is killed in the middle leaves its calls counted: the bill stays below the cap', async () => {
  const usd = 6;
  const doomed = start({ name: 'a', calls: 50, usd });
  let calls = 0;
  onCall = () => {
    if ((calls += 1) === 3) doomed.kill();
  };
  expect(await doomed.report).toBeUndefined();
  onCall = () => undefined;
  expect(bill).toBeGreaterThan(0);
  const between = await balance();
  expect(bill).toBeLessThanOrEqual(between.settled + between.held);
  await start({ name: 'b', calls: 50, usd }).report;
  const { settled, held } = await balance();
  expect(bill).toBeLessThanOrEqual(usd * 1e9);
  expect(bill).toBeLessThanOrEqual(settled + held);
}, 60_000);
