/**
 * A real model of 135 million parameters behind a real `llama-server`: `npm run test:local`, where BATON_LLAMA_SERVER is
 * the path of one, or it is found on the PATH. What version it is does not matter.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, test, vi } from 'vitest';
import { LlamaCppModel } from '../../../index.ts';
import { checkRun } from '../../local-agent.fixture.ts';

const binary = process.env['BATON_LLAMA_SERVER'] ?? onPath('llama-server');
if (binary === undefined) {
  console.warn('No llama-server: set BATON_LLAMA_SERVER to the path of one, or these tests show nothing.');
}

function onPath(name: string): string | undefined {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error ? undefined : name;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

let server: ChildProcess | undefined;
let baseURL = '';
beforeAll(async () => {
  if (binary === undefined) return;
  const port = await freePort();
  const model = process.env['BATON_LOCAL_MODEL'] ?? '';
  const args = ['-m', model, '--host', '127.0.0.1', '--port', String(port), '-t', '1', '-c', '2048', '-np', '1'];
  server = spawn(binary, args, { stdio: 'ignore' });
  baseURL = `http://127.0.0.1:${port}/v1`;
  const isUp = async (): Promise<void> => {
    if (!(await fetch(`http://127.0.0.1:${port}/health`)).ok) throw new Error('The server is not ready.');
  };
  await vi.waitFor(isUp, { timeout: 120_000, interval: 200 });
}, 130_000);
afterAll(() => void server?.kill());

describe.skipIf(binary === undefined)('an agent of a model behind llama-server', () => {
  test.each([false, true])(
    'calls a tool and ends with a structured answer (streamed: %s)',
    (stream) => checkRun(new LlamaCppModel({ model: 'local', baseURL, calls: 'schema' }), stream),
    600_000,
  );
});
