/** Two objects of one session: one stands still before or after each operation on its store, the other does its work there. */
import { expect, test } from 'vitest';
import { Agent } from '../../agent/index.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { run } from '../../run/index.ts';
import { assistantMessage, ScriptedModel } from '../../testing/index.ts';
import { MemorySession } from '../memory-session.ts';
import type { Session, SessionBranch } from '../types.ts';
import { BranchedSession } from './branched-session.ts';

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const answers = (text: string): Agent => new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage(text)]]) });
const STOPPED = ['getItems', 'addItems', 'popItem', 'clearSession', 'applyHistoryTransaction'];
type Stop = { at: number; after: boolean; reached: () => void; goOn: Promise<void> };

/** The store of one session, and objects of it. */
function store(): (stop?: Stop) => BranchedSession {
  const all = new Map<string, Session>();
  return (stop) => {
    let count = 0;
    const still = async <T>(act: () => Promise<T>): Promise<T> => {
      const isTime = count++ === stop?.at;
      const wait = async (after: boolean): Promise<void> => {
        if (!isTime || !stop || stop.after !== after) return;
        stop.reached();
        await stop.goOn;
      };
      await wait(false);
      const done = await act();
      await wait(true);
      return done;
    };
    const open = (sessionId: string): Session => {
      const session = all.get(sessionId) ?? new MemorySession({ sessionId });
      all.set(sessionId, session);
      return new Proxy(session, {
        get(target, name) {
          const found: unknown = Reflect.get(target, name);
          if (typeof found !== 'function') return found;
          const call = (...args: unknown[]): unknown => Reflect.apply(found, target, args);
          if (!STOPPED.includes(String(name))) return call;
          return (...args: unknown[]) => still(async () => call(...args));
        },
      });
    };
    return new BranchedSession('s', { open });
  };
}

type Act = (session: BranchedSession) => Promise<unknown>;

/** Each way in which `first` can stand still while `second` works, and what each branch has in the end. */
async function* ways(start: Act, first: Act, second: Act): AsyncGenerator<Record<string, unknown[]>> {
  for (let n = 0; ; n++) {
    const open = store();
    await start(open());
    let goOn = (): void => undefined;
    const stop = {
      at: n >> 1,
      after: n % 2 === 1,
      reached: (): void => undefined,
      goOn: new Promise<void>((r) => (goOn = r)),
    };
    const reached = new Promise<'reached'>((resolve) => (stop.reached = () => resolve('reached')));
    const one = first(open(stop)).then(
      () => 'over',
      () => 'over',
    );
    if ((await Promise.race([reached, one])) === 'over') return;
    const two = second(open()).catch(() => undefined);
    // It may wait for the turn that the other has.
    for (let tick = 0, isOver = false; tick < 50 && !isOver; tick++) {
      isOver = await Promise.race([two.then(() => true), new Promise<boolean>((r) => setImmediate(r, false))]);
    }
    goOn();
    await Promise.all([one, two]);
    const session = open();
    await session.onBranch('main').addItems([user('later 1'), user('later 2'), user('later 3')]);
    const found: Record<string, unknown[]> = {};
    for (const name of new Set([...namesOf(await session.getBranches()), 'new'])) {
      const items = await contentsOf(session, name).catch(() => undefined);
      if (items) found[name] = items;
    }
    yield found;
  }
}

const namesOf = ({ name, children }: SessionBranch): string[] => [name, ...children.flatMap(namesOf)];
const contentsOf = async (session: BranchedSession, name: string): Promise<unknown[]> =>
  (await session.onBranch(name).getItems()).map((item) => 'content' in item && item.content);

const LATER = ['later 1', 'later 2', 'later 3'];
const twoItems: Act = (session) => session.addItems([user('1'), user('2')]);
const twoBranches: Act = async (session) => {
  await twoItems(session);
  await session.createBranch('b', { at: 1 });
  await session.addItems([user('b1')]);
};
const create: Act = (session) => session.createBranch('new', { stays: true });
const pop: Act = (session) => session.popItem();
const clear: Act = (session) => session.clearSession();

test.each([
  ['is made while an item is popped', pop, create],
  ['is made by who stood still while an item was popped', create, pop],
])('a branch that %s begins with it or does not, and never with what comes in its place', async (_, first, second) => {
  for await (const { main, new: made } of ways(twoItems, first, second)) {
    expect(main).toEqual(['1', ...LATER]);
    expect([['1'], ['1', '2']]).toContainEqual(made);
  }
});

test.each([
  ['is made while all is cleared', clear, create],
  ['is made by who stood still while all was cleared', create, clear],
])('a branch that %s is gone or empty', async (_, first, second) => {
  for (const start of [twoItems, twoBranches]) {
    for await (const { main, b = [], new: made = [] } of ways(start, first, second))
      expect({ main, b, made }).toEqual({ main: LATER, b: [], made: [] });
  }
});

test('a session that was cleared in part shows no later items of `main` in its branches', async () => {
  for (let at = 0; at < 12; at++) {
    const open = store();
    await twoBranches(open());
    const reached = new Promise<void>((resolve) => {
      void clear(open({ at, after: true, reached: resolve, goOn: new Promise(() => undefined) })).then(() => resolve());
    });
    await reached;
    const other = open();
    const items = await contentsOf(other, 'b').catch(() => []);
    expect([['1', 'b1'], ['1'], []]).toContainEqual(items);
    if (namesOf(await other.getBranches()).includes('b')) expect(await contentsOf(other, 'main')).toEqual(['1', '2']);
  }
});

test('a branch of one that is deleted meanwhile has its items, or is not made', async () => {
  const createOfB: Act = (session) => session.onBranch('b').createBranch('new', { stays: true });
  const remove: Act = (session) => session.deleteBranch('b');
  for (const [first, second] of [
    [createOfB, remove],
    [remove, createOfB],
  ] as const) {
    for await (const { new: made } of ways(twoBranches, first, second))
      expect([undefined, ['1', 'b1']]).toContainEqual(made);
  }
});

test('what a run on a branch says is in it, whoever pops an item meanwhile', async () => {
  const shared: Act = async (session) => {
    await twoItems(session);
    await session.createBranch('b', { stays: true });
  };
  const runs: Act = (session) => run(answers('Well.'), 'go', { session: session.onBranch('b') });
  const popOfB: Act = (session) => session.onBranch('b').popItem();
  for (const [first, second] of [
    [runs, popOfB],
    [popOfB, runs],
  ] as const) {
    for await (const { b } of ways(shared, first, second)) expect(b).toContain('go');
  }
});

test('a run that lost its turn writes nothing to a branch either, and one on the branch alone waits for it', async () => {
  const open = store();
  await twoBranches(open());
  const session = open();
  const turn = await session.takeTurn?.({ runId: 'r1' });
  await turn?.within(() => session.addItems([user('in time')]));
  const alone = open().onBranch('b');
  await expect(alone.takeTurn?.({ runId: 'r2', onBusy: 'reject' })).rejects.toMatchObject({ runId: 'r1' });
  await open().endTurn?.('r1');
  await expect(turn?.within(() => session.addItems([user('late')]))).rejects.toMatchObject({ code: 'session/fenced' });
  await turn?.end();
  await (await alone.takeTurn?.({ runId: 'r2', onBusy: 'reject' }))?.end();
  expect(await contentsOf(open(), 'b')).toEqual(['1', 'b1', 'in time']);
});
