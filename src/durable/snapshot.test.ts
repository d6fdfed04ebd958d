import { expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, type AnyAgent, memoryLog, run, RunStore, tool } from '../index.ts';
import { functionCall, ScriptedModel } from '../testing/index.ts';
import { done } from './booking.fixture.ts';

test('a long run that waits for a person is taken up from where it waits', async () => {
  const turns = 280;
  const options = { description: 'Works.', parameters: z.object({}), effect: 'read' as const, execute: () => 'ok' };
  const tools = [tool({ ...options, name: 'work' }), tool({ ...options, name: 'stop', needsApproval: true })];
  const steps = Array.from({ length: turns }, (_, n) => [functionCall('work', {}, { callId: `c${n}` })]);
  const model = new ScriptedModel([...steps, [functionCall('stop', {}, { callId: 'end' })], done], { record: false });
  const agent = new Agent({ name: 'Desk', model, tools }) as unknown as AnyAgent;
  const log = memoryLog();
  const store = new RunStore({ log, agents: [agent] });
  await run(agent, 'Go.', { maxTurns: null, durable: { store, runId: 'r1' } });
  const read = await log.read('r1', { snapshot: true });
  expect(read?.info.head).toBeGreaterThan(1536);
  expect(read?.events).toHaveLength(0);
  await store.approve('r1', 'end');
  const result = await store.resume('r1', { maxTurns: null });
  expect(result.finalOutput).toBe('Done.');
  expect(result.history).toHaveLength(2 * turns + 4);
});
