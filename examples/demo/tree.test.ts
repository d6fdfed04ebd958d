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

type Log = Parameters<typeof treeOf>[0];
type Event = Log[number] & { at?: number };

const asked = (id: string, at?: number): Event => {
  const effect = { do: 'call_tool', id, k: 1, i: Number(id.slice(-1)) } as const;
  return { type: 'effect.requested', effect, ...(at !== undefined && { at }) };
};
const started = (at: number): Event => ({ type: 'run.started', runId: 'r', agent: 'A', input: '', maxTurns: 10, at });

test('an event without a time happened with the one before it', () => {
  const output = [functionCall('add', {}, { callId: 'c0' }), functionCall('add', {}, { callId: 'c1' })];
  const usage = { inputTokens: 3, outputTokens: 4, totalTokens: 7 };
  const log: Event[] = [
    started(1000),
    { type: 'effect.requested', effect: { do: 'call_model', id: 'm1', k: 1 } },
    { type: 'model.replied', id: 'm1', reply: { output, usage }, at: 1300 },
    asked('m1/c0'),
    asked('m1/c1'),
    { type: 'tool.returned', id: 'm1/c1', at: 1310 },
    { type: 'tool.returned', id: 'm1/c0', at: 1350 },
  ];
  const { branches, total } = treeOf(log);
  expect(branches[0]?.cost).toEqual({ calls: 1, tokens: 7, ms: 300 });
  expect(branches[0]?.leaves.map(({ name, cost }) => [name, cost.ms])).toEqual([
    ['add', 50],
    ['add', 10],
  ]);
  expect(total).toEqual({ calls: 1, tokens: 7, ms: 350 });
});

test('the time that a person took is not counted', () => {
  const log: Event[] = [
    started(1000),
    { type: 'run.paused', at: 1200 },
    { type: 'run.resumed', maxTurns: 10, at: 61_200 },
    { type: 'run.finished', at: 61_500 },
  ];
  expect(treeOf(log).total.ms).toBe(500);
});

test('the time that the process was gone is not counted, nor in a tool that was at work', () => {
  const reply = {
    output: [functionCall('add', {}, { callId: 'c0' })],
    usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 },
  };
  const log: Event[] = [
    started(1000),
    { type: 'model.replied', id: 'm1', reply, at: 1100 },
    asked('m1/c0', 1100),
    { type: 'run.recovered', at: 90_000 },
    { type: 'tool.returned', id: 'm1/c0', at: 90_020 },
    { type: 'run.finished', at: 90_020 },
  ];
  const { branches, total } = treeOf(log);
  expect(branches[0]?.leaves[0]?.cost.ms).toBe(20);
  expect(total.ms).toBe(120);
});

test('a process that was gone while a person was asked is not counted twice', () => {
  const log: Event[] = [
    started(1000),
    { type: 'run.paused', at: 1200 },
    { type: 'run.recovered', at: 5000 },
    { type: 'run.resumed', maxTurns: 10, at: 9000 },
    { type: 'run.finished', at: 9300 },
  ];
  expect(treeOf(log).total.ms).toBe(500);
});
