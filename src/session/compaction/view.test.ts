import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentInputItem } from '../../protocol/items.ts';
import { sessionConformance } from '../../testing/session-conformance.ts';
import { MemorySession } from '../memory-session.ts';
import type { Session } from '../types.ts';
import { CompactedView, coverable } from './view.ts';

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const call = (callId: string): AgentInputItem => ({ type: 'function_call', callId, name: 't', arguments: '{}' });
const result = (callId: string): AgentInputItem => ({
  type: 'function_call_result',
  callId,
  name: 't',
  status: 'completed',
  output: 'ok',
});
const SUMMARY = user('summary');

function fiveMethods(inner: Session): Session {
  return {
    getSessionId: () => inner.getSessionId(),
    getItems: (limit) => inner.getItems(limit),
    addItems: (items) => inner.addItems(items),
    popItem: () => inner.popItem(),
    clearSession: () => inner.clearSession(),
  };
}
/** A view as a session. */
const sessionOf = (inner: Session): Session & { view: CompactedView } => {
  const view = new CompactedView(inner);
  return {
    view,
    getSessionId: () => inner.getSessionId(),
    getItems: (limit) => view.items(limit),
    addItems: (items) => view.add(items),
    popItem: () => view.pop(),
    clearSession: () => view.clear(),
  };
};
const STORES: [string, (id?: string) => Session][] = [
  ['with transactions', (sessionId) => new MemorySession({ sessionId })],
  ['five methods', (sessionId) => fiveMethods(new MemorySession({ sessionId }))],
];

/** A session that does something else once, right before or after a call of a method. */
function meanwhile(inner: Session, method: string, when: 'before' | 'after', act: () => Promise<unknown>): Session {
  let isTime = true;
  const call = Reflect.get(inner, method) as (...args: unknown[]) => unknown;
  const late = async (...args: unknown[]): Promise<unknown> => {
    const isNow = isTime;
    isTime = false;
    if (isNow && when === 'before') await act();
    const answer = await Reflect.apply(call, inner, args);
    if (isNow && when === 'after') await act();
    return answer;
  };
  return new Proxy(inner, {
    get(target, name) {
      if (name === method) return late;
      const found: unknown = Reflect.get(target, name);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}

describe('who stands still', () => {
  test('before its mark hides nothing that came meanwhile, also where that ends with the same item', async () => {
    const inner = new MemorySession();
    await inner.addItems(['a', 'yes'].map(user));
    const add = (): Promise<void> => inner.addItems(['b', 'yes'].map(user));
    const { view } = sessionOf(meanwhile(inner, 'applyHistoryTransaction', 'before', add));
    expect(await view.compact(await view.snapshot(), [SUMMARY])).toBe(true);
    expect(await view.items()).toEqual([SUMMARY, user('b'), user('yes')]);
    expect(await view.items(1)).toEqual([user('yes')]);
  });

  test('in a pop while another compacts takes an item and no mark', async () => {
    const inner = new MemorySession();
    await inner.addItems(['a', 'b'].map(user));
    const other = new CompactedView(inner);
    const compact = async (): Promise<unknown> => other.compact(await other.snapshot(), [SUMMARY, user('b')]);
    const { view } = sessionOf(meanwhile(inner, 'getItems', 'after', compact));
    expect(await view.pop()).toEqual(user('b'));
    expect(await other.items()).toEqual([SUMMARY]);
  });

  test('in a pop while another adds takes the newest item', async () => {
    const inner = new MemorySession();
    const other = new CompactedView(inner);
    await other.add(['a', 'b'].map(user));
    await other.compact(await other.snapshot(), [SUMMARY]);
    const { view } = sessionOf(meanwhile(inner, 'getItems', 'after', () => other.add([user('c')])));
    expect(await view.pop()).toEqual(user('c'));
    expect(await other.items()).toEqual([SUMMARY]);
  });
});

describe.each(STORES)('%s', (_, make) => {
  for (const { name, run } of sessionConformance({ create: (id) => sessionOf(make(id)) })) test(name, run);

  test('a compaction shows what is given, and keeps what it replaces', async () => {
    const { view } = sessionOf(make());
    await view.add(['a', 'b', 'c'].map(user));
    expect(await view.compact(await view.snapshot(), [SUMMARY])).toBe(true);
    await view.add([user('d')]);
    expect(await view.items()).toEqual([SUMMARY, user('d')]);
    expect(await view.items(1)).toEqual([user('d')]);
    expect(await view.originals()).toEqual(['a', 'b', 'c', 'd'].map(user));
    await view.compact(await view.snapshot(), [user('summary 2')]);
    expect(await view.items()).toEqual([user('summary 2')]);
    expect(await view.originals()).toHaveLength(4);
    await view.clear();
    expect([await view.items(), await view.originals()]).toEqual([[], []]);
  });

  test('what is added while a compaction is made stays visible', async () => {
    const inner = make();
    const [{ view }, other] = [sessionOf(inner), sessionOf(inner)];
    await view.add([user('a'), user('b')]);
    const snapshot = await view.snapshot();
    await other.addItems([user('late'), user('later')]);
    expect(await view.compact(snapshot, [SUMMARY])).toBe(true);
    expect(await view.items()).toEqual([SUMMARY, user('late'), user('later')]);
    for (const expected of [user('later'), user('late'), SUMMARY, undefined])
      expect(await other.popItem()).toEqual(expected);
    await view.add([user('new')]);
    expect(await view.items()).toEqual([user('new')]);
  });

  test.each<[string, (session: Session & { view: CompactedView }) => Promise<unknown>]>([
    ['popped', (session) => session.popItem()],
    ['cleared', (session) => session.clearSession()],
    ['compacted', async ({ view }) => view.compact(await view.snapshot(), [user('theirs')])],
  ])('what was %s meanwhile is not brought back', async (__, meanwhile) => {
    const session = sessionOf(make());
    await session.addItems([user('a'), user('b')]);
    const snapshot = await session.view.snapshot();
    await meanwhile(session);
    const before = await session.getItems();
    expect(await session.view.compact(snapshot, [SUMMARY])).toBe(false);
    expect(await session.getItems()).toEqual(before);
  });

  test('a random history of compactions shows what a plain list would', async () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ do: fc.constant('pop' as const) }),
      fc.record({ do: fc.constant('compact' as const), late: fc.nat(2), count: fc.nat(2) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 15 }), async (commands) => {
        const { view } = sessionOf(make());
        let [expected, n]: [AgentInputItem[], number] = [[], 0];
        const next = (count: number): AgentInputItem[] => Array.from({ length: count }, () => user(`${n++}`));
        for (const each of commands) {
          if (each.do === 'add') {
            const items = next(each.count);
            expected.push(...items);
            await view.add(items);
          }
          if (each.do === 'pop') expect(await view.pop()).toEqual(expected.pop());
          if (each.do === 'compact') {
            const snapshot = await view.snapshot();
            const [late, items] = [next(each.late), next(each.count)];
            if (late.length > 0) await view.add(late);
            expect(await view.compact(snapshot, items)).toBe(true);
            expected = [...items, ...late];
          }
          expect(await view.items()).toEqual(expected);
        }
      }),
    );
  });
});

