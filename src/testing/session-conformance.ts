/**
 * What every session must do, as cases for any test runner. Capabilities that a session does not declare are skipped.
 *
 * @example
 * for (const { name, run } of sessionConformance({ create: (sessionId) => mySession(sessionId) })) test(name, run);
 */
import type { AgentInputItem } from '../protocol/items.ts';
import { isSessionHistoryRewriteAwareSession, isSessionHistoryTransactionAwareSession } from '../session/index.ts';
import type { Session } from '../session/index.ts';
import { corruptCases } from './session-cases/corrupt.ts';
import { POSITIONS } from './session-cases/positions.ts';
import { RACES } from './session-cases/races.ts';
import {
  append,
  call,
  expectRejection,
  expectSame,
  expectTrue,
  isSame,
  rejectionOf,
  replace,
  texts,
  user,
} from './session-cases/support.ts';
import type { Check } from './session-cases/support.ts';
import { SHARED_TURNS, TURNS } from './session-cases/turns.ts';

export type SessionConformanceOptions = {
  /** Makes an empty session, or opens the one that this id has in the same store. */
  create: (sessionId: string) => Session | Promise<Session>;
  /** Releases what `create` took. */
  dispose?: (session: Session) => void | Promise<void>;
  /** Whether `create` with an id used before opens the same history. @default false */
  durable?: boolean;
  /** Opens the session of another tenant in the same store, where the store knows tenants. */
  createForTenant?: (sessionId: string, tenant: string) => Session | Promise<Session>;
  /** Opens a session that leaves unreadable items out instead of failing. Needed with `corrupt`. */
  createTolerant?: (sessionId: string) => Session | Promise<Session>;
  /** Overwrites the stored text of an item behind the session's back. Needed to test unreadable items. */
  corrupt?: (stored: { sessionId: string; position: number; text: string }) => void | Promise<void>;
};
export type ConformanceCase = { readonly name: string; readonly run: () => Promise<void> };

/** The cases, each with a session of its own. A case rejects with an Error that says what was expected. */
export function sessionConformance(options: SessionConformanceOptions): ConformanceCase[] {
  const { create, dispose, durable = false, createForTenant, createTolerant, corrupt } = options;
  const cases = {
    ...BASIC,
    ...ORDER,
    ...(durable && DURABLE),
    ...(createForTenant && TENANTS),
    ...REWRITE,
    ...TRANSACTIONS,
    ...POSITIONS,
    ...TURNS,
    ...(durable && { ...RACES, ...SHARED_TURNS }),
    ...(createTolerant && corrupt && corruptCases({ createTolerant, corrupt })),
  };
  return Object.entries(cases).map(([name, check]) => ({
    name,
    async run() {
      const opened: Session[] = [];
      const open = async (sessionId: string, tenant?: string): Promise<Session> => {
        const session = tenant === undefined ? await create(sessionId) : await createForTenant?.(sessionId, tenant);
        if (!session) throw new Error('createForTenant gave no session');
        opened.push(session);
        return session;
      };
      try {
        await check(await open(`conformance-${crypto.randomUUID()}`), open);
      } finally {
        for (const session of opened) await dispose?.(session);
      }
    },
  }));
}

