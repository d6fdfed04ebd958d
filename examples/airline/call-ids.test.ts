import { expect, test } from 'vitest';
import { withUniqueCallIds } from './call-ids.ts';
import { agentCalls, agentSays, conversation, toolSays, userSays } from './fixture.ts';
import type { Conversation } from './data.ts';

const twice = (end: string): Conversation =>
  conversation([
    userSays('Go'),
    agentCalls('call_same', 'think', { thought: 'x' }),
    toolSays('call_same', ''),
    agentCalls('call_same', 'think', { thought: 'x' }),
    toolSays('call_same', ''),
    agentSays(end),
  ]);

const idsOf = ({ messages }: Conversation): string[] =>
  messages.flatMap((message) => {
    if (message.role === 'tool') return [message.callId];
    return message.role === 'assistant' ? message.calls.map((call) => call.id) : [];
  });

test('each call gets an id of its own, and its answer the same', () => {
  const ids = idsOf(withUniqueCallIds(twice('Done.')));
  expect(ids).toHaveLength(4);
  expect([ids[0], ids[2]]).toEqual([ids[1], ids[3]]);
  expect(ids[0]).not.toBe(ids[2]);
  expect(ids[0]).toMatch(/^call_[a-zA-Z0-9]{24}$/);
});

test('conversations that begin alike have the same ids there', () => {
  expect(idsOf(withUniqueCallIds(twice('Done.')))).toEqual(idsOf(withUniqueCallIds(twice('Finished.'))));
});
