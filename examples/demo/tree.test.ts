import { Agent, handoff, type InputGuardrail, run, tool } from '@baton/agents';
import { assistantMessage, functionCall, ScriptedModel } from '@baton/agents/testing';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { treeOf } from './tree.ts';

test('the log tells the checks, agents, handoffs, tools, sub-agents and decisions of a run, in order', async () => {
  const writer = new Agent({ name: 'Writer', model: new ScriptedModel([[assistantMessage('A line')]]) });
  const pay = tool({
    name: 'pay',
    description: '',
    parameters: z.object({}),
    needsApproval: true,
    execute: async () => 'paid',
  });
  const second = new Agent({
    name: 'Second',
    tools: [pay, writer.asTool({ toolName: 'write' })],
    model: new ScriptedModel([
      [functionCall('pay', {}, { callId: 'c1' }), functionCall('write', { input: 'x' }, { callId: 'c2' })],
      [assistantMessage('Done')],
    ]),
  });
  const check: InputGuardrail = {
    name: 'Check',
    runInParallel: false,
    execute: async () => ({ tripwireTriggered: false, outputInfo: { requests: 2, totalTokens: 50 } }),
  };
  const first = new Agent({
    name: 'First',
    handoffs: [handoff(second)],
    inputGuardrails: [check],
    model: new ScriptedModel([[functionCall('transfer_to_Second', {}, { callId: 'c0' })]]),
  });
  const asked = await run(first, 'Pay.');
  for (const item of asked.interruptions) asked.state.approve(item);
  const { state } = await run(first, asked.state);

  const { branches, total } = treeOf(state.events);
  expect(branches.map(({ kind, name, cost }) => [kind, name, cost.calls])).toEqual([
    ['passed', 'Check', 2],
    ['agent', 'First', 1],
    ['agent', 'Second', 2],
  ]);
  expect(branches.flatMap(({ leaves }) => leaves.map(({ kind, name, note }) => [kind, name, note]))).toEqual([
    ['handoff', 'Second', ''],
    ['tool', 'pay', 'approved by a person'],
    ['tool', 'write', 'a sub-agent'],
  ]);
  expect(total).toMatchObject({ calls: 6, tokens: 50 });
});

test('the time that a person took is not counted', () => {
  const stamp = (event: object, at: number): never => ({ ...event, at }) as never;
  const { total } = treeOf([
    stamp({ type: 'run.started', agent: 'A' }, 1000),
    stamp({ type: 'run.paused' }, 1200),
    stamp({ type: 'run.resumed' }, 61_200),
    stamp({ type: 'run.finished' }, 61_500),
  ]);
  expect(total.ms).toBe(500);
});