const BASIC: Record<string, Check> = {
  'has an id that stays': async (session) => {
    const id = await session.getSessionId();
    expectTrue(typeof id === 'string' && id !== '', 'a non-empty id');
    expectSame(await session.getSessionId(), id);
  },
  'starts empty': async (session) => {
    expectSame(await session.getItems(), []);
    expectSame(await session.popItem(), undefined);
  },
  'returns items as they were added, oldest first': async (session) => {
    const items: AgentInputItem[] = [
      user('one'),
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'zwei ✓ "quoted"\n' }] },
      call('c1', '{"a":1}'),
      {
        type: 'function_call_result',
        callId: 'c1',
        name: 'lookup',
        status: 'completed',
        output: { type: 'text', text: 'ok' },
      },
      { type: 'reasoning', id: 'r1', content: [], providerData: { deep: { list: [1, null, true, 'x'] } } },
    ];
    await session.addItems(items.slice(0, 2));
    await session.addItems(items.slice(2));
    expectSame(await session.getItems(), items);
  },
  'adding nothing changes nothing': async (session) => {
    await session.addItems([]);
    expectSame(await session.getItems(), []);
  },
  'refuses what is no item, with nothing of the call added': async (session) => {
    await session.addItems([user('a')]);
    // What a program without types, or with a list that has a hole, hands over.
    const others: unknown[] = [null, undefined, 5, 'text', true, [], [user('b')], new Uint8Array([1])];
    for (const item of others) {
      const error = await rejectionOf(() => session.addItems([user('b'), item as AgentInputItem]));
      expectSame(error.name, 'UserError');
    }
    expectSame(await session.getItems(), [user('a')]);
  },
  'with a limit returns the newest, still oldest first': async (session) => {
    await session.addItems([user('a'), user('b'), user('c')]);
    expectSame(await session.getItems(2), [user('b'), user('c')]);
    expectSame(await session.getItems(9), [user('a'), user('b'), user('c')]);
    expectSame(await session.getItems(0), []);
  },
  'pops the newest item': async (session) => {
    await session.addItems([user('a'), user('b')]);
    expectSame(await session.popItem(), user('b'));
    expectSame(await session.getItems(), [user('a')]);
    await session.addItems([user('c')]);
    expectSame(await session.getItems(), [user('a'), user('c')]);
  },
  'clears its items and keeps its id': async (session) => {
    const id = await session.getSessionId();
    await session.addItems([user('a')]);
    await session.clearSession();
    expectSame(await session.getItems(), []);
    expectSame(await session.getSessionId(), id);
    await session.addItems([user('b')]);
    expectSame(await session.getItems(), [user('b')]);
  },
  'keeps what it was given when the caller changes it later': async (session) => {
    const item: AgentInputItem = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'before' }] };
    const expected = structuredClone(item);
    await session.addItems([item]);
    item.content = 'after';
    expectSame(await session.getItems(), [expected]);
    const items = await session.getItems();
    Object.assign(items[0] ?? {}, { content: 'after' });
    items.push(user('more'));
    expectSame(await session.getItems(), [expected]);
  },
  'keeps every item of appends that run at the same time, each batch in order': async (session) => {
    const batches = Array.from({ length: 8 }, (_, n) => [user(`${n}/0`), user(`${n}/1`)]);
    await Promise.all(batches.map((batch) => session.addItems(batch)));
    const items = await session.getItems();
    expectSame(items.length, 16);
    for (const [first, second] of batches) {
      const at = items.findIndex((item) => isSame(item, first));
      expectSame(items[at + 1], second);
    }
  },
  'keeps its items apart from those of other ids': async (session, open) => {
    const other = await open(`conformance-${crypto.randomUUID()}`);
    await session.addItems([user('mine')]);
    await other.addItems([user('theirs')]);
    await other.clearSession();
    expectSame(await session.getItems(), [user('mine')]);
  },
};

const ORDER: Record<string, Check> = {
  'keeps the order of many appends': async (session) => {
    const all = Array.from({ length: 60 }, (_, n) => `item ${n}`);
    for (let n = 0; n < all.length; n += 3) await session.addItems(all.slice(n, n + 3).map(user));
    expectSame(texts(await session.getItems()), all);
    expectSame(texts(await session.getItems(7)), all.slice(-7));
  },
  'does one call after the other, also when nobody waits between': async (session) => {
    const calls = [
      session.addItems([user('a'), user('b')]),
      session.popItem(),
      session.addItems([user('c')]),
      session.getItems(),
      session.clearSession(),
      session.addItems([user('d')]),
    ];
    const results = await Promise.all(calls);
    expectSame(results[1], user('b'));
    expectSame(results[3], [user('a'), user('c')]);
    expectSame(await session.getItems(), [user('d')]);
  },
  'gives each item to one pop only': async (session) => {
    await session.addItems(['a', 'b', 'c', 'd'].map(user));
    const popped = await Promise.all(Array.from({ length: 5 }, () => session.popItem()));
    expectSame(texts(popped.flatMap((item) => (item ? [item] : []))), ['d', 'c', 'b', 'a']);
    expectSame(await session.getItems(), []);
  },
  'keeps every character, and items of a megabyte': async (session) => {
    const texts = [
      '',
      '\0 nul',
      '\ud83d alone',
      '👩‍👩‍👧 family',
      '\u2028\u2029',
      'é e\u0301',
      '"\\\'; DROP TABLE items; --',
      'عربى',
    ];
    const items = [...texts, 'ü'.repeat(1_000_000)].map(user);
    await session.addItems(items);
    expectSame(await session.getItems(), items);
    expectSame(await session.popItem(), items.at(-1));
  },
  'takes any limit': async (session) => {
    await session.addItems([user('a'), user('b'), user('c')]);
    for (const [limit, expected] of LIMITS) expectSame(texts(await session.getItems(limit)), expected);
  },
};

const LIMITS: readonly (readonly [number | undefined, readonly string[]])[] = [
  [undefined, ['a', 'b', 'c']],
  [Number.NaN, ['a', 'b', 'c']],
  [Infinity, ['a', 'b', 'c']],
  [Number.MAX_SAFE_INTEGER, ['a', 'b', 'c']],
  [1.5, ['b', 'c']],
  [1, ['c']],
  [-1, []],
  [-Infinity, []],
];

const TENANTS: Record<string, Check> = {
  'keeps tenants apart, also under one id': async (session, open) => {
    const id = await session.getSessionId();
    const [ours, theirs] = [await open(id, 'ours'), await open(id, 'theirs')];
    await ours.addItems([user('ours')]);
    expectSame(await theirs.getItems(), []);
    expectSame(await theirs.popItem(), undefined);
    await theirs.addItems([user('theirs')]);
    await theirs.clearSession();
    expectSame(await ours.getItems(), [user('ours')]);
    expectSame(await session.getItems(), []);
  },
  'keeps operations of tenants apart': async (session, open) => {
    const id = await session.getSessionId();
    for (const tenant of ['ours', 'theirs']) {
      const one = await open(id, tenant);
      if (!isSessionHistoryTransactionAwareSession(one)) return;
      await one.applyHistoryTransaction({ operationId: 'o1', transaction: append(user(tenant)) });
      expectSame(await one.getItems(), [user(tenant)]);
    }
  },
};

