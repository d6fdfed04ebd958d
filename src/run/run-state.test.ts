/** A run as text and back: what survives, what is refused, what is never in it. */
import { describe, expect, test } from 'vitest';
import { decide, build } from '../../test/kill/build.ts';
import { systemOf } from '../../test/kill/systems.ts';
import { Agent, type AnyAgent } from '../agent/index.ts';
import { OpenAIProvider } from '../providers/openai/index.ts';
import { MemorySession } from '../session/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { RunContext, tool } from '../tools/index.ts';
import { run, Runner, RunState, stateOfError } from './index.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const ask = tool({
  name: 'ask',
  description: '',
  parameters: NOTHING,
  needsApproval: true,
  execute: () => 'the answer',
});

type Handle = RunState<unknown, AnyAgent>;

async function waiting(context: unknown = {}): Promise<{ agent: AnyAgent; state: Handle }> {
  const model = new ScriptedModel([[functionCall('ask', {}, { callId: 'c1' })], [assistantMessage('done')]]);
  const agent = new Agent({ name: 'A', tools: [ask], model }) as unknown as AnyAgent;
  const { state } = await run(agent, 'hi', { context });
  return { agent, state: state as Handle };
}

const shown = (state: Handle): unknown => ({
  status: state.status,
  history: state.history,
  input: state.input,
  asks: state.getInterruptions().map(({ name, callId, runId, agent }) => [name, callId, runId, agent.name]),
  items: state.newItems.map(({ type, rawItem }) => [type, rawItem]),
  agent: state.currentAgent.name,
  turn: state.currentTurn,
  usage: state.usage.totalTokens,
  events: JSON.parse(JSON.stringify(state.events)) as unknown,
});

test('at every pause and after every end of forty random systems, a state read back from its text is the same', async () => {
  let read = 0;
  for (let seed = 0; seed < 40; seed++) {
    const spec = systemOf(seed);
    const controller = new AbortController();
    const reach = { performed: () => undefined, abort: () => controller.abort(new Error('enough')) };
    const { root, options, input } = build(spec, reach, { session: new MemorySession(), signal: controller.signal });
    let state: Handle | undefined;
    for (let round = 0; round < 40 && !state?.isOver; round++) {
      if (state) decide(spec, state);
      const outcome: unknown = await run(root, state ?? input, { ...options, stream: false } as never).catch(
        (error: unknown) => error,
      );
      state = (outcome instanceof Error ? stateOfError(outcome) : (outcome as { state: Handle }).state) as Handle;
      const again = await RunState.fromString(root, state.toString());
      expect(shown(again), `system ${seed}`).toEqual(shown(state));
      expect(JSON.parse(again.toString())).toEqual(JSON.parse(state.toString()));
      read += 1;
    }
  }
  expect(read).toBeGreaterThan(40);
});

test('a text grows with its log and no faster', async () => {
  const sizeOf = async (turns: number): Promise<number> => {
    const say = tool({ name: 'say', description: '', parameters: NOTHING, execute: () => 'x'.repeat(50) });
    const calls = Array.from({ length: turns }, (_, n) => [functionCall('say', {}, { callId: `c${n}` })]);
    const agent = new Agent({
      name: 'A',
      tools: [say],
      model: new ScriptedModel([...calls, [assistantMessage('done')]]),
    });
    const { state } = await run(agent, 'hi', { maxTurns: null });
    return state.toString().length;
  };
  const [one, ten, hundred] = [await sizeOf(1), await sizeOf(10), await sizeOf(100)];
  const perTurn = (ten - one) / 9;
  expect((hundred - ten) / 90).toBeLessThan(perTurn * 1.1);
});

describe('refuses', () => {
  const refusal = async (text: string): Promise<string> => {
    const { agent } = await waiting();
    const error: unknown = await RunState.fromString(agent, text).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'UserError' });
    return error instanceof Error ? error.message : '';
  };
  const changed = async (change: (envelope: { [key: string]: never }) => unknown): Promise<string> => {
    const { state } = await waiting();
    const envelope = JSON.parse(state.toString()) as { [key: string]: never };
    const other = change(envelope);
    return JSON.stringify(other ?? envelope);
  };

  test('the state of the published SDK, by name', async () => {
    expect(await refusal(JSON.stringify({ $schemaVersion: '1.20', currentTurn: 1 }))).toContain(
      '@openai/agents (schema "1.20")',
    );
  });

  test('a text that was cut off, wherever', async () => {
    const { state } = await waiting();
    const text = state.toString();
    for (let end = 0; end < text.length; end += 50) await refusal(text.slice(0, end));
  });

  test('JSON that is no state', async () => {
    for (const text of ['null', '[]', '1', '{}', '{"format":"other"}', '{"format":"baton/run-state"}'])
      await refusal(text);
  });

  test('events of an unknown type or version, and logs that are none', async () => {
    type Log = { run: { events: { [key: string]: unknown }[]; children?: unknown } };
    const withEvent = (event: { [key: string]: unknown }): Promise<string> =>
      changed((envelope) => void (envelope as unknown as Log).run.events.push(event));
    expect(await refusal(await withEvent({ type: 'run.teleported' }))).toContain('run.teleported');
    expect(await refusal(await withEvent({ type: 'run.paused', v: 2 }))).toContain('version 2');
    await refusal(await withEvent({ kind: 'no type' }));
    await refusal(await changed((envelope) => void ((envelope as unknown as Log).run.children = 'none')));
    await refusal(await changed((envelope) => void ((envelope as unknown as Log).run.events = [])));
    await refusal(await changed((envelope) => ({ ...envelope, inbox: 'none' })));
    await refusal(await changed((envelope) => ({ ...envelope, agent: 3 })));
    await refusal(await changed((envelope) => ({ ...envelope, run: 3 })));
  });

  test('the state of another agent, and one whose active agent is gone', async () => {
    expect(await refusal(await changed((envelope) => ({ ...envelope, agent: 'Other' })))).toContain('"Other"');
    const b = new Agent({ name: 'B', model: new ScriptedModel([[assistantMessage('from B')]]) });
    const model = new ScriptedModel([[functionCall('transfer_to_B', {}, { callId: 'h' })]]);
    const { state } = await run(new Agent({ name: 'A', handoffs: [b], model }), 'hi');
    expect(await refusal(state.toString())).toContain('"B"');
  });
});

