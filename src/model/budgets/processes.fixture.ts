/** Processes that share one ledger. The bill of the vendor, which is a server here, is the oracle. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { ledgerOf, POINTS, type Job, type Report, type Shared } from './spender.fixture.ts';

/** In nano-dollars. Every call is billed when it comes in, and uses all that it may. */
type Vendor = { readonly url: string; bill: number; onCall: () => void; close: () => void };

async function startVendor(): Promise<Vendor> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { maxTokens = 0 }: { maxTokens?: number } = JSON.parse(body);
      const used = { inputTokens: 4, outputTokens: maxTokens, totalTokens: 4 + maxTokens };
      vendor.bill += used.totalTokens * 1e6;
      vendor.onCall();
      setTimeout(() => response.end(JSON.stringify(used)), 5);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const vendor: Vendor = {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`,
    bill: 0,
    onCall: () => undefined,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return vendor;
}

function start(job: Job): { kill: () => void; report: Promise<Report | undefined> } {
  const script = fileURLToPath(new URL('./spender.fixture.ts', import.meta.url));
  // An address may hold a password: others on the machine can read arguments.
  const env = { ...process.env, BATON_JOB: JSON.stringify(job) };
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'], env });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const report = new Promise<Report | undefined>((resolve) =>
    child.on('close', () => resolve(text === '' ? undefined : (JSON.parse(text) as Report))),
  );
  return { kill: () => void child.kill('SIGKILL'), report };
}

type Books = { settled: number; held: number; open: string[] };

async function books(shared: Shared): Promise<Books> {
  const ledger = ledgerOf(shared);
  const { settled, held, open } = await ledger.balance({ tenant: shared.tenant, budget: 'tenant' });
  await ledger.close();
  return { settled: settled.nanoUsd, held: held.nanoUsd, open: open.map(({ state }) => state) };
}

/** Four processes of 50 calls each share a cap: the bill stays below it, and what fits is made. */
export async function expectSharedCap(shared: Shared): Promise<void> {
  const vendor = await startVendor();
  const usd = 6;
  const all = ['a', 'b', 'c', 'd'].map((name) => start({ shared, url: vendor.url, name, calls: 50, usd }).report);
  const reports = await Promise.all(all);
  const made = reports.reduce((sum, report) => sum + (report?.made ?? 0), 0);
  const refused = reports.reduce((sum, report) => sum + (report?.refused ?? 0), 0);
  vendor.close();
  expect(made + refused).toBe(200);
  expect(made).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(0);
  expect(vendor.bill).toBe(made * 104 * 1e6);
  expect(vendor.bill).toBeLessThanOrEqual(usd * 1e9);
  expect(await books(shared)).toEqual({ settled: vendor.bill, held: 0, open: [] });
}

/** A process that is killed in the middle leaves its calls counted: the bill stays below the cap. */
export async function expectKilledIsCounted(shared: Shared): Promise<void> {
  const vendor = await startVendor();
  const usd = 6;
  const doomed = start({ shared, url: vendor.url, name: 'a', calls: 50, usd });
  let calls = 0;
  vendor.onCall = () => {
    if ((calls += 1) === 3) doomed.kill();
  };
  expect(await doomed.report).toBeUndefined();
  vendor.onCall = () => undefined;
  expect(vendor.bill).toBeGreaterThan(0);
  const between = await books(shared);
  expect(vendor.bill).toBeLessThanOrEqual(between.settled + between.held);
  await start({ shared, url: vendor.url, name: 'b', calls: 50, usd }).report;
  vendor.close();
  const { settled, held } = await books(shared);
  expect(vendor.bill).toBeLessThanOrEqual(usd * 1e9);
  expect(vendor.bill).toBeLessThanOrEqual(settled + held);
}

/** Killed at every point between reserve and settle; the repeat gives back what was reserved, and is paid anew. */
export async function expectCoveredAtEveryPoint(shared: Shared): Promise<void> {
  const seen: { [point: string]: [number, string[], number, number, string[]] } = {};
  for (const diesAt of POINTS) {
    const vendor = await startVendor();
    const own = { ...shared, tenant: `${shared.tenant} ${diesAt}` };
    const job = { shared: own, url: vendor.url, name: 'r', calls: 1, usd: 100 };
    expect(await start({ ...job, diesAt }).report).toBeUndefined();
    const between = await books(own);
    expect(vendor.bill).toBeLessThanOrEqual(between.settled + between.held);
    const billed = vendor.bill;
    expect(await start({ ...job, epoch: 2 }).report).toEqual({ made: 1, refused: 0 });
    vendor.close();
    const { settled, held, open } = await books(own);
    expect(vendor.bill).toBeLessThanOrEqual(settled + held);
    seen[diesAt] = [billed / 104e6, between.open, vendor.bill / 104e6, settled / 104e6, open];
  }
  // Calls billed and entries open when it died; then calls billed and settled, and entries whose end is not known.
  expect(seen).toEqual({
    'before reserve': [0, [], 1, 1, []],
    'after reserve': [0, ['reserved'], 1, 1, []],
    'before sent': [0, ['reserved'], 1, 1, []],
    'after sent': [0, ['sent'], 1, 1, ['sent']],
    unbilled: [0, ['sent'], 1, 1, ['sent']],
    billed: [1, ['sent'], 2, 1, ['sent']],
    'before settle': [1, ['sent'], 2, 1, ['sent']],
    'after settle': [1, [], 2, 2, []],
  });
}
