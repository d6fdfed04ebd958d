/**
 * A real model of 135 million parameters behind a real `llama-server`: `npm run test:local`, where BATON_LLAMA_SERVER is
 * the path of one, or it is found on the PATH. What version it is does not matter.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Agent, LlamaCppModel, run, tool } from '../../../index.ts';

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

const outputType = z.object({ city: z.string().max(30), sunny: z.boolean(), degrees: z.number().int().nullable() });

describe.skipIf(binary === undefined)('an agent of a model behind llama-server', () => {
  test.each([false, true])(
    'calls a tool and ends with a structured answer (streamed: %s)',
    async (stream) => {
      const cities: string[] = [];
      const weather = tool({
        name: 'get_weather',
        description: 'The weather of a city',
        parameters: z.object({ city: z.string().max(30) }),
        // The small model would call for ever: the tool is there until it was called.
        isEnabled: () => cities.length === 0,
        execute: ({ city }) => (cities.push(city), `It is sunny in ${city}, 21 degrees.`),
      });
      const agent = new Agent({
        name: 'W',
        model: new LlamaCppModel({ model: 'local', baseURL, calls: 'schema' }),
        instructions: 'You tell the weather.',
        tools: [weather],
        outputType,
        modelSettings: { toolChoice: 'required', maxTokens: 200, temperature: 0 },
      });
      const question = 'What is the weather in Oslo?';
      const result = stream ? await run(agent, question, { stream: true }) : await run(agent, question);
      if ('completed' in result) await result.completed;
      expect(cities).toEqual(['Oslo']);
      expect(outputType.safeParse(result.finalOutput).success).toBe(true);
      expect(result.state.usage).toMatchObject({ requests: 2 });
    },
    600_000,
  );
});
