import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Conversation } from './data.ts';
import { agentCalls, agentSays, conversation, start, tools, toolSays, userSays } from './fixture.ts';
import { isPythonMessage, replay, sameOutput } from './replay.ts';
import type { ConversationResult, ReplayEvent } from './replay.ts';
import { startReplayServer } from './replay-server.ts';
import { SQLiteSession } from './sdk.ts';

const sums = (output: string, expression = '2 + 2'): Conversation =>
  conversation([
    userSays('What is it?'),
    agentCalls('call_a', 'calculate', { expression }),
    toolSays('call_a', output),
    agentSays('There you are.'),
    userSays('Thanks! Bye.'),
    agentSays('Bye.'),
    userSays('###STOP###'),
  ]);

async function play(
  conversations: Conversation[],
  more: { stream?: boolean; concurrency?: number; dbPath?: string } = {},
) {
  const server = await startReplayServer(conversations);
  const events: ReplayEvent[] = [];
  try {
    const data = { conversations, tools, policy: 'Be kind.', start };
    const onEvent = (event: ReplayEvent) => void events.push(event);
    const results = await replay(data, { server, stream: false, concurrency: 1, ...more, onEvent });
    return { results, events, modelCalls: server.answered() };
  } finally {
    await server.close();
  }
}

const summary = ({ verdict, verdictEqual, toolOutputs, mismatches, failure }: ConversationResult) => ({
  verdict,
  verdictEqual,
  toolOutputs,
  mismatches: mismatches.length,
  failure,
});
const fine = { verdict: 1, verdictEqual: true, toolOutputs: 1, mismatches: 0, failure: undefined };

test.each([false, true])('a replay that goes as recorded is equal in everything (stream: %j)', async (stream) => {
  const { results, events, modelCalls } = await play([sums('4.0')], { stream });
  expect(results.map(summary)).toEqual([fine]);
  // One run for each message that was answered, each with its state; the last message only ends the recording.
  expect([results[0]?.states.length, modelCalls]).toEqual([2, 3]);
  const kinds = events.map(({ kind }) => kind);
  expect(kinds.filter((kind, index) => kind !== kinds[index - 1])).toEqual([
    'started',
    'user',
    'call',
    'assistant',
    'user',
    'assistant',
    'finished',
  ]);
  expect(events.findLast(({ kind }) => kind === 'assistant')).toMatchObject({ text: 'Bye.' });
});

test('sessions can be in a file, and the file of an earlier replay does not disturb', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'airline-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const dbPath = join(folder, 'sessions.db');
  for (const stream of [false, true]) {
    const { results } = await play([sums('4.0'), sums('6.0', '3 + 3')], { stream, concurrency: 2, dbPath });
    expect(results.map(summary)).toEqual([fine, fine]);
    await using kept = new SQLiteSession('conversation 1', { dbPath });
    const items = await kept.getItems();
    expect(items.map((item) => ('role' in item ? item.role : item.type))).toEqual([
      'user',
      'function_call',
      'function_call_result',
      'assistant',
      'user',
      'assistant',
    ]);
  }
});

test('conversations at the same time do not disturb each other, even with the same first message', async () => {
  const many = Array.from({ length: 12 }, (_, index) => sums(`${index * 2}.0`, `${index} * 2`));
  const { results } = await play(many, { concurrency: 12, stream: true });
  expect(results.map(summary)).toEqual(many.map(() => fine));
});

test('an output that is not the recorded one is found, and the conversation goes on', async () => {
  const { results } = await play([sums('5.0')]);
  expect(results.map(summary)).toEqual([{ ...fine, mismatches: 1 }]);
  expect(results[0]?.mismatches).toEqual([{ call: 0, recorded: '5.0', produced: '4.0' }]);
});

test('a verdict that is not the recorded one is found', async () => {
  const { results } = await play([{ ...sums('4.0'), reward: 0 }]);
  expect(results.map(summary)).toEqual([{ ...fine, verdictEqual: false }]);
});

test('a recorded message of Python is passed through where our tool fails too, and only there', async () => {
  const message = 'Error: division by zero (in other words)';
  const { results } = await play([sums(message, '1 / 0'), sums(message), sums('Error: user not found', '1 / 0')]);
  expect(results.map(({ passedThrough }) => passedThrough)).toEqual([1, 0, 0]);
  expect(results.map(({ toolOutputs, mismatches }) => [toolOutputs, mismatches.length])).toEqual([
    [0, 0],
    [1, 1],
    [1, 1],
  ]);
});

test('a run that fails ends its conversation with the reason, and the others go on', async () => {
  const broken = conversation([
    userSays('Do it'),
    agentCalls('call_x', 'calculate', { expression: '1' }),
    toolSays('call_y', '1.0'),
    agentSays('Never said.'),
  ]);
  const { results } = await play([broken, sums('4.0')]);
  expect(results.map(({ verdictEqual }) => verdictEqual)).toEqual([false, true]);
  expect(results[0]?.failure).toContain('No recorded conversation goes like this');
  expect(results[0]?.mismatches).toHaveLength(1);
});

test('a text beside a call and the text that closes the recording are not said to the customer', async () => {
  const beside: Conversation = {
    ...conversation(
      [
        userSays('How much?'),
        {
          role: 'assistant',
          text: 'It is 42.',
          calls: [{ id: 'c', name: 'calculate', arguments: '{"expression":"1"}' }],
        },
        toolSays('c', '1.0'),
      ],
      0,
    ),
    goal: { actions: [], outputs: ['42'] },
  };
  const closing: Conversation = { ...beside, goal: { actions: [], outputs: ['the recording'] } };
  expect((await play([beside])).results.map(summary)).toEqual([{ ...fine, verdict: 0 }]);
  expect((await play([closing])).results.map(summary)).toEqual([{ ...fine, verdict: 0 }]);
});

test('a transfer to a person ends the run, and its result is not said to the customer', async () => {
  const transfer: Conversation = {
    ...conversation(
      [
        userSays('A person, please.'),
        agentCalls('c', 'transfer_to_human_agents', { summary: 'x' }),
        toolSays('c', 'Transfer successful'),
      ],
      0,
    ),
    goal: { actions: [], outputs: ['successful'] },
  };
  const { results, modelCalls } = await play([transfer]);
  expect(results.map(summary)).toEqual([{ ...fine, verdict: 0 }]);
  expect(modelCalls).toBe(1);
});

test('outputs compare as JSON by value, everything else exactly', () => {
  expect(sameOutput('{"a": 5.0, "b": [1]}', '{"b":[1],"a":5}')).toBe(true);
  expect(sameOutput('{"a": 5}', '{"a":5,"b":1}')).toBe(false);
  expect(sameOutput('5.0', '5.0')).toBe(true);
  expect(sameOutput('', '')).toBe(true);
  expect(sameOutput('', undefined)).toBe(false);
  expect(sameOutput('Error: user not found', 'Error: user not found.')).toBe(false);
  expect(sameOutput('null', 'not JSON')).toBe(false);
});

test("Python's messages are told from the sentences of the tools", () => {
  expect(isPythonMessage("Error: 'F9'")).toBe(true);
  expect(isPythonMessage("Error: Think.invoke() missing 1 required positional argument: 'thought'")).toBe(true);
  expect(isPythonMessage('Error: user not found')).toBe(false);
  expect(isPythonMessage('Error: not enough seats on flight F1')).toBe(false);
  expect(isPythonMessage('4.0')).toBe(false);
});
