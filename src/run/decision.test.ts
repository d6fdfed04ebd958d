/** Decisions of people: which calls they cover, and from where they may come. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, type AnyAgent, run, RunContext, RunState, type RunToolApprovalItem, tool } from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel, type ScriptedModelInput as Step } from '../testing/index.ts';

const paid: string[] = [];
const call = (eur: number): Step => [functionCall('pay', { eur }, { callId: 'call_0' })];
const end: Step = [assistantMessage('done')];

/** An agent that pays what its script says, once a person agrees. */
function payer(name: string, steps: Step[], handoffs: AnyAgent[] = []): AnyAgent {
  paid.length = 0;
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    parameters: z.object({ eur: z.number() }),
    needsApproval: true,
    execute: ({ eur }) => {
      paid.push(`${name} ${eur}`);
      return 'paid';
    },
  });
  return new Agent({ name, tools: [pay], handoffs, model: new ScriptedModel(steps) }) as AnyAgent;
}

const asked = ({ interruptions: [item] }: { interruptions: RunToolApprovalItem[] }): RunToolApprovalItem => {
  if (!item) throw new Error('Nobody was asked.');
  return item;
};

const asTool = (agent: AnyAgent, toolName: string): ReturnType<Agent['asTool']> =>
  (agent as Agent).asTool({ toolName, toolDescription: 'd' });

test('a model that numbers its calls anew is asked about each of them', async () => {
  const agent = payer('A', [call(1), call(9999), end]);
  const first = await run(agent, 'Hi');
  first.state.approve(asked(first));
  const second = await run(agent, await RunState.fromString(agent, first.state.toString()));
  expect(second.interruptions.map((each) => each.arguments)).toEqual(['{"eur":9999}']);
  expect(paid).toEqual(['A 1']);
  second.state.reject(asked(second));
  expect((await run(agent, second.state)).finalOutput).toBe('done');
  expect(paid).toEqual(['A 1']);
});

test('so is one in a sub-agent that pauses twice within a call', async () => {
  const sub = asTool(payer('S', [call(1), call(9999), end]), 'sub');
  const steps: Step[] = [[functionCall('sub', { input: 'x' }, { callId: 'call_0' })], end];
  const boss = new Agent({ name: 'Boss', tools: [sub], model: new ScriptedModel(steps) });
  const first = await run(boss, 'Hi');
  first.state.approve(asked(first));
  const second = await run(boss, await RunState.fromString(boss, first.state.toString()));
  expect(second.interruptions).toHaveLength(1);
  expect(paid).toEqual(['S 1']);
  second.state.approve(asked(second));
  expect((await run(boss, second.state)).finalOutput).toBe('done');
  expect(paid).toEqual(['S 1', 'S 9999']);
});

test('a word on all calls covers the tool of one agent: after a handoff another is asked about', async () => {
  const other = payer('B', [call(2), end]);
  const agent = payer('A', [call(1), [functionCall('transfer_to_B', {}, { callId: 'h' })]], [other]);
  const first = await run(agent, 'Hi');
  first.state.approve(asked(first), { alwaysApprove: true });
  const second = await run(agent, first.state);
  expect([paid, second.interruptions.map((each) => each.agent.name)]).toEqual([['A 1'], ['B']]);
});

test('a word on all calls of a sub-agent holds in its next run, not in those of others nor of the caller', async () => {
  const steps: Step[] = [call(1), end, call(2), end];
  const tools = [asTool(payer('X', steps), 'x'), asTool(payer('Y', [call(3), end]), 'y')];
  const own = payer('Boss', [
    [functionCall('x', { input: '' }, { callId: 'c1' })],
    [functionCall('x', { input: '' }, { callId: 'c2' })],
    [functionCall('y', { input: '' }, { callId: 'c3' })],
    call(4),
    end,
  ]);
  own.tools.push(...tools);
  const agents: string[] = [];
  let result = await run(own, 'Hi');
  for (; result.interruptions.length > 0; result = await run(own, result.state)) {
    const state = await RunState.fromString(own, result.state.toString());
    for (const item of result.interruptions) {
      agents.push(item.agent.name);
      result.state.approve(item, { alwaysApprove: true });
    }
    expect(state.getInterruptions()).toHaveLength(1);
  }
  expect(agents).toEqual(['X', 'Y', 'Boss']);
  expect(paid).toEqual(['X 1', 'X 2', 'Y 3', 'Boss 4']);
});

test('a decision on the context counts for the run that waits, also where its state was stored in between', async () => {
  const agent = payer('A', [call(1), end]);
  const context = new RunContext({});
  const first = await run(agent, 'Hi', { context });
  context.approveTool(asked(first));
  const second = await run(agent, await RunState.fromString(agent, first.state.toString()));
  expect([second.finalOutput, paid]).toEqual(['done', ['A 1']]);
});

test('a decision on the context finds its run where another one listens', async () => {
  const context = new RunContext({});
  const agent = payer('A', [call(1), end]);
  const waiting = await run(agent, 'Hi', { context });
  const decide = tool({
    name: 'decide',
    description: 'd',
    parameters: z.object({}),
    execute: () => {
      context.approveTool(asked(waiting));
      return 'ok';
    },
  });
  const steps: Step[] = [[functionCall('decide', {}, { callId: 'call_0' })], end];
  await run(new Agent({ name: 'Other', tools: [decide], model: new ScriptedModel(steps) }), 'Hi', { context });
  expect((await run(agent, waiting.state)).finalOutput).toBe('done');
});

test('what one run was told of a call is not told to the next run with that context', async () => {
  const agent = payer('A', [call(1), end, call(2), end]);
  const context = new RunContext({});
  const first = await run(agent, 'Hi', { context });
  first.state.approve(asked(first));
  await run(agent, first.state);
  const second = await run(agent, 'Again', { context });
  expect([second.interruptions.length, paid]).toEqual([1, ['A 1']]);
});

test('a decision on the context waits for its run, also where another one starts with that context before', async () => {
  const context = new RunContext({});
  const agent = payer('A', [call(1), end]);
  const waiting = await run(agent, 'Hi', { context });
  context.approveTool(asked(waiting));
  await run(new Agent({ name: 'Other', model: new ScriptedModel([end]) }), 'Hi', { context });
  expect((await run(agent, waiting.state)).finalOutput).toBe('done');
});
