/** What beginners do: each slip is told what happened and what to do, with the class that the error deserves. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { z as z3 } from 'zod/v3';
import { Agent, handoff, type RunToolApprovalItem } from '../agent/index.ts';
import { GuardrailExecutionError, ModelBehaviorError, UserError } from '../protocol/errors.ts';
import type { AgentOutputItem } from '../protocol/items.ts';
import type { Model, ModelResponse } from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import { assistantMessage, functionCall, modelResponse, ScriptedModel } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import { run } from './run.ts';

const say = (text: string): AgentOutputItem[] => [assistantMessage(text)];
const call = (name: string, callId = 'c1'): AgentOutputItem => functionCall(name, {}, { callId });

const failure = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It did not fail.');
};

test.each(['inputGuardrails', 'outputGuardrails'] as const)(
  'a check of %s that forgets to return is named',
  async (kind) => {
    const forgetful = { name: 'polite', execute: async () => undefined as never };
    const agent = new Agent({ name: 'A', model: new ScriptedModel([say('Hi')]), [kind]: [forgetful] });
    const error = await failure(run(agent, 'Hi'));
    expect(error).toBeInstanceOf(GuardrailExecutionError);
    expect(error.message).toMatch(/"polite" returned undefined\. Return \{ tripwireTriggered/);
  },
);

test('a check whose verdict lacks tripwireTriggered does not pass', async () => {
  const misspelt = { name: 'polite', execute: async () => ({ tripwire: true }) as never };
  const agent = new Agent({ name: 'A', model: new ScriptedModel([say('Hi')]), inputGuardrails: [misspelt] });
  const error = await failure(run(agent, 'Hi'));
  expect(error).toBeInstanceOf(GuardrailExecutionError);
  expect(error.message).toMatch(/"polite" returned \{ tripwire \}\. Return \{ tripwireTriggered/);
});

test.each([
  ['a Promise', async (data: unknown) => data],
  ['undefined', () => undefined],
  ['an object without them', () => ({})],
])('a handoff filter that returns %s is told what to return', async (what, filter) => {
  const b = new Agent({ name: 'B', model: new ScriptedModel([say('B')]) });
  const a = new Agent({
    name: 'A',
    model: new ScriptedModel([[call('transfer_to_B')]]),
    handoffs: [handoff(b, { inputFilter: filter as never })],
  });
  const error = await failure(run(a, 'Hi'));
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toContain(`returned ${what}. Return { inputHistory, preHandoffItems, newItems }`);
});

const answering = (response: unknown): Model => ({
  getResponse: async () => response as ModelResponse,
  async *getStreamedResponse() {
    yield { type: 'response_done', response: { id: 'r', ...(response as object) } } as never;
  },
});

test.each([false, true])('a model that answers without a usage counts nothing (stream: %s)', async (stream) => {
  const agent = new Agent({ name: 'A', model: answering({ output: say('Hi') }) });
  const result = stream ? await run(agent, 'Hi', { stream }) : await run(agent, 'Hi');
  if ('completed' in result) await result.completed;
  expect(result.finalOutput).toBe('Hi');
  expect(result.state.usage.inputTokens).toBe(0);
});

test.each([undefined, {}, { output: 'Hi' }])('a model that answers %j is told what an answer is', async (response) => {
  const error = await failure(run(new Agent({ name: 'A', model: answering(response) }), 'Hi'));
  expect(error).toBeInstanceOf(ModelBehaviorError);
  expect(error.message).toContain('getResponse() returns { output, usage }');
});

test('a call of a machine that is not there fails the run, and its tokens count', async () => {
  const output: AgentOutputItem[] = [
    { type: 'computer_call', callId: 'c', status: 'completed', action: { type: 'screenshot' } },
  ];
  const usage = new Usage({ requests: 1, inputTokens: 7, outputTokens: 1, totalTokens: 8 });
  const agent = new Agent({ name: 'A', model: new ScriptedModel([modelResponse({ output, usage })]) });
  const error = await failure(run(agent, 'Hi'));
  expect(error).toBeInstanceOf(ModelBehaviorError);
  expect(error).toMatchObject({ state: { usage: { inputTokens: 7 } } });
});

test('a call that the servers of the vendor carried out is no failure', async () => {
  const hosted: AgentOutputItem[] = [
    { type: 'shell_call', callId: 's', status: 'completed', action: { commands: ['ls'] } },
    { type: 'shell_call_output', callId: 's', output: [] },
    ...say('Done'),
  ];
  const { finalOutput } = await run(new Agent({ name: 'A', model: new ScriptedModel([hosted]) }), 'Hi');
  expect(finalOutput).toBe('Done');
});

const streamed = () => run(new Agent({ name: 'A', model: new ScriptedModel([say('Hello')]) }), 'Hi', { stream: true });

test('a second reader of a stream is refused, also a text stream; the first gets every event', async () => {
  const result = await streamed();
  const seen: string[] = [];
  for await (const event of result) {
    seen.push(event.type);
    expect(() => result[Symbol.asyncIterator]()).toThrow(UserError);
    await expect(result.toTextStream().getReader().read()).rejects.toThrow('each event goes to one reader');
  }
  expect(seen.length).toBeGreaterThan(2);
  for await (const event of result) expect(event).toBe('nothing comes twice');
});

test('a web stream that nobody reads takes no event', async () => {
  const result = await streamed();
  result.toStream();
  result.toTextStream();
  await result.completed;
  const types: string[] = [];
  for await (const { type } of result) types.push(type);
  expect(types[0]).toBe('raw_model_stream_event');
  expect(types).toContain('run_item_stream_event');
});

const asks = () => {
  const pay = tool({ name: 'pay', description: 'Pays.', needsApproval: true, execute: async () => 'paid' });
  return run(new Agent({ name: 'A', tools: [pay], model: new ScriptedModel([[call('pay')], say('Done')]) }), 'Go');
};

test('a decision takes an item that went through JSON, and nothing else', async () => {
  const { state, interruptions } = await asks();
  const [, none] = interruptions;
  expect(() => state.approve(none as never)).toThrow(/of which there are 1 now; got undefined/);
  const item = JSON.parse(JSON.stringify(interruptions[0])) as RunToolApprovalItem;
  state.reject(item, { message: 'No.' });
  const other = { ...item, rawItem: { ...item.rawItem, callId: 'c9' } } as RunToolApprovalItem;
  expect(() => state.approve(other)).toThrow('call c9');
  const agent = new Agent({ name: 'A', tools: [], model: new ScriptedModel([say('Done')]) });
  expect((await run(agent, state)).history.find(({ type }) => type === 'function_call_result')).toMatchObject({
    output: { type: 'text', text: 'No.' },
  });
});

test('an output type that is no object says so of the output', async () => {
  const agent = new Agent({ name: 'A', model: new ScriptedModel([]), outputType: z.array(z.string()) as never });
  const error = await failure(run(agent, 'Hi'));
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toMatch(/output of agent "A": .*type "array".*z\.object/);
});

const pay = () => tool({ name: 'pay', description: 'Pays.', execute: async () => 'paid' });
const slip = (options: object): Promise<unknown> =>
  (async () => run(new Agent({ name: 'A', model: new ScriptedModel([say('Hi')]), ...options }), 'Hi'))();

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'a function as tool',
    () => slip({ tools: [async () => 'x'] }),
    /"tools" takes tools, but got a function\. Make one with tool\(/,
  ],
  ['a hole in tools', () => slip({ tools: [pay(), undefined] }), /"tools" takes tools, but got undefined/],
  ['a name as handoff', () => slip({ handoffs: ['B'] }), /"handoffs" takes agents and handoffs, but got a string/],
  [
    'a tool without a list',
    () => slip({ tools: pay() }),
    /"tools" takes a list, but got an object\. Put it into \[ \]/,
  ],
  ['an agent without a list', () => slip({ handoffs: new Agent({ name: 'B' }) }), /"handoffs" takes a list/],
  [
    'a function as guardrail',
    () => slip({ inputGuardrails: [async () => ({ tripwireTriggered: true })] }),
    /"inputGuardrails" takes guardrails, but got a function\. Pass \{ name, execute \}/,
  ],
  ['a hole in guardrails', () => slip({ outputGuardrails: [undefined] }), /takes guardrails, but got undefined/],
  ['a server of tools', () => slip({ mcpServers: [{ name: 'files' }] }), /would run without their tools/],
  [
    'an object as output type',
    () => slip({ outputType: { n: 'number' } }),
    /outputType is an object\. Use 'text', a zod object/,
  ],
  ['a word as output type', () => slip({ outputType: 'json' }), /outputType is "json"\. Use 'text', a zod object/],
  ['an object as model', () => slip({ model: {} }), /The model of agent "A" is an object without getResponse\(\)/],
  ['no options', async () => new Agent(undefined as never), /An agent was given the name undefined/],
  [
    'a name as session',
    () => run(new Agent({ name: 'A', model: new ScriptedModel([]) }), 'Hi', { session: 'user-1' as never }),
    /session is "user-1"\. Pass a session/,
  ],
  [
    'a controller as signal',
    () => run(new Agent({ name: 'A', model: new ScriptedModel([]) }), 'Hi', { signal: new AbortController() as never }),
    /signal is an AbortController\. Pass its `signal`/,
  ],
  [
    'turns as text',
    () => run(new Agent({ name: 'A', model: new ScriptedModel([]) }), 'Hi', { maxTurns: '5' as never }),
    /maxTurns is "5"/,
  ],
  [
    'a shape in place of a schema',
    async () => tool({ name: 'a', description: 'd', parameters: { n: z.number() } as never, execute: async () => 1 }),
    /Tool "a": this is a plain object with schemas in it\. Make one schema of it: z\.object/,
  ],
  [
    'a schema of zod 3',
    async () =>
      tool({ name: 'a', description: 'd', parameters: z3.object({ n: z3.number() }) as never, execute: async () => 1 }),
    /The schema of zod has no JSON Schema .*`npm install zod@latest`/,
  ],
])('%s is told what to do', async (_what, make, message) => {
  const error = await failure(make());
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toMatch(message);
});
