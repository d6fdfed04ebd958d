/** A run that somebody stored becomes a test. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  type CallModelInputFilter,
  handoff,
  MemorySession,
  type Model,
  ModelBehaviorError,
  run,
  RunState,
  stateOfError,
  tool,
} from '../index.ts';
import {
  assistantMessage,
  functionCall,
  modelError,
  ScriptedModel,
  type ScriptedModelInput,
} from '../testing/index.ts';
import { fileAt } from './folder.fixture.ts';
import { cassette, cassetteOf, writeCassette } from './index.ts';

const call = (name: string, args: Record<string, unknown>, callId: string): ReturnType<typeof functionCall> =>
  functionCall(name, args, { callId });

/** A desk that looks orders up, asks a sub-agent, hands over, and ends with structured output. */
function desk(modelOf: (name: string) => Model): Agent<unknown, 'text'> {
  const lookup = tool({
    name: 'lookup',
    description: 'Looks up an order.',
    parameters: z.object({ order: z.string() }),
    execute: ({ order }) => ({ order, paid: 120 }),
  });
  const refund = tool({
    name: 'refund',
    description: 'Pays back.',
    parameters: z.object({ order: z.string() }),
    needsApproval: true,
    execute: ({ order }) => `Paid back ${order}.`,
  });
  const policy = new Agent({ name: 'Policy', instructions: 'Knows the rules.', model: modelOf('Policy') });
  const clerk = new Agent({
    name: 'Clerk',
    model: modelOf('Clerk'),
    tools: [refund],
    outputType: z.object({ refunded: z.number() }),
  });
  return new Agent({
    name: 'Desk',
    handoffOutputTypeWarningEnabled: false,
    instructions: 'Help.',
    model: modelOf('Desk'),
    tools: [lookup, policy.asTool({ toolName: 'ask_policy', toolDescription: 'Asks.' })],
    handoffs: [
      handoff(clerk, { inputFilter: (data) => ({ ...data, preHandoffItems: data.preHandoffItems.slice(-1) }) }),
    ],
  });
}

const scripts: { readonly [name: string]: ScriptedModelInput[] } = {
  Desk: [
    [call('lookup', { order: '7' }, 'a1'), call('ask_policy', { input: 'May I?' }, 'a2')],
    [call('transfer_to_Clerk', {}, 'a3')],
  ],
  Policy: [[assistantMessage('Yes, up to 200.')]],
  Clerk: [[call('refund', { order: '7' }, 'b1')], [assistantMessage('{"refunded":120}')]],
};

type Played = { state: RunState; seen: unknown };

async function play(agent: Agent<unknown, 'text'>, stream: boolean): Promise<Played> {
  const session = new MemorySession();
  const options = { session };
  const once = async (input: string | RunState): Promise<RunState> => {
    if (!stream) return (await run(agent, input as string, options)).state as RunState;
    const result = await run(agent, input as string, { ...options, stream: true });
    await result.completed;
    return result.state as RunState;
  };
  let state = await once('Refund order 7');
  const asked = state.getInterruptions();
  asked.forEach((item) => state.approve(item));
  if (asked.length > 0) state = await once(state);
  const { finalOutput, history, usage, currentTurn } = state;
  const items = state.newItems.map((item) => item.toJSON());
  const waited = asked.map((item) => item.toJSON());
  return {
    state,
    seen: { finalOutput, history, usage, currentTurn, items, waited, session: await session.getItems() },
  };
}

test.each([
  [false, false],
  [false, true],
  [true, false],
  [true, true],
])('a stored run (stream: %s) replays (stream: %s) to the same items and output', async (first, second) => {
  const models = new Map(Object.entries(scripts).map(([name, script]) => [name, new ScriptedModel(script)]));
  const lived = await play(
    desk((name) => models.get(name) ?? expect.fail(name)),
    first,
  );
  expect(lived.seen).toMatchObject({ finalOutput: { refunded: 120 }, waited: [{}] });

  // The text is all that is left of the run; agents are made anew.
  const text = lived.state.toString();
  const stored = await RunState.fromString(
    desk(() => new ScriptedModel()),
    text,
  );
  await writeCassette(fileAt(), cassetteOf(stored));

  const tape = cassette({ file: fileAt(), mode: 'replay' });
  const replayed = await play(
    desk(() => tape),
    second,
  );
  expect(replayed.seen).toEqual(lived.seen);
  await tape.assertComplete();
});

test('the cassette says that it was made from a run, who called, and what stands in for a sub-agent', async () => {
  const models = new Map(Object.entries(scripts).map(([name, script]) => [name, new ScriptedModel(script)]));
  const { state } = await play(
    desk((name) => models.get(name) ?? expect.fail(name)),
    false,
  );
  const { origin, entries } = cassetteOf(state);
  expect(origin).toBe('synthetic');
  const told = entries.map((entry) => (entry.kind === 'model' ? [entry.agent, entry.standIn ?? false] : entry.kind));
  expect(told).toEqual([
    ['Desk', false],
    ['ask_policy', true],
    ['Desk', false],
    ['Clerk', false],
    ['Clerk', false],
  ]);
});

test('a tool that gives something else now is a miss that shows it', async () => {
  const models = new Map(Object.entries(scripts).map(([name, script]) => [name, new ScriptedModel(script)]));
  const { state } = await play(
    desk((name) => models.get(name) ?? expect.fail(name)),
    false,
  );
  const data = cassetteOf(state);
  const changed = desk(() => cassette({ data }));
  const tape = cassette({ data });
  const lookup = tool({
    name: 'lookup',
    description: 'x',
    parameters: z.object({ order: z.string() }),
    execute: () => ({ paid: 1 }),
  });
  const other = changed.clone({ model: tape, tools: [lookup, ...changed.tools.slice(1)] });
  await expect(run(other, 'Refund order 7')).rejects.toMatchObject({
    code: 'cassette/miss',
    differences: [
      { path: 'input[3].output', recorded: '"{\\"order\\":\\"7\\",\\"paid\\":120}"', asked: '"{\\"paid\\":1}"' },
    ],
  });
});

test('a run that failed fails again', async () => {
  const broken = new ModelBehaviorError('It spoke in tongues.');
  const agentOf = (model: Model): Agent => new Agent({ name: 'A', model });
  const error: unknown = await run(agentOf(new ScriptedModel([modelError(broken)])), 'Hi').catch((e: unknown) => e);
  expect(error).toBe(broken);
  const state = stateOfError(error) ?? expect.fail('It has no state.');
  const stored = await RunState.fromString(agentOf(new ScriptedModel()), state.toString());
  const again: unknown = await run(agentOf(cassette({ data: cassetteOf(stored) })), 'Hi').catch((e: unknown) => e);
  expect(again).toBeInstanceOf(ModelBehaviorError);
  expect(again).toMatchObject({ message: 'It spoke in tongues.' });
});

test('where a filter changed what was sent, answers come in their order', async () => {
  const callModelInputFilter: CallModelInputFilter = ({ modelData }) => ({
    ...modelData,
    input: [{ role: 'user', content: 'Secretly.' }],
  });
  const options = { callModelInputFilter };
  const script = new ScriptedModel([[assistantMessage('one')]]);
  const lived = await run(new Agent({ name: 'A', model: script }), 'Hi', options);
  const tape = cassette({ data: cassetteOf(lived.state) });
  expect((await run(new Agent({ name: 'A', model: tape }), 'Hi', options)).finalOutput).toBe('one');
});
