/** Items that cannot be read: reported, kept, never counted. */
import {
  isSessionHistoryRewriteAwareSession,
  isSessionHistoryTransactionAwareSession,
  type Session,
} from '../../session/index.ts';
import { call, expectRejection, expectSame, expectTrue, rejectionOf, replace, texts, user } from './support.ts';
import type { Check } from './support.ts';

type Hooks = {
  readonly createTolerant: (sessionId: string) => Session | Promise<Session>;
  readonly corrupt: (stored: { sessionId: string; position: number; text: string }) => void | Promise<void>;
};

const BROKEN = '{"type":"message", "password';

export const corruptCases = (hooks: Hooks): Record<string, Check> => ({ ...reported(hooks), ...leftOut(hooks) });

/** Items 1 to 4, of which 2 and 4 are broken. */
async function breakSome(session: Session, { corrupt }: Hooks): Promise<void> {
  const sessionId = await session.getSessionId();
  await session.addItems(['a', 'b', 'c', 'd'].map(user));
  await corrupt({ sessionId, position: 2, text: BROKEN });
  await corrupt({ sessionId, position: 4, text: '"no object"' });
}

/** Runs `check` on a tolerant session with a silent console, and returns the warnings. */
async function warningsOf(
  session: Session,
  { createTolerant }: Hooks,
  check: (tolerant: Session) => Promise<void>,
): Promise<string[]> {
  const lines: string[] = [];
  /* oxlint-disable eslint/no-console -- what is left out is said on the console */
  const original = console.warn;
  console.warn = (line: unknown) => void lines.push(String(line));
  const tolerant = await createTolerant(await session.getSessionId());
  try {
    await check(tolerant);
  } finally {
    console.warn = original;
    /* oxlint-enable eslint/no-console */
    if ('close' in tolerant && typeof tolerant.close === 'function') await tolerant.close();
  }
  return lines;
}

const reported = (hooks: Hooks): Record<string, Check> => ({
  'an unreadable item is an error that names its position and not its content': async (session) => {
    await breakSome(session, hooks);
    const error = await rejectionOf(() => session.getItems());
    expectSame([error.code, error.positions], ['session/corrupt-item', [2, 4]]);
    expectTrue(!error.message.includes('password'), 'no content in the message');
    expectSame((await rejectionOf(() => session.getItems(1))).positions, [4]);
  },
  'a pop does not destroy an unreadable item': async (session) => {
    await breakSome(session, hooks);
    const error = await rejectionOf(() => session.popItem());
    expectSame([error.code, error.positions], ['session/corrupt-item', [4]]);
    expectSame((await rejectionOf(() => session.getItems())).positions, [2, 4]);
  },
  'replacing a suffix does not destroy an unreadable item': async (session) => {
    if (!isSessionHistoryTransactionAwareSession(session)) return;
    await breakSome(session, hooks);
    const transaction = replace([user('d')], []);
    await expectRejection(() => session.applyHistoryTransaction({ operationId: 'o', transaction }));
    expectSame((await rejectionOf(() => session.getItems())).positions, [2, 4]);
  },
  'a change of calls does not touch an unreadable item': async (session) => {
    if (!isSessionHistoryRewriteAwareSession(session)) return;
    await session.addItems([call('c', '1'), call('c', '2')]);
    await hooks.corrupt({ sessionId: await session.getSessionId(), position: 1, text: BROKEN });
    const replacement = call('c', '3');
    await session.applyHistoryMutations({ mutations: [{ type: 'replace_function_call', callId: 'c', replacement }] });
    expectSame((await rejectionOf(() => session.getItems())).positions, [1]);
    expectSame(await session.getItems(1), [replacement]);
  },
});

const leftOut = (hooks: Hooks): Record<string, Check> => ({
  'left out on request, unreadable items are said, kept and not counted': async (session) => {
    await breakSome(session, hooks);
    const lines = await warningsOf(session, hooks, async (tolerant) => {
      expectSame(texts(await tolerant.getItems()), ['a', 'c']);
      expectSame(texts(await tolerant.getItems(2)), ['a', 'c']);
      expectSame(texts(await tolerant.getItems(1)), ['c']);
      expectSame(await tolerant.getItems(0), []);
      expectSame(await tolerant.popItem(), user('c'));
      expectSame(texts(await tolerant.getItems()), ['a']);
    });
    expectSame(lines.length, 5);
    expectTrue(lines[0]?.includes('position 2, 4') === true, 'a warning that names the positions');
    expectSame((await rejectionOf(() => session.getItems())).positions, [2, 4]);
    await session.clearSession();
    expectSame(await session.getItems(), []);
  },
  'many unreadable items in a row do not hide what is before them': async (session) => {
    const sessionId = await session.getSessionId();
    await session.addItems(Array.from({ length: 40 }, (_, n) => user(`${n}`)));
    for (let position = 4; position <= 40; position++) await hooks.corrupt({ sessionId, position, text: BROKEN });
    await warningsOf(session, hooks, async (tolerant) => {
      expectSame(texts(await tolerant.getItems(2)), ['1', '2']);
      expectSame(await tolerant.popItem(), user('2'));
      expectSame(texts(await tolerant.getItems(5)), ['0', '1']);
    });
  },
});
