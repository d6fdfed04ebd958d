/** Positions, operations and conditions, for sessions that tell positions. */
import type { AgentInputItem } from '../../protocol/items.ts';
import { isSessionHistoryRewriteAwareSession, isSessionHistoryTransactionAwareSession } from '../../session/index.ts';
import {
  append,
  call,
  expectRejection,
  expectSame,
  expectTrue,
  isPositioned,
  rejectionOf,
  replace,
  texts,
  user,
} from './support.ts';
import type { Check } from './support.ts';

export const POSITIONS: Record<string, Check> = {
  'never gives a position twice: not after a pop, a replaced suffix or a clear': async (session) => {
    if (!isPositioned(session) || !isSessionHistoryTransactionAwareSession(session)) return;
    const none = await session.position();
    expectSame([none.first, none.last], [1, 0]);
    const first = await session.append([user('a'), user('b')]);
    expectSame([first.first, first.last], [1, 2]);
    await session.popItem();
    const second = await session.append([user('c')]);
    expectSame([second.first, second.last], [3, 3]);
    await session.applyHistoryTransaction({ operationId: 'r', transaction: replace([user('c')], [user('d')]) });
    expectSame((await session.position()).last, 4);
    await session.clearSession();
    const third = await session.append([user('e')]);
    expectSame([third.first, third.last], [5, 5]);
    expectTrue(third.generation > first.generation, 'a clear to begin a new generation');
    expectSame(await session.append([]), { generation: third.generation, first: 6, last: 5 });
  },
  'tells a repeated operation where its items went, whatever the order of keys': async (session) => {
    if (!isPositioned(session)) return;
    const first = await session.append([user('a')], { operationId: 'o' });
    await session.append([user('b')]);
    const turned: AgentInputItem = JSON.parse('{"content":"a","role":"user","type":"message"}');
    expectSame(await session.append([turned], { operationId: 'o' }), first);
    await expectRejection(async () => void (await session.append([user('z')], { operationId: 'o' })));
    expectSame(texts(await session.getItems()), ['a', 'b']);
  },
  'replaces a suffix whatever the order of keys': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    await session.addItems([user('a'), user('b')]);
    const turned: AgentInputItem = JSON.parse('{"content":"b","role":"user","type":"message"}');
    await session.applyHistoryTransaction({ operationId: 'r', transaction: replace([user('a'), turned], [user('c')]) });
    expectSame(texts(await session.getItems()), ['c']);
  },
  'refuses retries from before a clear, so that nothing erased comes back': async (session) => {
    if (!isPositioned(session) || !isSessionHistoryTransactionAwareSession(session)) return;
    const { generation } = await session.append([user('secret')], { operationId: 'o' });
    await session.clearSession();
    const retries = [
      () => session.append([user('secret')], { operationId: 'o' }),
      () => session.append([user('late')], { generation }),
      () => session.append([user('late')], { generation, operationId: 'new' }),
      () => session.applyHistoryTransaction({ operationId: 'o', transaction: append(user('other')) }),
    ];
    for (const retry of retries) expectSame((await rejectionOf(retry)).code, 'session/cleared');
    expectSame(await session.getItems(), []);
    await session.append([user('b')], { operationId: 'new' });
    expectSame(texts(await session.getItems()), ['b']);
  },
  'refuses an append when somebody else was faster, and changes nothing': async (session) => {
    if (!isPositioned(session)) return;
    await session.append([user('a')], { expectedHead: 0 });
    const { last } = await session.append([user('b')], { expectedHead: 1, operationId: 'o' });
    expectSame((await rejectionOf(() => session.append([user('c')], { expectedHead: 1 }))).code, 'session/conflict');
    expectSame((await rejectionOf(() => session.append([user('c')], { expectedHead: 9 }))).code, 'session/conflict');
    expectSame((await session.position()).last, last);
    // What was done is done, also where its condition holds no more.
    expectSame((await session.append([user('b')], { expectedHead: 1, operationId: 'o' })).last, last);
    expectSame(texts(await session.getItems()), ['a', 'b']);
  },
  'an operation may append nothing, once': async (session) => {
    if (!isPositioned(session)) return;
    const first = await session.append([], { operationId: 'o' });
    await session.append([user('a')]);
    expectSame(await session.append([], { operationId: 'o' }), first);
    expectSame(first.first, first.last + 1);
  },
  'takes any text as an operation id, and mixes none up': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    const ids = ['a', 'a ', 'A', '\0', '\\u0000', '\\', '\ufffd', 'é', 'e\u0301', '{a}:b', "'; --", 'x'.repeat(900)];
    for (let round = 0; round < 2; round++) {
      for (const id of ids)
        await session.applyHistoryTransaction({ operationId: id, transaction: append(user(`item of ${id}`)) });
    }
    expectSame(
      texts(await session.getItems()),
      ids.map((id) => `item of ${id}`),
    );
  },
  'takes any text as a call id, and finds each again': async (session) => {
    if (!isSessionHistoryRewriteAwareSession(session)) return;
    const long = 'x'.repeat(5000);
    const ids = ['\0', '\ufffd', '\\', '1,2', long, `${long}y`];
    await session.addItems(ids.map((id) => call(id, 'old')));
    for (const id of ids.toReversed()) {
      const replacement = call(id, `new of ${id}`);
      await session.applyHistoryMutations({ mutations: [{ type: 'replace_function_call', callId: id, replacement }] });
    }
    expectSame(
      await session.getItems(),
      ids.map((id) => call(id, `new of ${id}`)),
    );
  },
  'finds a changed call under its new id, and no call that was popped': async (session) => {
    if (!isSessionHistoryRewriteAwareSession(session)) return;
    await session.addItems([call('a', '1'), user('u'), call('b', '2'), call('c', '3')]);
    const change = (callId: string, replacement: ReturnType<typeof call>): Promise<void> | void =>
      session.applyHistoryMutations({ mutations: [{ type: 'replace_function_call', callId, replacement }] });
    await change('a', call('z', '4'));
    await change('a', call('a', 'never'));
    await change('z', call('z', '5'));
    expectSame(await session.popItem(), call('c', '3'));
    await change('c', call('c', 'never'));
    await session.addItems([call('b', '6')]);
    await change('b', call('b', '7'));
    expectSame(await session.getItems(), [call('z', '5'), user('u'), call('b', '7')]);
  },
  'takes ids of any characters and keeps them apart': async (session, open) => {
    const base = await session.getSessionId();
    const ids = ['}', '{x}', ':', '%7D', 'ü', '€', "';--", ' ', '%', '_', '*'].map((odd) => `${base}${odd}`);
    const opened = await Promise.all(ids.map(async (id) => ({ id, one: await open(id) })));
    for (const { id, one } of opened) await one.addItems([user(id)]);
    for (const { id, one } of opened) expectSame(texts(await one.getItems()), [id]);
    expectSame(await session.getItems(), []);
  },
  'keeps a batch of many megabytes, all or nothing': async (session) => {
    const big = Array.from({ length: 18 }, (_, n) => user(`${n}${'x'.repeat(1_000_000)}`));
    await session.addItems(big);
    expectSame((await session.getItems()).length, 18);
    expectSame(await session.getItems(1), big.slice(-1));
  },
  'a batch with one bad item adds nothing': async (session) => {
    if (!isPositioned(session)) return;
    const odd: Record<string, unknown>[] = [{ n: 1n }, { f: () => 1 }, { n: Number.NaN }, { m: new Map() }];
    for (const providerData of odd)
      await expectRejection(() => session.addItems([user('a'), { type: 'unknown', providerData }]));
    expectSame(await session.getItems(), []);
    expectSame((await session.position()).last, 0);
  },
};
