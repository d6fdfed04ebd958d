/** The small parts of the room: options, defaults, graph, queue, errors. */
import { afterEach, describe, expect, test } from 'vitest';
import { Agent, type AnyAgent, handoff } from '../agent/index.ts';
import * as errors from '../protocol/errors.ts';
import type { ModelProvider } from '../protocol/model.ts';
import { OpenAIProvider } from '../providers/openai/index.ts';
import { assistantMessage, ScriptedModel } from '../testing/index.ts';
import {
  defaultModel,
  defaultProvider,
  getDefaultOpenAIClient,
  setDefaultModel,
  setDefaultModelProvider,
  setDefaultOpenAIClient,
  setDefaultOpenAIKey,
  setOpenAIAPI,
} from './defaults.ts';
import { errorInfo, jsonOf, rebuildError } from './errors.ts';
import { EventQueue } from './event-queue.ts';
import { AgentGraph } from './graph.ts';
import { run, Runner } from './index.ts';
import { type RunConfig, settle } from './options.ts';

const agent = (name: string, handoffs: AnyAgent['handoffs'] = []): AnyAgent =>
  new Agent({ name, handoffs }) as unknown as AnyAgent;

describe('options', () => {
  const wrong: [string, RunConfig & { maxTurns?: number; timeoutMs?: number }][] = [
    ['maxTurns', { maxTurns: -1 }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['abortGraceMs', { abortGraceMs: -1 }],
    ['maxFunctionToolConcurrency', { toolExecution: { maxFunctionToolConcurrency: 0 } }],
    ['maxFunctionToolConcurrency', { toolExecution: { maxFunctionToolConcurrency: 1.5 } }],
    ['toolNotFoundBehavior', { toolNotFoundBehavior: 'other' as never }],
    ['toolNameCollisionPolicy', { toolNameCollisionPolicy: 'other' as never }],
  ];
  for (const [name, options] of wrong) {
    test(`${JSON.stringify(options)} is refused by name`, () => {
      expect(() => settle({}, options as never)).toThrow(name);
    });
  }

  test('a runner refuses its config when it is made', () => {
    expect(() => new Runner({ abortGraceMs: -1 })).toThrow('abortGraceMs is -1');
  });

  test('what a run is given goes before what its runner is given', () => {
    const settings = settle(
      { abortGraceMs: 5, toolNotFoundBehavior: 'raise_error' },
      { abortGraceMs: 7, maxTurns: null },
    );
    expect(settings).toMatchObject({
      abortGraceMs: 7,
      toolNotFoundBehavior: 'raise_error',
      maxTurns: null,
      stream: false,
    });
  });

  test('what is run must be an agent', async () => {
    for (const wrong of [undefined, null, 'A', { name: 'A' }]) {
      await expect(run(wrong as never, 'Hi')).rejects.toThrow('as agent. Pass an Agent');
    }
  });

  test('input must be a text, items or a state', async () => {
    for (const input of [null, 7, {}]) {
      await expect(run(agent('A'), input as never)).rejects.toThrow('as input');
    }
  });
});

describe('the agents of a run', () => {
  test('agents of one name get keys of their own, the same for every walk', () => {
    const twins = [agent('Same'), agent('Same')];
    const middle = agent('Middle', [agent('Same')]);
    const root = agent('Root', [...twins, middle, handoff(agent('Same')) as never]);
    const graph = new AgentGraph(root);
    const keys = ['Root', 'Same', 'Root>Same', 'Middle', 'Root>Same#2', 'Middle>Same'];
    expect(keys.map((key) => graph.agent(key).name)).toEqual(['Root', 'Same', 'Same', 'Middle', 'Same', 'Same']);
    expect(new Set(keys.map((key) => graph.agent(key))).size).toBe(keys.length);
    expect(keys.map((key) => graph.keyOf(new AgentGraph(root).agent(key)))).toEqual(keys);
  });

  test('circles of handoffs are walked once', () => {
    const a = agent('A');
    const b = agent('B', [a]);
    a.handoffs.push(b);
    expect(new AgentGraph(a).agent('B')).toBe(b);
  });

  test('an agent that nobody hands over to is named in an error', () => {
    expect(() => new AgentGraph(agent('A')).agent('Z')).toThrow('agent "Z"');
  });

  test('an agent that a handoff made up gets a key', () => {
    const graph = new AgentGraph(agent('A'));
    const made = agent('Made');
    expect(graph.keyOf(made)).toBe('Made');
    expect(graph.agent('Made')).toBe(made);
  });
});

describe('defaults of the process', () => {
  afterEach(() => {
    setDefaultModel(undefined);
    setDefaultModelProvider(undefined as never);
    setOpenAIAPI('responses');
  });

  test('the default model and the default provider are used where nothing else is named', async () => {
    const model = new ScriptedModel([[assistantMessage('one')], [assistantMessage('two')]]);
    setDefaultModel(model);
    expect(defaultModel()).toBe(model);
    expect((await run(new Agent({ name: 'A' }), 'hi')).finalOutput).toBe('one');
    const asked: (string | undefined)[] = [];
    const provider: ModelProvider = { getModel: (name) => (asked.push(name), model) };
    setDefaultModelProvider(provider);
    expect(defaultProvider()).toBe(provider);
    expect((await run(new Agent({ name: 'A', model: 'named' }), 'hi')).finalOutput).toBe('two');
    expect(asked).toEqual(['named']);
  });

  test('key, client and wire of OpenAI make a new provider, but not in place of one that was set', () => {
    setDefaultOpenAIKey('sk-one');
    const first = defaultProvider();
    expect(first).toBeInstanceOf(OpenAIProvider);
    expect(defaultProvider()).toBe(first);
    setOpenAIAPI('chat_completions');
    expect(defaultProvider()).not.toBe(first);
    const client = { responses: {}, chat: {} } as never;
    setDefaultOpenAIClient(client);
    expect(getDefaultOpenAIClient()).toBe(client);
    const provider: ModelProvider = { getModel: () => new ScriptedModel([]) };
    setDefaultModelProvider(provider);
    setDefaultOpenAIKey('sk-two');
    expect(defaultProvider()).toBe(provider);
  });

  test('blank names and unknown wires are refused', () => {
    expect(() => setDefaultModel(' ')).toThrow('setDefaultModel');
    expect(() => setOpenAIAPI('other' as never)).toThrow('setOpenAIAPI');
  });
});

describe('events on their way to a reader', () => {
  test('all that was pushed is read in order, also long after, and then the end', async () => {
    const queue = new EventQueue<number>();
    const reader = queue.read(() => undefined);
    const read: number[] = [];
    for (let n = 0; n < 3000; n++) queue.push(n);
    for (let n = 0; n < 2500; n++) read.push((await reader.next()).value as number);
    const next = reader.next();
    queue.close();
    queue.push(-1);
    queue.close({ error: new Error('too late') });
    read.push((await next).value as number);
    for (let { done, value } = await reader.next(); !done; { done, value } = await reader.next()) read.push(value);
    expect(read).toEqual(Array.from({ length: 3000 }, (_, n) => n));
    await queue.closed;
    expect(queue.isClosed).toBe(true);
  });

  test('a reader that waits is woken by an event, by the end and by an error', async () => {
    const queue = new EventQueue<string>();
    const reader = queue.read(() => undefined);
    const first = reader.next();
    queue.push('one');
    expect(await first).toEqual({ done: false, value: 'one' });
    const second = reader.next();
    const error = new Error('broken');
    queue.close({ error });
    await expect(second).rejects.toBe(error);
    await expect(queue.closed).rejects.toBe(error);
  });

  test('a reader that leaves says so', async () => {
    let left = 0;
    const reader = new EventQueue<string>().read(() => void (left += 1));
    expect(await reader.return?.()).toEqual({ done: true, value: undefined });
    expect(left).toBe(1);
  });
});

describe('errors as data', () => {
  const all = [
    new errors.MaxTurnsExceededError('m'),
    new errors.ModelBehaviorError('m'),
    new errors.ModelRefusalError('no'),
    new errors.ModelTimeoutError({ timeoutMs: 5 }),
    new errors.UserError('m'),
    new errors.SystemError('m'),
    new errors.InvalidToolInputError('m'),
    new errors.ToolTimeoutError({ toolName: 't', timeoutMs: 3 }),
    new errors.ToolCallError('m', new TypeError('inner')),
    new errors.GuardrailExecutionError('m', new RangeError('inner')),
  ];
  for (const error of all) {
    test(`${error.name} comes back as what it was`, () => {
      const info = JSON.parse(JSON.stringify(errorInfo(error))) as ReturnType<typeof errorInfo>;
      const again = rebuildError(info);
      expect(again.constructor).toBe(error.constructor);
      expect(errorInfo(again)).toEqual(errorInfo(error));
    });
  }

  test('what is no Error, or of an unknown class, keeps its text and name', () => {
    expect(errorInfo('plain')).toEqual({ name: 'Error', message: 'plain' });
    const foreign = Object.assign(new Error('m'), { name: 'ForeignError', code: 'E1' });
    expect(errorInfo(foreign)).toMatchObject({ name: 'ForeignError', message: 'm', code: 'E1' });
    expect(rebuildError({ name: 'ForeignError', message: 'm' })).toMatchObject({ name: 'ForeignError', message: 'm' });
    expect(rebuildError({ name: 'ToolCallError', message: 'm' })).toMatchObject({
      error: { name: 'Error', message: '' },
    });
  });

  test('what is no JSON becomes text or nothing', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect([jsonOf(circle), jsonOf(undefined), jsonOf(() => 1), jsonOf({ a: 1n })]).toEqual([
      '[not JSON]',
      null,
      null,
      '[not JSON]',
    ]);
  });
});
