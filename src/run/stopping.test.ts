/** How runs stop: aborts, timeouts, tools that do not listen, listeners that throw. */
import { expect, test } from 'vitest';
import { Agent, type AnyAgent } from '../agent/index.ts';
import { RunTimeoutError } from '../protocol/errors.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import { run, RunState, stateOfError } from './index.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const call = (name: string, callId = 'c1'): ReturnType<typeof functionCall> => functionCall(name, {}, { callId });
const failureOf = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => 'it ended well',
    (error: unknown) => error,
  );

/** A promise and the function that resolves it. */
function gate(): { open: (value: string) => void; wait: Promise<string> } {
  let open: (value: string) => void = () => undefined;
  const wait = new Promise<string>((resolve) => (open = resolve));
  return { open, wait };
}

test('a tool that ignores its signal is given up after the grace period; what it says later is kept apart', async () => {
  const { open, wait } = gate();
  const controller = new AbortController();
  const deaf = tool({
    name: 'deaf',
    description: '',
    parameters: NOTHING,
    execute: () => (controller.abort(new Error('enough')), wait),
  });
  const agent = new Agent({ name: 'A', tools: [deaf], model: new ScriptedModel([[call('deaf')]]) });
  const error = await failureOf(run(agent, 'hi', { signal: controller.signal, abortGraceMs: 1 }));
  expect(error).toMatchObject({ message: 'enough' });
  const state = stateOfError(error);
  expect(state?.status).toBe('cancelled');
  expect(state?.history.at(-1)).toMatchObject({ callId: 'c1', status: 'incomplete' });
  const before = state?.toString();
  open('late');
  await wait;
  await Promise.resolve();
  expect(state?.toString()).toBe(before);
  const { journal } = RunState.record(state as RunState<unknown, never>);
  await expect
    .poll(() => journal.late)
    .toEqual([{ type: 'effect.settled_late', id: 'm1/c0', summary: 'tool.returned' }]);
});

test('a tool that listens ends its run at once, and its answer is kept', async () => {
  const controller = new AbortController();
  const listens = tool({
    name: 'listens',
    description: '',
    parameters: NOTHING,
    execute: async (_input, _context, details) => {
      const stopped = new Promise<string>((resolve) =>
        details?.signal?.addEventListener('abort', () => resolve('stopped early')),
      );
      controller.abort(new Error('enough'));
      return stopped;
    },
  });
  const agent = new Agent({ name: 'A', tools: [listens], model: new ScriptedModel([[call('listens')]]) });
  const error = await failureOf(run(agent, 'hi', { signal: controller.signal, abortGraceMs: 60_000 }));
  expect(JSON.stringify(stateOfError(error)?.history)).toContain('stopped early');
});

test('a grace period without an end waits for a tool that ignores its signal', async () => {
  const { open, wait } = gate();
  const controller = new AbortController();
  const deaf = tool({
    name: 'deaf',
    description: '',
    parameters: NOTHING,
    execute: () => {
      controller.abort(new Error('enough'));
      setTimeout(() => open('done all the same'), 50);
      return wait;
    },
  });
  const agent = new Agent({ name: 'A', tools: [deaf], model: new ScriptedModel([[call('deaf')]]) });
  const error = await failureOf(run(agent, 'hi', { signal: controller.signal, abortGraceMs: Infinity }));
  expect(JSON.stringify(stateOfError(error)?.history)).toContain('done all the same');
});

test('a time limit that is longer than a timer can keep does not end the run at once', async () => {
  const { open, wait } = gate();
  const slow = tool({ name: 'slow', description: '', parameters: NOTHING, execute: () => wait });
  const model = new ScriptedModel([[call('slow')], [assistantMessage('done')]]);
  const running = run(new Agent({ name: 'A', tools: [slow], model }), 'hi', { timeoutMs: 30 * 86_400_000 });
  setTimeout(() => open('late'), 50);
  expect((await running).finalOutput).toBe('done');
});

test('a signal that fired before the run began ends it before the model is called', async () => {
  const model = new ScriptedModel([[assistantMessage('never')]]);
  const error = await failureOf(
    run(new Agent({ name: 'A', model }), 'hi', { signal: AbortSignal.abort(new Error('too early')) }),
  );
  expect(error).toMatchObject({ message: 'too early' });
  expect(model.calls).toHaveLength(0);
});

test('timeoutMs ends a run with a RunTimeoutError that tells the limit', async () => {
  const model = new ScriptedModel([modelResponder(() => new Promise(() => undefined))]);
  const error = await failureOf(run(new Agent({ name: 'A', model }), 'hi', { timeoutMs: 1, abortGraceMs: 0 }));
  expect(error).toBeInstanceOf(RunTimeoutError);
  expect(stateOfError(error)?.status).toBe('failed');
});

