import { expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, type AnyAgent, createPrices, memoryLog, run, RunStore, tool, Usage } from '../index.ts';
import type { Model, ModelResponse } from '../protocol/model.ts';
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

test('what was spent before a snapshot counts once, that of a sub-agent that waits too', async () => {
  const turns = 150;
  const origin = { provider: 'acme', api: 'test', model: 'small' };
  const usage = new Usage({ requests: 1, inputTokens: 10, outputTokens: 0, totalTokens: 10 });
  const modelOf = (...steps: ModelResponse['output'][]): Model =>
    Object.assign(new ScriptedModel(steps.map((output) => ({ output, usage }))), { origin });
  const options = { description: 'Works.', parameters: z.object({}), effect: 'read' as const, execute: () => 'ok' };
  const stop = tool({ ...options, name: 'stop', needsApproval: true });
  const below = new Agent({
    name: 'Clerk',
    model: modelOf([functionCall('stop', {}, { callId: 'end' })], done),
    tools: [stop],
  });
  const steps = Array.from({ length: turns }, (_, n) => [functionCall('work', {}, { callId: `c${n}` })]);
  const agent = new Agent({
    name: 'Desk',
    model: modelOf(...steps, [functionCall('clerk', { input: 'x' }, { callId: 'sub' })], done),
    tools: [tool({ ...options, name: 'work' }), below.asTool({ toolName: 'clerk' })],
  }) as unknown as AnyAgent;
  const prices = createPrices({ catalog: false, models: { 'acme/small': { input: 1, output: 1 } } });
  const log = memoryLog();
  const store = new RunStore({ log, agents: [agent] });
  await run(agent, 'Go.', { maxTurns: null, prices, durable: { store, runId: 'r1' } });
  expect((await log.read('r1', { snapshot: true }))?.snapshot).toBeDefined();
  await store.approve('r1', 'end');
  const { cost, state } = await store.resume('r1', { maxTurns: null, prices });
  const calls = turns + 4;
  expect(cost).toMatchObject({ nanoUsd: calls * 10_000, attempts: calls, unpriced: 0 });
  expect(cost.byAgent).toMatchObject({ Desk: { attempts: turns + 2 }, Clerk: { attempts: 2 } });
  expect([state.usage.requests, state.usage.inputTokens]).toEqual([calls, calls * 10]);
});
