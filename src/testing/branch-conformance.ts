/**
 * What every session with branches must do, as cases for any test runner.
 *
 * @example
 * for (const { name, run } of branchConformance({ create: (sessionId) => mySession(sessionId) })) test(name, run);
 */
import type { AgentInputItem } from '../protocol/items.ts';
import { Usage } from '../protocol/usage.ts';
import type { BranchAwareSession, SessionBranch } from '../session/index.ts';
import type { ConformanceCase } from './session-conformance.ts';

export type BranchConformanceOptions = {
  /** Makes an empty session, or opens the one that this id has in the same store. */
  create: (sessionId: string) => BranchAwareSession | Promise<BranchAwareSession>;
  /** Releases what `create` took. */
  dispose?: (session: BranchAwareSession) => void | Promise<void>;
  /** Whether `create` with an id used before opens the same session. @default false */
  durable?: boolean;
};

type Check = (session: BranchAwareSession, open: () => Promise<BranchAwareSession>) => Promise<void>;

/** The cases, each with a session of its own. A case rejects with an Error that says what was expected. */
export function branchConformance({ create, dispose, durable = false }: BranchConformanceOptions): ConformanceCase[] {
  return Object.entries({ ...CASES, ...(durable && DURABLE) }).map(([name, check]) => ({
    name,
    async run() {
      const opened: BranchAwareSession[] = [];
      const id = `branches-${crypto.randomUUID()}`;
      const open = async (): Promise<BranchAwareSession> => {
        const session = await create(id);
        opened.push(session);
        return session;
      };
      try {
        await check(await open(), open);
      } finally {
        for (const session of opened) await dispose?.(session);
      }
    },
  }));
}

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const said = (text: string): AgentInputItem => ({
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text }],
});
/** Two turns of two items. */
const TURNS = [user('one'), said('1'), user('two'), said('2')];

/** Names, places and order of a tree, in short. */
const shape = ({ name, forkAt, isCurrent, children }: SessionBranch): string =>
  `${name}@${forkAt}${isCurrent ? '*' : ''}${children.length > 0 ? `(${children.map(shape).join(' ')})` : ''}`;