test('an abort reaches the tool of a sub-agent, and the caller is told by its own reason', async () => {
  const controller = new AbortController();
  const signals: (boolean | undefined)[] = [];
  const inner = tool({
    name: 'inner',
    description: '',
    parameters: NOTHING,
    execute: (_input, _context, details) => {
      const { signal } = details ?? {};
      controller.abort(new Error('enough'));
      return new Promise<string>((resolve) =>
        signal?.addEventListener('abort', () => (signals.push(signal.aborted), resolve('x'))),
      );
    },
  });
  const sub = new Agent({ name: 'Sub', tools: [inner], model: new ScriptedModel([[call('inner')]]) });
  const model = new ScriptedModel([[functionCall('sub', { input: 'go' }, { callId: 'c1' })]]);
  const agent = new Agent({ name: 'A', tools: [sub.asTool({ toolName: 'sub' })], model });
  expect(await failureOf(run(agent, 'hi', { signal: controller.signal }))).toMatchObject({ message: 'enough' });
  expect(signals).toEqual([true]);
});

for (const behavior of ['run_llm_again', 'stop_on_first_tool'] as const) {
  for (const event of ['agent_start', 'agent_tool_start', 'agent_tool_end', 'agent_end'] as const) {
    test(`a listener of ${event} that throws fails the run with its error (${behavior})`, async () => {
      const say = tool({ name: 'say', description: '', parameters: NOTHING, execute: () => 'x' });
      const model = new ScriptedModel([[call('say')], [assistantMessage('done')]]);
      const agent = new Agent({ name: 'A', tools: [say], model, toolUseBehavior: behavior });
      const thrown = new Error('the listener broke');
      agent.on(event, () => {
        throw thrown;
      });
      const error = await failureOf(run(agent, 'hi'));
      // What is announced of a tool is a part of its call, which fails with it.
      if (event.startsWith('agent_tool')) expect(error).toMatchObject({ name: 'ToolCallError', error: thrown });
      else expect(error).toBe(thrown);
    });
  }
}

test('whoever leaves a stream early cancels the run', async () => {
  const { open, wait } = gate();
  const slow = tool({ name: 'slow', description: '', parameters: NOTHING, execute: () => wait });
  const agent = new Agent({
    name: 'A',
    tools: [slow],
    model: new ScriptedModel([[call('slow')], [assistantMessage('never')]]),
  });
  const result = await run(agent, 'hi', { stream: true, abortGraceMs: 0 });
  for await (const event of result) if (event.type === 'run_item_stream_event') break;
  await result.completed;
  open('late');
  expect(result.cancelled).toBe(true);
  expect(result.state.status).toBe('cancelled');
});

test('a sub-agent shows its events in the stream of its caller where asked, and to its handlers', async () => {
  const sub = new Agent({ name: 'Sub', model: new ScriptedModel([[assistantMessage('sub done')]]) });
  const seen: string[] = [];
  const subTool = sub.asTool({
    toolName: 'sub',
    forwardEvents: true,
    onStream: ({ event }) => void seen.push((event as { type: string }).type),
  });
  subTool.on('run_item_stream_event', () => {
    throw new Error('handlers only watch');
  });
  const model = new ScriptedModel([
    [functionCall('sub', { input: 'go' }, { callId: 'c1' })],
    [assistantMessage('done')],
  ]);
  const agent = new Agent({ name: 'A', tools: [subTool], model });
  const result = await run(agent, 'hi', { stream: true });
  const forwarded: unknown[] = [];
  for await (const event of result) {
    if (event.type === 'agent_tool_stream_event')
      forwarded.push([event.agent.name, event.invocation.toolName, event.event.type]);
  }
  expect(result.finalOutput).toBe('done');
  expect(seen.length).toBeGreaterThan(1);
  expect(forwarded).toEqual(seen.map((type) => ['Sub', 'sub', type]));
});

test('a handler that never settles fails its call once more events wait than may', async () => {
  const sub = new Agent({ name: 'Sub', model: new ScriptedModel([[assistantMessage('sub done')]]) });
  const subTool = sub.asTool({
    toolName: 'sub',
    onStreamMaxPendingEvents: 1,
    onStream: () => new Promise<void>(() => undefined),
  });
  const model = new ScriptedModel([
    [functionCall('sub', { input: 'go' }, { callId: 'c1' })],
    [assistantMessage('done')],
  ]);
  const agent = new Agent({ name: 'A', tools: [subTool], model }) as unknown as AnyAgent;
  const { history, finalOutput } = await run(agent, 'hi');
  expect(finalOutput).toBe('done');
  expect(JSON.stringify(history)).not.toContain('sub done');
});
