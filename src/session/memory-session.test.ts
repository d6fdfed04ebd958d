import { MemorySession as Published, applySessionHistoryMutations as publishedMutations } from '@openai/agents';
import { describe, expect, test } from 'vitest';
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem, FunctionCallItem } from '../protocol/items.ts';
import { sessionConformance } from '../testing/session-conformance.ts';
import { applySessionHistoryMutations } from './items.ts';
import { MemorySession } from './memory-session.ts';
import {
  isOpenAIResponsesCompactionAwareSession,
  isRunContextAwareSession,
  isSessionHistoryRewriteAwareSession,
  isSessionHistoryTransactionAwareSession,
} from './types.ts';
import type { Session, SessionHistoryMutation, SessionHistoryTransaction } from './types.ts';

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const call = (callId: string, args = '{}'): FunctionCallItem => ({
  type: 'function_call',
  callId,
  name: 't',
  arguments: args,
});

describe('conformance', () => {
  for (const { name, run } of sessionConformance({ create: (sessionId) => new MemorySession({ sessionId }) }))
    test(name, run);

  test('the original passes the same cases, but that it takes what is no item', async () => {
    const create = (sessionId: string): Session => new Published({ sessionId });
    const failed: string[] = [];
    for (const { name, run } of sessionConformance({ create })) await run().catch(() => failed.push(name));
    expect(failed).toEqual(['refuses what is no item, with nothing of the call added']);
  });

  test('a store that shares its items, loses appends or forgets operations does not pass', async () => {
    class Sharing extends MemorySession {
      kept: AgentInputItem[] = [];
      override getItems = async (): Promise<AgentInputItem[]> => this.kept;
      override addItems = async (items: AgentInputItem[]): Promise<void> => void this.kept.push(...items);
      override applyHistoryTransaction = async ({
        transaction,
      }: {
        transaction: SessionHistoryTransaction;
      }): Promise<void> => {
        if (transaction.type === 'append_items') this.kept.push(...transaction.items);
      };
    }
    const failed: string[] = [];
    for (const { name, run } of sessionConformance({ create: (sessionId) => new Sharing({ sessionId }) })) {
      await run().catch(() => failed.push(name));
    }
    expect(failed).toEqual(
      expect.arrayContaining([
        'with a limit returns the newest, still oldest first',
        'pops the newest item',
        'keeps what it was given when the caller changes it later',
        'applies a repeated transaction once',
        'refuses to replace a suffix that is not there, and forgets the attempt',
      ]),
    );
  });
});

