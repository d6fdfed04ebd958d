/** A word of a person counts for what that person saw: a call of other arguments under the same id is asked about. */
import { describe, expect, test } from 'vitest';
import { Agent, RunContext, Runner, RunState, RunToolApprovalItem, tool, UserError } from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';

const runner = new Runner({ tracingDisabled: true });

type Args = string | Record<string, unknown>;

function shop(...calls: Args[]): { agent: Agent; paid: unknown[] } {
  const paid: unknown[] = [];
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: true },
    strict: false,
    needsApproval: true,
    execute: (input) => {
      paid.push(input);
      return 'paid';
    },
  });
  const steps = calls.map((args) => [functionCall('pay', args, { callId: 'c1' })]);
  const model = new ScriptedModel([...steps, [assistantMessage('Done')]]);
  return { agent: new Agent({ name: 'Shop', model, tools: [pay] }), paid };
}

const question = (agent: Agent, args: unknown): RunToolApprovalItem =>
  new RunToolApprovalItem(
    { type: 'function_call', name: 'pay', callId: 'c1', arguments: JSON.stringify(args), status: 'completed' },
    agent,
  );

describe('on a context, before the call comes', () => {
  test.each<[string, Args, number]>([
    ['the same', { eur: 1, to: 'Ann' }, 0],
    ['the same in other letters', '{ "to": "Ann",  "eur": 1 }', 0],
    ['others', { eur: 9999, to: 'Ann' }, 1],
    ['none that can be read', '{"eur": 1', 1],
  ])('an approval counts for a call with %s', async (_, args, asked) => {
    const { agent, paid } = shop(args);
    const context = new RunContext({});
    context.approveTool(question(agent, { eur: 1, to: 'Ann' }));
    const result = await runner.run(agent, 'Go', { context });
    expect(result.interruptions).toHaveLength(asked);
    expect(paid).toHaveLength(1 - asked);
  });

  test('a rejection does not decide on a call with others; it decides on the one that it saw, when that comes', async () => {
    const { agent, paid } = shop({ eur: 2 }, { eur: 1 });
    const context = new RunContext({});
    context.rejectTool(question(agent, { eur: 1 }), { message: 'Too much.' });
    const paused = await runner.run(agent, 'Go', { context });
    paused.state.approve(paused.interruptions[0] ?? expect.unreachable());
    const state = await RunState.fromString(agent, paused.state.toString());
    const result = await runner.run(agent, state);
    expect(paid).toEqual([{ eur: 2 }]);
    expect(JSON.stringify(result.history.at(-2))).toContain('Too much.');
    expect(result.finalOutput).toBe('Done');
  });

  test('an approval of all calls covers those with others', async () => {
    const { agent, paid } = shop({ eur: 2 });
    const context = new RunContext({});
    context.approveTool(question(agent, { eur: 1 }), { alwaysApprove: true });
    await runner.run(agent, 'Go', { context });
    expect(paid).toEqual([{ eur: 2 }]);
  });
});

describe('on a state that waits', () => {
  test.each<[string, (asked: RunToolApprovalItem, agent: Agent) => RunToolApprovalItem]>([
    ['made by hand', (_, agent) => question(agent, { eur: 1 })],
    ['changed', (asked) => Object.assign(asked, { rawItem: { ...asked.rawItem, arguments: '{"eur":1}' } })],
    ['changed in place', (asked) => (Object.assign(asked.rawItem, { arguments: '{"eur":1}' }), asked)],
  ])('an item %s, with other arguments, is refused, and nothing is decided or changed', async (_, change) => {
    const { agent, paid } = shop({ eur: 9999 });
    const { state } = await runner.run(agent, 'Go');
    const [asked = expect.unreachable()] = state.getInterruptions();
    const given = change(asked, agent);
    expect(() => state.approve(given)).toThrow(UserError);
    expect(() => state.reject(given)).toThrow('call c1 that waits has others');
    const read = await RunState.fromString(agent, state.toString());
    const again = await runner.run(agent, read);
    expect(again.interruptions.map(({ arguments: args }) => args)).toEqual(['{"eur":9999}']);
    expect(paid).toEqual([]);
  });

  test('an item made by hand with the same arguments decides', async () => {
    const { agent, paid } = shop('{ "eur": 1 }');
    const { state } = await runner.run(agent, 'Go');
    state.approve(question(agent, { eur: 1 }));
    await runner.run(agent, state);
    expect(paid).toEqual([{ eur: 1 }]);
  });

  test('a decision on its context counts for what it saw only', async () => {
    for (const [eur, asked] of [
      [9999, 0],
      [1, 1],
    ]) {
      const { agent } = shop({ eur: 9999 });
      const context = new RunContext({});
      const { state } = await runner.run(agent, 'Go', { context });
      context.approveTool(question(agent, { eur }));
      expect((await runner.run(agent, state, { context })).interruptions).toHaveLength(asked ?? 0);
    }
  });
});