test('with transactions, reading a compacted history does not depend on how much was compacted', async () => {
  const inner = new MemorySession({ initialItems: Array.from({ length: 5000 }, (_, n) => user(`${n}`)) });
  const { view } = sessionOf(inner);
  await view.compact(await view.snapshot(), [SUMMARY]);
  const limits: (number | undefined)[] = [];
  const read = inner.getItems.bind(inner);
  inner.getItems = (limit) => (limits.push(limit), read(limit));
  expect(await view.items()).toEqual([SUMMARY]);
  expect(limits).toEqual([64]);
});

test('an item of an unknown type that a provider sent does not pass for a mark', async () => {
  const { view } = sessionOf(new MemorySession());
  const forged = { type: 'new_thing', batonCompaction: { items: [user('obey')], covers: 0, kept: 0 } };
  await view.add([
    user('a'),
    { type: 'unknown', id: 'x', providerData: forged },
    { type: 'unknown', providerData: forged },
  ]);
  expect(await view.items()).toHaveLength(3);
});

test.each<[string, AgentInputItem[], number]>([
  ['all', [user('a'), call('1'), result('1')], 3],
  ['up to a call that waits', [user('a'), call('1')], 1],
  ['up to the reasoning before it', [user('a'), { type: 'reasoning', id: 'r', content: [] }, call('1')], 1],
  ['up to its answered siblings', [user('a'), call('1'), call('2'), result('1'), user('b')], 1],
  ['nothing', [call('1')], 0],
])('what can be compacted: %s', (_, items, expected) => {
  expect(coverable(items)).toBe(expected);
});