const DURABLE: Record<string, Check> = {
  'finds its items when it is opened again': async (session, open) => {
    await session.addItems([user('a'), user('b')]);
    const again = await open(await session.getSessionId());
    expectSame(await again.getItems(), [user('a'), user('b')]);
  },
  'shares a history between those who have it open': async (session, open) => {
    const again = await open(await session.getSessionId());
    await session.addItems([user('a')]);
    await again.addItems([user('b')]);
    expectSame(await session.getItems(), [user('a'), user('b')]);
    expectSame(await session.popItem(), user('b'));
    await again.clearSession();
    expectSame(await session.getItems(), []);
  },
  'knows an operation again after it was opened again': async (session, open) => {
    const again = await open(await session.getSessionId());
    for (const one of [session, again]) {
      if (!isSessionHistoryTransactionAwareSession(one)) return;
      await one.applyHistoryTransaction({ operationId: 'o1', transaction: append(user('a')) });
    }
    expectSame(await again.getItems(), [user('a')]);
  },
};

const REWRITE: Record<string, Check> = {
  'replaces a stored call and drops its duplicates': async (session) => {
    if (!isSessionHistoryRewriteAwareSession(session)) return;
    await session.addItems([user('a'), call('c1', '1'), call('c2', '2'), call('c1', '3')]);
    const replacement = call('c1', 'new');
    await session.applyHistoryMutations({ mutations: [{ type: 'replace_function_call', callId: 'c1', replacement }] });
    expectSame(await session.getItems(), [user('a'), replacement, call('c2', '2')]);
  },
  'leaves the history alone when the call is not there': async (session) => {
    if (!isSessionHistoryRewriteAwareSession(session)) return;
    await session.addItems([user('a')]);
    const replacement = call('c9', 'new');
    await session.applyHistoryMutations({ mutations: [{ type: 'replace_function_call', callId: 'c9', replacement }] });
    expectSame(await session.getItems(), [user('a')]);
  },
};

const TRANSACTIONS: Record<string, Check> = {
  'applies a repeated transaction once': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    for (let i = 0; i < 2; i++)
      await session.applyHistoryTransaction({ operationId: 'o1', transaction: append(user('a')) });
    expectSame(await session.getItems(), [user('a')]);
    const transaction = replace([user('a')], [user('b'), user('c')]);
    for (let i = 0; i < 2; i++) await session.applyHistoryTransaction({ operationId: 'o2', transaction });
    expectSame(await session.getItems(), [user('b'), user('c')]);
  },
  'applies a transaction once when it is asked for many times at once': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    const transaction = append(user('a'), user('b'));
    await Promise.all(
      Array.from({ length: 8 }, async () => session.applyHistoryTransaction({ operationId: 'o1', transaction })),
    );
    expectSame(await session.getItems(), [user('a'), user('b')]);
  },
  'knows an operation again when its items are no longer the newest': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    const once = { operationId: 'o1', transaction: append(user('a')) };
    await session.applyHistoryTransaction(once);
    await session.addItems([user('b')]);
    await session.applyHistoryTransaction(once);
    await session.popItem();
    await session.popItem();
    await session.applyHistoryTransaction(once);
    expectSame(await session.getItems(), []);
  },
  'keeps bytes': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    const bytes = new Uint8Array([0, 1, 254, 255]);
    const item: AgentInputItem = { type: 'unknown', providerData: { bytes, $key: 'kept' } };
    await session.applyHistoryTransaction({ operationId: 'o1', transaction: append(item) });
    const [kept] = await session.getItems();
    const found = kept?.providerData?.['bytes'];
    expectTrue(found instanceof Uint8Array && found.join() === bytes.join(), 'the bytes as they were');
  },
  'refuses an operation id that was used for something else': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    await session.applyHistoryTransaction({ operationId: 'o1', transaction: append(user('a')) });
    await expectRejection(async () =>
      session.applyHistoryTransaction({ operationId: 'o1', transaction: append(user('b')) }),
    );
    expectSame(await session.getItems(), [user('a')]);
  },
  'refuses to replace a suffix that is not there, and forgets the attempt': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    await session.addItems([user('a')]);
    const transaction = replace([user('z')], [user('b')]);
    await expectRejection(async () => session.applyHistoryTransaction({ operationId: 'o1', transaction }));
    expectSame(await session.getItems(), [user('a')]);
    await session.applyHistoryTransaction({ operationId: 'o1', transaction: append(user('b')) });
    expectSame(await session.getItems(), [user('a'), user('b')]);
  },
  'refuses a blank operation id': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    await expectRejection(async () =>
      session.applyHistoryTransaction({ operationId: ' ', transaction: append(user('a')) }),
    );
    expectSame(await session.getItems(), []);
  },
};
