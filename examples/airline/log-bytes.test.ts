import { expect, test } from 'vitest';
import type { AirlineData } from './data.ts';
import { logBytes } from './log-bytes.ts';
import type { ConversationResult } from './replay.ts';

const result = (events: object[]) => ({ states: [{ events }] }) as unknown as ConversationResult;
const data = { conversations: [{ messages: [{ role: 'user', content: 'Hi' }] }] } as unknown as AirlineData;

test('counts the lines of the log and the JSON of the transcript', () => {
  const { logBytes: log, transcriptBytes } = logBytes([result([{ type: 'a' }, { type: 'b', text: 'é' }])], data);
  expect([log, transcriptBytes]).toEqual([
    '{"type":"a"}\n'.length + '{"type":"b","text":"éx"}\n'.length,
    '[{"role":"user","content":"Hi"}]'.length,
  ]);
});

test('what came from a session counts as a reference', () => {
  const loaded = { type: 'session.loaded', items: [{ role: 'user', content: 'long'.repeat(1000) }] };
  expect(logBytes([result([loaded])], data).logBytes).toBe('{"type":"session.loaded","items":1}\n'.length);
});