describe('options', () => {
  test('the id is the given one, or a random one', async () => {
    expect(await new MemorySession({ sessionId: 's1' }).getSessionId()).toBe('s1');
    expect(await new MemorySession().getSessionId()).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('initial items are copied', async () => {
    const initialItems = [{ ...user('a') }];
    const session = new MemorySession({ initialItems });
    Object.assign(initialItems[0] ?? {}, { content: 'changed' });
    expect(await session.getItems()).toEqual([user('a')]);
  });

  test('wrong options and items are refused', async () => {
    expect(() => new MemorySession({ sessionId: 5 as unknown as string })).toThrow(
      '`sessionId` must be a string. Got number.',
    );
    expect(() => new MemorySession({ initialItems: 5 as unknown as [] })).toThrow('`initialItems` needs an array');
    await expect(new MemorySession().addItems('x' as unknown as [])).rejects.toBeInstanceOf(UserError);
    expect(() => new MemorySession({ initialItems: [user('a'), null] as unknown as [] })).toThrow(
      'option `initialItems`, item 1, must be an object. Got null.',
    );
    const replacement = 'text' as unknown as FunctionCallItem;
    await expect(
      new MemorySession().applyHistoryMutations({ mutations: [replaceCall('c1', replacement)] }),
    ).rejects.toThrow('replacement of call c1, must be an object. Got string.');
  });

  test('a logger hears how many items were added, and nothing of what they say', async () => {
    const lines: unknown[] = [];
    const session = new MemorySession({ sessionId: 's1', logger: { debug: (...args) => lines.push(args) } });
    await session.addItems([user('secret')]);
    expect(lines).toEqual([['Adding 1 items to session s1']]);
  });
});

test.each([0, 1, 2, 10, -1, Number.NaN, undefined, 1.5, Infinity])(
  'the limit %s means what it means in the original',
  async (limit) => {
    const initialItems = [user('a'), user('b'), user('c')];
    const published = new Published({ initialItems: initialItems as never });
    expect(await new MemorySession({ initialItems }).getItems(limit)).toEqual(await published.getItems(limit));
  },
);

test('bytes, dates and cycles are kept; what cannot be copied is refused before anything is added', async () => {
  const session = new MemorySession();
  const odd = { ...user('odd'), providerData: { bytes: new Uint8Array([1]), at: new Date(0) } };
  await session.addItems([odd]);
  expect(await session.getItems()).toEqual([odd]);
  await expect(session.addItems([user('a'), { ...user('b'), providerData: { f: () => 1 } }])).rejects.toThrow(
    'MemorySession .addItems(), item 1, holds data that cannot be copied',
  );
  expect(await session.getItems()).toHaveLength(1);
  const cyclic: { type: 'unknown'; providerData: Record<string, unknown> } = { type: 'unknown', providerData: {} };
  cyclic.providerData.self = cyclic;
  await session.addItems([cyclic]);
  expect((await session.getItems(1))[0]).toEqual(cyclic);
  const polluted: unknown = JSON.parse('{"type":"unknown","providerData":{"__proto__":{"polluted":true}}}');
  await session.addItems([polluted as AgentInputItem]);
  const [kept] = await session.getItems(1);
  expect(JSON.stringify(kept)).toBe('{"type":"unknown","providerData":{"__proto__":{"polluted":true}}}');
  expect(kept?.providerData?.polluted).toBeUndefined();
});

test('an item that was popped does not change what a transaction is compared with', async () => {
  const session = new MemorySession();
  const once = { operationId: 'o', transaction: { type: 'append_items' as const, items: [user('a')] } };
  await session.applyHistoryTransaction(once);
  Object.assign((await session.popItem()) ?? {}, { content: 'changed' });
  await session.applyHistoryTransaction(once);
  expect(await session.getItems()).toEqual([]);
});

test.each<[unknown, string]>([
  [{ type: 'other' }, 'a transaction of an unknown type'],
  [{ type: 'append_items' }, 'append_items needs a list as `items`'],
  [{ type: 'replace_suffix', expectedSuffix: [] }, 'replace_suffix needs lists'],
  [{ type: 'append_items', items: [{ ...user('a'), n: Number.NaN }] }, 'cannot be kept as they are'],
  [{ type: 'append_items', items: [{ ...user('a'), m: new Map() }] }, 'cannot be kept as they are'],
  [{ type: 'append_items', items: [null] }, 'cannot be kept as they are'],
  [{ type: 'replace_suffix', expectedSuffix: [], replacement: [[]] }, 'cannot be kept as they are'],
])('the transaction %o is refused', async (transaction, message) => {
  const session = new MemorySession();
  const act = session.applyHistoryTransaction({
    operationId: 'o',
    transaction: transaction as SessionHistoryTransaction,
  });
  await expect(act).rejects.toThrow(message);
  expect(await session.getItems()).toEqual([]);
});

test('after a clear, operation ids are free again', async () => {
  const session = new MemorySession();
  const once = { operationId: 'o', transaction: { type: 'append_items' as const, items: [user('a')] } };
  await session.applyHistoryTransaction(once);
  await session.clearSession();
  await session.applyHistoryTransaction(once);
  expect(await session.getItems()).toEqual([user('a')]);
});

const replaceCall = (callId: string, replacement: FunctionCallItem): SessionHistoryMutation => ({
  type: 'replace_function_call',
  callId,
  replacement,
});

test.each<[string, AgentInputItem[], SessionHistoryMutation[]]>([
  ['none', [user('a'), call('c1')], []],
  ['one call', [user('a'), call('c1'), call('c2')], [replaceCall('c1', call('c1', 'new'))]],
  ['a call that is not there', [call('c1')], [replaceCall('zz', call('zz'))]],
  ['duplicates', [call('c1'), user('x'), call('c1', '2')], [replaceCall('c1', call('c1', 'R'))]],
  ['another id', [call('c1'), call('c2')], [replaceCall('c1', call('c9'))]],
  ['twice', [call('x'), call('c1')], [replaceCall('c1', call('c1', '1')), replaceCall('c1', call('c1', '2'))]],
])('mutations: %s, as the original', (_, items, mutations) => {
  const result = applySessionHistoryMutations(items, mutations);
  expect(result).toEqual(publishedMutations(items as never, mutations as never));
  expect(result.some((item) => items.includes(item))).toBe(false);
});

test('the guards find what a session declares', () => {
  const session = new MemorySession();
  expect(isSessionHistoryRewriteAwareSession(session)).toBe(true);
  expect(isSessionHistoryTransactionAwareSession(session)).toBe(true);
  expect(isRunContextAwareSession(session)).toBe(false);
  expect(isOpenAIResponsesCompactionAwareSession(session)).toBe(false);
  expect(isRunContextAwareSession(Object.assign(new MemorySession(), { acceptsRunContext: true }))).toBe(true);
  expect(isRunContextAwareSession(Object.assign(new MemorySession(), { acceptsRunContext: 1 }))).toBe(false);
  expect(
    isOpenAIResponsesCompactionAwareSession(Object.assign(new MemorySession(), { runCompaction: () => null })),
  ).toBe(true);
  expect([isRunContextAwareSession(undefined), isSessionHistoryRewriteAwareSession(undefined)]).toEqual([false, false]);
});
