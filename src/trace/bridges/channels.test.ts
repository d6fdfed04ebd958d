/** What subscribers of the diagnostics channels get. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent } from '../../agent/index.ts';
import { run } from '../../run/index.ts';
import { assistantMessage, functionCall, modelError, ScriptedModel } from '../../testing/index.ts';
import { tool } from '../../tools/index.ts';
import { setTraceProcessors, setTracingDisabled } from '../index.ts';
import { type ChannelMessage, channelProcessor, type ChannelProcessorOptions } from './channels.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const SECRET = 'sk-proj-PLANTED0123456789';

let messages: ChannelMessage[] = [];
// What is published on these channels, by their documentation.
const listen = (message: unknown): void => void messages.push(message as ChannelMessage);
const names = ['baton:run', 'baton:agent', 'baton:model', 'baton:tool'];

beforeEach(() => {
  messages = [];
  bridge();
  setTracingDisabled(false);
});
afterEach(() => {
  for (const name of names) unsubscribe(name, listen);
  setTraceProcessors([]);
  setTracingDisabled(true);
});

const bridge = (options: ChannelProcessorOptions = {}): void => setTraceProcessors([channelProcessor(options)]);

async function ask(...steps: ConstructorParameters<typeof ScriptedModel>[0][]): Promise<void> {
  const model = new ScriptedModel(
    steps[0] ?? [[functionCall('pay', { key: SECRET }, { callId: 'c1' })], [assistantMessage('an answer')]],
  );
  const pay = tool({ name: 'pay', description: '', parameters: NOTHING, strict: false, execute: () => 'a result' });
  await run(new Agent({ name: 'A', model, tools: [pay] }), 'a question');
}

test('a subscriber gets the start and the end of its kind of work, with the same id, and no content', async () => {
  for (const name of names) subscribe(name, listen);
  await ask();
  expect(messages.map(({ kind, phase, name }) => `${kind} ${name} ${phase}`)).toEqual([
    'run Agent workflow start',
    'agent A start',
    'model  start',
    'model  end',
    'tool pay start',
    'tool pay end',
    'model  start',
    'model  end',
    'agent A end',
    'run Agent workflow end',
  ]);
  const [start, end] = messages.filter(({ kind }) => kind === 'tool');
  expect(start).toMatchObject({ spanId: end?.spanId, runId: end?.runId, callId: 'c1', agent: 'A' });
  expect(end).toMatchObject({ outcome: 'ok', durationMs: expect.any(Number) });
  expect(messages.at(-1)).toMatchObject({ outcome: 'finished' });
  expect(messages.find(({ kind, phase }) => kind === 'model' && phase === 'end')).toMatchObject({ tokens: {} });
  expect(JSON.stringify(messages)).not.toMatch(/a question|an answer|a result|PLANTED/);
});

test('who subscribed to one kind gets no other', async () => {
  subscribe('baton:tool', listen);
  await ask();
  expect(messages.map(({ kind }) => kind)).toEqual(['tool', 'tool']);
});

test('content comes where it is asked for, without secrets', async () => {
  bridge({ includeContent: true });
  for (const name of names) subscribe(name, listen);
  await ask();
  const text = JSON.stringify(messages);
  for (const said of ['a question', 'an answer', 'a result']) expect(text).toContain(said);
  expect(text).not.toContain('PLANTED');
});

test('an error is told by its class, with its message where content is on', async () => {
  for (const name of names) subscribe(name, listen);
  await expect(ask([modelError(new TypeError('no such thing'))])).rejects.toThrow();
  expect(messages.at(-1)).toMatchObject({ kind: 'run', outcome: 'failed', error: { type: 'TypeError' } });
  expect(JSON.stringify(messages)).not.toContain('no such thing');
});

test('a subscriber that throws disturbs neither the run nor other subscribers', async () => {
  const thrower = (): void => {
    throw new Error('bad subscriber');
  };
  const faults: unknown[] = [];
  const caught = (error: unknown): void => void faults.push(error);
  // Node tells of it by an uncaught exception of its own.
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', caught);
  try {
    subscribe('baton:tool', thrower);
    subscribe('baton:tool', listen);
    await ask();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    unsubscribe('baton:tool', thrower);
    process.removeListener('uncaughtException', caught);
    for (const other of others) process.on('uncaughtException', other);
  }
  expect(messages).toHaveLength(2);
  expect(faults).toHaveLength(2);
});