test('no key and no function is ever in it', async () => {
  const key = 'sk-planted-0123456789';
  const openAIClient = { apiKey: key, responses: {}, chat: {} } as never;
  const provider = new OpenAIProvider({ apiKey: key });
  const other = new OpenAIProvider({ openAIClient });
  const model = new ScriptedModel([[functionCall('ask', {}, { callId: 'c1' })]]);
  const agent = new Agent({ name: 'A', tools: [ask], model, instructions: () => `the secret is ${key.length}` });
  const context = { secretive: () => key, toJSON: () => ({ user: 1 }) };
  for (const modelProvider of [provider, other]) {
    const runner = new Runner({ modelProvider });
    model.enqueue([functionCall('ask', {}, { callId: 'c1' })]);
    const { state } = await runner.run(agent, 'hi', { context });
    const text = state.toString({ includeTracingApiKey: true });
    expect(text).not.toContain(key);
    expect(text).not.toContain('=>');
    expect(JSON.parse(text)).toMatchObject({ context: { user: 1 } });
  }
});

test('the context is left out on request, and can be given anew: the stored one is kept on request only', async () => {
  const { agent, state } = await waiting({ stored: 1, both: 'stored' });
  expect(state.toString({ includeContext: false })).not.toContain('stored');
  const text = state.toString();
  const readWith = async (contextStrategy?: 'merge' | 'replace' | 'preferSerialized'): Promise<unknown> => {
    const given = new RunContext<unknown>({ given: 1, both: 'given' });
    const read = await RunState.fromStringWithContext(agent, text, given, {
      ...(contextStrategy && { contextStrategy }),
    });
    expect(read.context).toBe(given);
    return read.context.context;
  };
  expect(await readWith()).toEqual({ given: 1, both: 'given' });
  expect(await readWith('replace')).toEqual({ given: 1, both: 'given' });
  expect(await readWith('preferSerialized')).toEqual({ stored: 1, both: 'stored' });
});

test('what an output guardrail withheld is not in the text', async () => {
  const say = tool({ name: 'say', description: '', parameters: NOTHING, execute: () => 'the secret of the tool' });
  const outputGuardrails = [{ name: 'hides', execute: async () => ({ tripwireTriggered: true }) }];
  const model = new ScriptedModel([[functionCall('say', {}, { callId: 'c1' })]]);
  const agent = new Agent({ name: 'A', tools: [say], model, outputGuardrails, toolUseBehavior: 'stop_on_first_tool' });
  const error: unknown = await run(agent, 'hi').catch((thrown: unknown) => thrown);
  const text = stateOfError(error)?.toString() ?? '';
  expect(text).toContain('Output withheld by an output guardrail.');
  expect(text).not.toContain('the secret of the tool');
  const read = await RunState.fromString(agent, text);
  expect(JSON.stringify(read.history)).not.toContain('the secret of the tool');
});

test('decisions and input that came after the pause travel with the text', async () => {
  const { agent, state } = await waiting();
  state.getInterruptions().forEach((item) => state.approve(item));
  state.addInput('and more');
  const read = await RunState.fromString(agent, state.toString());
  expect(read.pendingInput).toEqual([{ type: 'message', role: 'user', content: 'and more' }]);
  const { finalOutput, history } = await run(agent, read);
  expect(finalOutput).toBe('done');
  expect(JSON.stringify(history)).toContain('the answer');
  expect(() => read.addInput('too late')).toThrow('takes no more input');
});

test('input that was added can be taken back before a model saw it', async () => {
  const { state } = await waiting();
  state.addInput([{ type: 'message', role: 'user', content: 'one' }]);
  state.clearPendingInput();
  expect(state.pendingInput).toEqual([]);
});

test('a state is under way once at a time, and a finished one gives its result again', async () => {
  const { agent, state } = await waiting();
  state.getInterruptions().forEach((item) => state.approve(item));
  const first = run(agent, state);
  await expect(run(agent, state)).rejects.toThrow('is under way already');
  await first;
  const model = agent.model as unknown as ScriptedModel;
  expect((await run(agent, state)).finalOutput).toBe('done');
  const streamed = await run(agent, state, { stream: true });
  await streamed.completed;
  expect(streamed.finalOutput).toBe('done');
  expect(model.remainingSteps).toBe(0);
});
