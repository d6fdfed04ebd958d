import { expect, test } from 'vitest';
import { agentCalls, agentSays, conversation, start, tools, toolSays, userSays } from './fixture.ts';
import { NOTE, openMoving } from './moving.ts';
import { saidIn, stepsBefore } from './moving-steps.ts';
import { replay } from './replay.ts';
import { startReplayServer } from './replay-server.ts';

const long = conversation([
  userSays('What is it?'),
  agentCalls('call_a', 'calculate', { expression: '2 + 2' }),
  toolSays('call_a', '4.0'),
  agentCalls('call_b', 'calculate', { expression: '3 + 2' }),
  toolSays('call_b', '5.0'),
  agentSays('There you are.'),
  userSays('And now?'),
  agentCalls('call_c', 'calculate', { expression: '1 + 2' }),
  toolSays('call_c', '3.0'),
  agentSays('Three.'),
  userSays('Thanks! Bye.'),
  agentSays('Bye.'),
]);

test.each([false, true])('a conversation that moves at every turn goes as recorded (stream: %j)', async (stream) => {
  const server = await startReplayServer([]);
  try {
    // Each provider begins once.
    const data = { conversations: Array.from({ length: 5 }, () => long), tools, policy: 'Be kind.', start };
    const results = await replay(data, { server, stream, concurrency: 2, move: true, onEvent: () => undefined });
    expect(
      results.map(({ verdictEqual, failure, mismatches, moved }) => [verdictEqual, failure, mismatches, moved]),
    ).toEqual(results.map(() => [true, undefined, [], { answered: 6, refused: [] }]));
  } finally {
    await server.close();
  }
});

test('a request that leaves something out is refused', async () => {
  await using moving = await openMoving(long, 4);
  const base = { modelSettings: {}, tools: [], outputType: 'text', handoffs: [], tracing: false } as const;
  await expect(moving.model.getResponse({ ...base, input: 'Another thing' } as never)).rejects.toThrow('step 0');
  expect(moving.refused).toEqual(['ai-sdk-v4: step 0 is user Another thing, recorded user What is it?']);
  expect(moving.answered()).toBe(0);
});

test('the second calls are no part of the recording', () => {
  const call = (id: string, name: string): object => ({ id, type: 'function', function: { name, arguments: '{}' } });
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: null, tool_calls: [call('a', NOTE), call('b', 'think')] },
    { role: 'tool', tool_call_id: 'a', content: 'noted' },
    { role: 'tool', tool_call_id: 'b', content: '' },
  ];
  expect(saidIn({ messages }, NOTE)).toEqual(['user Hi', 'call think {}', 'answer']);
  expect(stepsBefore(long, 1)).toEqual(['user What is it?', 'call calculate {"expression":"2 + 2"}', 'answer']);
});
