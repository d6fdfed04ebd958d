/** What an output guardrail withheld is nowhere in the log once its verdict is there. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent, memoryLog, run, RunStore, sqliteLog, stateOfError, tool } from '../index.ts';
import type { EventLog } from '../log/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { z } from 'zod';

const SECRET = 'Zwiebelkuchen';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-withheld-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A run whose tool's result is withheld. */
async function withheld(log: EventLog, result: string): Promise<unknown> {
  const say = tool({ name: 'say', description: '', parameters: z.object({}), effect: 'read', execute: () => result });
  const agent = new Agent({
    name: 'A',
    tools: [say],
    model: new ScriptedModel([[functionCall('say', {}, { callId: 'c1' })], [assistantMessage('went on')]]),
    outputGuardrails: [
      { name: 'passes', execute: async () => ({ tripwireTriggered: false, outputInfo: 'fine' }) },
      { name: 'hides', execute: async () => ({ tripwireTriggered: true }) },
    ],
    toolUseBehavior: 'stop_on_first_tool',
  });
  const store = new RunStore({ log, agents: [agent] });
  const error: unknown = await run(agent, 'hi', { durable: { store, runId: 'r1' } }).catch((thrown: unknown) => thrown);
  expect(stateOfError(error)?.status).toBe('failed');
  const stored = await log.read('r1');
  const text = JSON.stringify(stored);
  expect(text).toContain('Output withheld by an output guardrail.');
  expect(text).not.toContain(SECRET);
  // The run can be decided again from what is left, and looked at.
  await store.replay('r1');
  expect(JSON.stringify((await store.state('r1')).history)).toContain('Output withheld');
  await store.close();
  return stored;
}

const bytes = (): string =>
  readdirSync(dir)
    .map((name) => readFileSync(join(dir, name), 'latin1'))
    .join('');

test('in memory', async () => {
  await withheld(memoryLog(), `the ${SECRET}`);
});

test('in a file, whose bytes do not have it either once it is closed', async () => {
  const log = sqliteLog({ path: join(dir, 'x.db') });
  await withheld(log, `the ${SECRET}`);
  await log.close();
  expect(bytes()).toContain('Output withheld');
  expect(bytes()).not.toContain(SECRET);
});

test('also where it was so long that it was kept apart', async () => {
  const log = sqliteLog({ path: join(dir, 'x.db') });
  await withheld(log, `the ${SECRET} `.repeat(30_000));
  await log.close();
  expect(bytes()).not.toContain(SECRET);
});
