import { expect, test } from 'vitest';
import { DataError, loadData, readConversations } from './data.ts';

const line = (more: object): string =>
  JSON.stringify({ task: 1, trial: 2, reward: 1, goldActions: [], goldOutputs: [], messages: [], ...more });

test('a conversation is read with its messages, calls and goal', () => {
  const call = { id: 'call_a', type: 'function', function: { name: 'think', arguments: '{}' } };
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', tool_calls: [call] },
    { role: 'tool', tool_call_id: 'call_a', name: 'think', content: '' },
    { role: 'assistant', content: 'Done.' },
  ];
  const goldActions = [{ name: 'think', kwargs: { thought: 'x' } }];
  expect(readConversations(`${line({ messages, goldActions, goldOutputs: ['7'] })}\n\n`)).toEqual([
    {
      task: 1,
      trial: 2,
      reward: 1,
      goal: { actions: [{ name: 'think', kwargs: { thought: 'x' } }], outputs: ['7'] },
      messages: [
        { role: 'user', text: 'Hi' },
        { role: 'assistant', text: null, calls: [{ id: 'call_a', name: 'think', arguments: '{}' }] },
        { role: 'tool', callId: 'call_a', output: '' },
        { role: 'assistant', text: 'Done.', calls: [] },
      ],
    },
  ]);
});

test.each([
  ['', 'no conversations'],
  ['{"task":', 'line 1: this is not JSON'],
  [`${line({})}\n${line({ reward: 'x' })}`, 'line 2, reward: expected a number'],
  [line({ messages: [{ role: 'robot', content: '' }] }), 'message 0: role is "robot"'],
  [line({ messages: [{ role: 'assistant' }] }), 'message 0: the assistant says and calls nothing'],
  [line({ messages: [{ role: 'user' }] }), 'message 0, content: expected a string'],
  [line({ goldActions: [{ name: 'fly', kwargs: {} }] }), 'there is no tool "fly"'],
])('%j is refused with its place', (text, message) => {
  expect(() => readConversations(text)).toThrow(DataError);
  expect(() => readConversations(text)).toThrow(message);
});

test('a folder that is not there is refused with what to do', async () => {
  await expect(loadData('/nowhere/at/all')).rejects.toThrow(/Cannot read conversations\.jsonl .*--data DIR/);
});
