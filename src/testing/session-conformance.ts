/**
 * What every session must do, as cases for any test runner. Capabilities that a session does not declare are skipped.
 *
 * @example
 * for (const { name, run } of sessionConformance({ create: (sessionId) => mySession(sessionId) })) test(name, run);
 */
import type { AgentInputItem, FunctionCallItem } from '../protocol/items.ts';
import { isSessionHistoryRewriteAwareSession, isSessionHistoryTransactionAwareSession } from '../session/index.ts';
import type { Session, SessionHistoryTransaction } from '../session/index.ts';

export type SessionConformanceOptions = {
  /** Makes an empty session, or opens the one that this id has in the same store. */
  create: (sessionId: string) => Session | Promise<Session>;
  /** Releases what `create` took. */
  dispose?: (session: Session) => void | Promise<void>;
  /** Whether `create` with an id used before opens the same history. @default false */
  durable?: boolean;
};
export type ConformanceCase = { readonly name: string; readonly run: () => Promise<void> };

type Check = (session: Session, open: (sessionId: string) => Promise<Session>) => Promise<void>;

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const call = (callId: string, args: string): FunctionCallItem => ({
  type: 'function_call',
  callId,
  name: 'lookup',
  arguments: args,
  status: 'completed',
});

/** The cases, each with a session of its own. A case rejects with an Error that says what was expected. */
export function sessionConformance(options: SessionConformanceOptions): ConformanceCase[] {
  const { create, dispose, durable = false } = options;
  const cases = { ...BASIC, ...(durable && DURABLE), ...REWRITE, ...TRANSACTIONS };
  return Object.entries(cases).map(([name, check]) => ({
    name,
    async run() {
      const opened: Session[] = [];
      const open = async (sessionId: string): Promise<Session> => {
        const session = await create(sessionId);
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

const DURABLE: Record<string, Check> = {
  'finds its items when it is opened again': async (session, open) => {
    await session.addItems([user('a'), user('b')]);
    const again = await open(await session.getSessionId());
    expectSame(await again.getItems(), [user('a'), user('b')]);
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

const append = (...items: AgentInputItem[]): SessionHistoryTransaction => ({ type: 'append_items', items });
const replace = (expectedSuffix: AgentInputItem[], replacement: AgentInputItem[]): SessionHistoryTransaction => ({
  type: 'replace_suffix',
  expectedSuffix,
  replacement,
});

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

/** JSON with sorted keys: stores may give keys back in another order. */
function canonical(value: unknown): string {
  const sorted = (_: string, entry: unknown): unknown =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry;
  return JSON.stringify(value, sorted) ?? 'undefined';
}

const isSame = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

function expectSame(actual: unknown, expected: unknown): void {
  if (!isSame(actual, expected)) throw new Error(`Expected ${canonical(expected)}, got ${canonical(actual)}`);
}

function expectTrue(condition: boolean, expected: string): void {
  if (!condition) throw new Error(`Expected ${expected}`);
}

async function expectRejection(act: () => Promise<void> | void): Promise<void> {
  const failed = await Promise.resolve()
    .then(act)
    .then(
      () => false,
      () => true,
    );
  expectTrue(failed, 'a rejection');
}
