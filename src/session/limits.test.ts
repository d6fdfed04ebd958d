import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentInputItem } from '../protocol/items.ts';
import { EncryptedSession } from './sealed/encrypted-session.ts';
import { estimateTokens, limitHistory, readHistory, resolveSessionSettings } from './limits.ts';
import { MemorySession } from './memory-session.ts';
import { SQLiteSession } from './sqlite/sqlite-session.ts';
import type { Session } from './types.ts';

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const said = (text: string): AgentInputItem => ({
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text }],
});
const call = (callId: string): AgentInputItem => ({ type: 'function_call', callId, name: 't', arguments: '{}' });
const result = (callId: string): AgentInputItem => ({
  type: 'function_call_result',
  callId,
  name: 't',
  status: 'completed',
  output: 'ok',
});
const reasoning = (id: string): AgentInputItem => ({ type: 'reasoning', id, content: [] });

const one = (): number => 1;
const CONVERSATION = [
  user('a'),
  reasoning('r1'),
  call('c1'),
  call('c2'),
  result('c1'),
  result('c2'),
  reasoning('r2'),
  said('b'),
  user('c'),
];
const lengths = (setting: 'limit' | 'maxTokens'): number[] =>
  Array.from({ length: 11 }, (_, n) => limitHistory(CONVERSATION, { [setting]: n, countTokens: one }).length);

test.each(['limit', 'maxTokens'] as const)('%s cuts before reasoning and calls, never behind them', (setting) => {
  // 9 items; the pair of calls begins with its reasoning, at 8 from the end.
  expect(lengths(setting)).toEqual([0, 1, 1, 3, 3, 3, 3, 3, 8, 9, 9]);
});

test('a call without a result stops nothing, a result whose call is not there is left out', () => {
  expect(limitHistory([user('a'), call('c1'), user('b')], { limit: 1 })).toEqual([user('b')]);
  expect(limitHistory([result('c0'), user('b')], { limit: 5 })).toEqual([user('b')]);
});

test('one id for many calls, as some models give, tears nothing apart', () => {
  const items = [user('a'), call('x'), result('x'), user('b'), call('x'), result('x'), said('c')];
  expect(limitHistory(items, { limit: 4 })).toEqual(items.slice(3));
  expect(limitHistory(items, { limit: 2 })).toEqual(items.slice(6));
});

test('what is kept is the longest end that fits, and every part of it has what it needs', () => {
  const turn = fc.oneof(
    fc.constant(['user']),
    fc.constant(['reasoning', 'said']),
    fc.integer({ min: 1, max: 3 }).map((n) => ['reasoning', ...Array.from({ length: n }, () => 'call')]),
  );
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 12 }), fc.nat(20), fc.nat(40), (turns, limit, maxTokens) => {
      let n = 0;
      const items = turns.flatMap((kinds) => {
        const calls = kinds.filter((kind) => kind === 'call').map(() => `c${n++}`);
        const first = kinds.flatMap((kind) =>
          kind === 'user' ? [user('x')] : kind === 'said' ? [said('y')] : kind === 'reasoning' ? [reasoning('r')] : [],
        );
        return [...first, ...calls.map(call), ...calls.toReversed().map(result)];
      });
      const countTokens = (item: AgentInputItem): number => (item.type === 'message' ? 1 : 3);
      const kept = limitHistory(items, { limit, maxTokens, countTokens });
      const cost = (list: readonly AgentInputItem[]): number => list.reduce((sum, item) => sum + countTokens(item), 0);
      const fits = (list: readonly AgentInputItem[]): boolean => list.length <= limit && cost(list) <= maxTokens;
      const isWhole = (start: number): boolean => {
        const end = items.slice(start);
        const calls = new Set(end.flatMap((item) => (item.type === 'function_call' ? [item.callId] : [])));
        const answered = end.every((item) => item.type !== 'function_call_result' || calls.has(item.callId));
        return answered && items[start - 1]?.type !== 'reasoning';
      };
      expect(fits(kept)).toBe(true);
      expect(kept).toEqual(items.slice(items.length - kept.length));
      expect(isWhole(items.length - kept.length)).toBe(true);
      for (let start = 0; start < items.length - kept.length; start++)
        expect(isWhole(start) && fits(items.slice(start))).toBe(false);
    }),
  );
});

describe('over sessions', () => {
  const key = { id: 'k', key: new Uint8Array(32) };
  test.each<[string, () => Session]>([
    ['memory', () => new MemorySession()],
    ['SQLite', () => new SQLiteSession('s')],
    ['sealed', () => new EncryptedSession(new MemorySession(), { keys: [key] })],
  ])('%s: all give the same', async (_, make) => {
    const session = make();
    await session.addItems(CONVERSATION);
    const read = async (settings: object): Promise<number> => (await readHistory(session, settings)).length;
    expect(await Promise.all([0, 1, 2, 3, 7, 8, 9, 10].map((limit) => read({ limit })))).toEqual([
      0, 1, 1, 3, 3, 8, 9, 9,
    ]);
    expect(await read({ maxTokens: 8, countTokens: one })).toBe(8);
    expect(await read({ maxTokens: 8, limit: 4, countTokens: one })).toBe(3);
    expect(await read({})).toBe(9);
    expect(await session.getItems()).toHaveLength(9);
  });

  test('memory counts an item once for each counter', async () => {
    const session = new MemorySession({ initialItems: CONVERSATION });
    let counted = 0;
    const countTokens = (): number => ++counted && 1;
    for (let n = 0; n < 5; n++) await readHistory(session, { maxTokens: 100, countTokens });
    expect(counted).toBe(9);
    await session.addItems([user('d')]);
    await readHistory(session, { maxTokens: 100, countTokens });
    expect(counted).toBe(10);
    expect(await readHistory(session, { maxTokens: 2, countTokens: () => 2 })).toEqual([user('d')]);
  });
});

test('settings of a run go before those of its session, each by itself', () => {
  expect(resolveSessionSettings({ limit: 5, maxTokens: 7 }, { limit: 3, maxTokens: undefined })).toEqual({
    limit: 3,
    maxTokens: 7,
  });
  expect(resolveSessionSettings(undefined, undefined)).toEqual({});
});

test('a limit below 0 is refused by name', async () => {
  await expect(readHistory(new MemorySession(), { maxTokens: -1 })).rejects.toThrow('sessionSettings.maxTokens is -1');
});

test('an image counts as much as an image, however long its data is', () => {
  const image = (length: number): AgentInputItem => ({
    type: 'message',
    role: 'user',
    content: [{ type: 'input_image', image: `data:image/png;base64,${'A'.repeat(length)}` }],
  });
  expect(estimateTokens(image(10))).toBe(estimateTokens(image(1_000_000)));
  expect(estimateTokens(user('x'.repeat(400)))).toBeGreaterThan(100);
});