const CASES: Record<string, Check> = {
  'begins with main alone, which is current': async (session) => {
    expectSame(shape(await session.getBranches()), 'main@0*');
    expectSame(await session.getTurns(), []);
  },
  'a branch from a turn begins before it and is current; the other goes on as it was': async (session) => {
    await session.addItems(TURNS);
    await session.createBranch('again', { turn: 2 });
    expectSame(await session.getItems(), TURNS.slice(0, 2));
    await session.addItems([user('two, but'), said('2b')]);
    expectSame(await session.getItems(), [...TURNS.slice(0, 2), user('two, but'), said('2b')]);
    expectSame(await session.getItems(3), [said('1'), user('two, but'), said('2b')]);
    await session.switchBranch('main');
    expectSame(await session.getItems(), TURNS);
    expectSame(shape(await session.getBranches()), 'main@0*(again@2)');
  },
  'a branch from the first turn begins empty, is listed, and can be left, entered and deleted': async (session) => {
    await session.addItems(TURNS);
    await session.createBranch('fresh', { turn: 1 });
    expectSame(await session.getItems(), []);
    expectSame(shape(await session.getBranches()), 'main@0(fresh@0*)');
    await session.switchBranch('main');
    await session.switchBranch('fresh');
    await session.deleteBranch('fresh');
    expectSame(await session.getItems(), TURNS);
  },
  'deleting the current branch leads to its parent, also where that is empty': async (session) => {
    await session.createBranch('a');
    await session.addItems(TURNS);
    await session.deleteBranch('a');
    expectSame(shape(await session.getBranches()), 'main@0*');
    expectSame(await session.getItems(), []);
  },
  'branches of branches are a tree, and outlive the one that they left': async (session) => {
    await session.addItems(TURNS);
    await session.createBranch('a', { at: 3 });
    await session.addItems([said('a')]);
    await session.createBranch('b');
    await session.addItems([said('b')]);
    await session.switchBranch('main');
    await session.createBranch('c');
    expectSame(shape(await session.getBranches()), 'main@0(a@3(b@4) c@4*)');
    await session.deleteBranch('a');
    expectSame(shape(await session.getBranches()), 'main@0(b@4 c@4*)');
    await session.switchBranch('b');
    expectSame(await session.getItems(), [...TURNS.slice(0, 3), said('a'), said('b')]);
  },
  'a pop takes nothing from another branch': async (session) => {
    await session.addItems(TURNS);
    await session.createBranch('a');
    await session.addItems([said('a')]);
    for (const expected of [said('a'), ...TURNS.slice(2).toReversed()]) expectSame(await session.popItem(), expected);
    await session.addItems([said('new')]);
    expectSame(await session.getItems(), [...TURNS.slice(0, 2), said('new')]);
    await session.switchBranch('main');
    expectSame(await session.getItems(), TURNS);
    await session.createBranch('b');
    await session.switchBranch('main');
    expectSame(await session.popItem(), TURNS[3]);
    await session.addItems([said('other')]);
    expectSame(await session.getItems(), [...TURNS.slice(0, 3), said('other')]);
    await session.switchBranch('b');
    expectSame(await session.getItems(), TURNS);
  },
  'a name is used once; main stays; what is not there is refused': async (session) => {
    await session.addItems(TURNS);
    await session.createBranch('a');
    await session.deleteBranch('a');
    await expectRejection(() => session.createBranch('a'));
    await expectRejection(() => session.createBranch('main'));
    await expectRejection(() => session.createBranch(' '));
    await expectRejection(() => session.createBranch('x', { turn: 3 }));
    await expectRejection(() => session.createBranch('x', { turn: 0 }));
    await expectRejection(() => session.createBranch('x', { at: 5 }));
    await expectRejection(() => session.createBranch('x', { at: 1, turn: 1 }));
    await expectRejection(() => session.switchBranch('a'));
    await expectRejection(() => session.deleteBranch('nobody'));
    await expectRejection(() => session.deleteBranch('main'));
    expectSame(shape(await session.getBranches()), 'main@0*');
    expectSame(await session.getItems(), TURNS);
  },
  'of many made at once under one name one is it': async (session) => {
    await session.addItems(TURNS);
    const made = await Promise.allSettled([1, 2, 3].map((at) => session.createBranch('a', { at })));
    expectSame(made.filter(({ status }) => status === 'fulfilled').length, 1);
    expectSame((await session.getBranches()).children.length, 1);
  },
  'a clear removes all branches': async (session) => {
    await session.addItems(TURNS);
    await session.createBranch('a');
    await session.addItems([said('a')]);
    await session.clearSession();
    expectSame(shape(await session.getBranches()), 'main@0*');
    expectSame(await session.getItems(), []);
    await session.addItems([user('new')]);
    await session.createBranch('a');
    expectSame(await session.getItems(), [user('new')]);
  },
  'usage is kept for each turn: the newest word of each run, and a branch shows that of what it begins with': async (
    session,
  ) => {
    const record = async (runId: string, totalTokens: number): Promise<void> =>
      session.recordUsage?.({ runId, usage: new Usage({ inputTokens: totalTokens, totalTokens }) });
    const totals = async (): Promise<number[]> => (await session.getTurns()).map(({ usage }) => usage.totalTokens);
    for (const [n, runId] of ['r1', 'r2'].entries()) {
      await session.getItems();
      await session.addItems(TURNS.slice(n * 2, n * 2 + 2));
      await record(runId, 10);
    }
    await record('r2', 25);
    expectSame(await totals(), [10, 25]);
    await session.createBranch('again', { turn: 2 });
    expectSame(await totals(), [10]);
    await session.getItems();
    await session.addItems([user('two, but')]);
    await record('r3', 7);
    expectSame(await totals(), [10, 7]);
    await session.switchBranch('main');
    expectSame(await totals(), [10, 25]);
  },
};

const DURABLE: Record<string, Check> = {
  'branches, the current one and usage are there when it is opened again': async (session, open) => {
    await session.addItems(TURNS);
    await session.createBranch('a', { turn: 2 });
    await session.addItems([user('x')]);
    await session.recordUsage?.({ runId: 'r', usage: new Usage({ inputTokens: 3, totalTokens: 3 }) });
    const again = await open();
    expectSame(shape(await again.getBranches()), 'main@0(a@2*)');
    expectSame(await again.getItems(), [...TURNS.slice(0, 2), user('x')]);
    expectSame(
      (await again.getTurns()).map(({ usage }) => usage.totalTokens),
      [0, 3],
    );
  },
  'what follows a read is written to the branch that was read, whoever switches meanwhile': async (session, open) => {
    await session.addItems(TURNS);
    await session.createBranch('a');
    await session.getItems();
    const other = await open();
    await other.switchBranch('main');
    await session.addItems([said('to a')]);
    expectSame(await other.getItems(), TURNS);
    expectSame(await session.getItems(), TURNS);
    await other.switchBranch('a');
    expectSame(await other.getItems(), [...TURNS, said('to a')]);
  },
  'a branch that another deleted is refused': async (session, open) => {
    await session.createBranch('a');
    await session.getItems();
    await (await open()).deleteBranch('a');
    await expectRejection(() => session.addItems([user('lost')]));
    expectSame(await session.getItems(), []);
  },
};

function expectSame(actual: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`Expected ${should}, got ${is}`);
}

async function expectRejection(act: () => Promise<void>): Promise<void> {
  const failed = await act().then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error('Expected a rejection');
}
