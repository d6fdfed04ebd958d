/** Turns of runs on a session. Sessions that offer none are skipped. */
import { isTurnAwareSession } from '../../session/index.ts';
import type { Session, TurnAwareSession } from '../../session/index.ts';
import { expectSame, expectTrue, rejectionOf, texts, user } from './support.ts';
import type { Check } from './support.ts';

const withTurns =
  (check: (session: TurnAwareSession) => Promise<void>): Check =>
  async (session) => {
    if (isTurnAwareSession(session)) await check(session);
  };

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** What a run does: reads, thinks, adds what follows from what it read. */
async function converse(session: Session & TurnAwareSession, runId: string, rounds: number): Promise<void> {
  const turn = await session.takeTurn({ runId });
  await turn.within(async () => {
    const seen = (await session.getItems()).length;
    for (let n = 0; n < rounds; n++) {
      await session.addItems([user(`${runId} saw ${seen}, item ${n}`)]);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  await turn.end();
}

async function expectWhole(session: Session, runs: number, rounds: number): Promise<void> {
  const all = texts(await session.getItems()).map(String);
  expectSame(all.length, runs * rounds);
  for (let at = 0; at < all.length; at++) {
    const start = at - (at % rounds);
    const [runId] = (all[start] ?? '').split(' ');
    expectSame(all[at], `${runId} saw ${start}, item ${at - start}`);
  }
}

export const TURNS: Record<string, Check> = {
  'lets one run at a time read and add, in the order in which they came': withTurns(async (session) => {
    const order: string[] = [];
    const first = await session.takeTurn({ runId: 'r0' });
    const others = ['r1', 'r2', 'r3'].map(async (runId, n) => {
      for (let tick = 0; tick < n; tick++) await soon();
      const turn = await session.takeTurn({ runId });
      order.push(runId);
      await turn.end();
    });
    for (let tick = 0; tick < 5; tick++) await soon();
    expectSame(order, []);
    await first.end();
    await Promise.all(others);
    expectSame(order, ['r1', 'r2', 'r3']);
  }),
  'never interleaves what runs add in their turns': withTurns(async (session) => {
    await Promise.all(['a', 'b', 'c', 'd'].map((runId) => converse(session, runId, 3)));
    await expectWhole(session, 4, 3);
  }),
  'gives each turn a higher fence': withTurns(async (session) => {
    const first = await session.takeTurn({ runId: 'r1' });
    await first.end();
    const second = await session.takeTurn({ runId: 'r2' });
    expectTrue(second.fence > first.fence, 'a higher fence');
    await second.end();
  }),
  'refuses a turn at once where that is asked for, and says who has it and why': withTurns(async (session) => {
    const turn = await session.takeTurn({ runId: 'r1' });
    await turn.note('an approval of book');
    const error = await rejectionOf(() => session.takeTurn({ runId: 'r2', onBusy: 'reject' }));
    expectSame(error.code, 'session/turn-taken');
    expectSame('runId' in error && error.runId, 'r1');
    expectSame('waitsFor' in error && error.waitsFor, 'an approval of book');
    await turn.end();
    await (await session.takeTurn({ runId: 'r2', onBusy: 'reject' })).end();
  }),
  'gives up waiting after a time, and when it is told to; the next one gets the turn': withTurns(async (session) => {
    const turn = await session.takeTurn({ runId: 'r1' });
    const late = await rejectionOf(() => session.takeTurn({ runId: 'r2', timeoutMs: 30 }));
    expectSame(late.code, 'session/turn-taken');
    const controller = new AbortController();
    const waiting = rejectionOf(() => session.takeTurn({ runId: 'r3', signal: controller.signal }));
    await soon();
    const next = session.takeTurn({ runId: 'r4' });
    await soon();
    controller.abort(new Error('enough'));
    expectSame((await waiting).message, 'enough');
    await turn.end();
    await (await next).end();
  }),
  'refuses a write in a turn that was lost, and changes nothing': withTurns(async (session) => {
    const lost = await session.takeTurn({ runId: 'r1' });
    await lost.within(() => session.addItems([user('in time')]));
    await session.endTurn('r1');
    const turn = await session.takeTurn({ runId: 'r2' });
    for (const act of [() => session.addItems([user('late')]), () => session.popItem(), () => session.clearSession()]) {
      expectSame((await rejectionOf(() => lost.within<Promise<unknown>>(act))).code, 'session/fenced');
    }
    // Its end is not the end of the other's turn.
    await lost.end();
    await turn.within(() => session.addItems([user('r2')]));
    await turn.end();
    expectSame(texts(await session.getItems()), ['in time', 'r2']);
  }),
  'keeps the turn of a durable run that asks again, under a higher fence': withTurns(async (session) => {
    const before = await session.takeTurn({ runId: 'r1', durable: true });
    const after = await session.takeTurn({ runId: 'r1', durable: true });
    expectTrue(after.fence > before.fence, 'a higher fence');
    expectSame((await rejectionOf(() => before.within(() => session.addItems([user('old')])))).code, 'session/fenced');
    await after.within(() => session.addItems([user('new')]));
    await after.end();
    expectSame(texts(await session.getItems()), ['new']);
  }),
  'tells two runs of one id apart that live in one process only': withTurns(async (session) => {
    const turn = await session.takeTurn({ runId: 'r1' });
    expectSame(
      (await rejectionOf(() => session.takeTurn({ runId: 'r1', onBusy: 'reject' }))).code,
      'session/turn-taken',
    );
    await turn.end();
  }),
  'pops and clears in its turn': withTurns(async (session) => {
    const turn = await session.takeTurn({ runId: 'r1' });
    await turn.within(() => session.addItems([user('one'), user('two')]));
    let popped = false;
    const pop = session.popItem().then((item) => {
      popped = true;
      return item;
    });
    for (let tick = 0; tick < 3; tick++) await soon();
    expectTrue(!popped, 'that the pop waits');
    await turn.within(() => session.addItems([user('three')]));
    expectSame(texts([(await turn.within(() => session.popItem())) ?? user('none')]), ['three']);
    await turn.end();
    expectSame(texts([(await pop) ?? user('none')]), ['two']);
    const again = await session.takeTurn({ runId: 'r2' });
    const clear = session.clearSession();
    await soon();
    expectSame((await session.getItems()).length, 1);
    await again.end();
    await clear;
    expectSame(await session.getItems(), []);
  }),
  'asks the holder to end where it is interrupted, and gives its turn to who did before all who wait': withTurns(
    async (session) => {
      const first = await session.takeTurn({ runId: 'r1' });
      const order: string[] = [];
      const waiting = session.takeTurn({ runId: 'r2' }).then((turn) => {
        order.push('r2');
        return turn.end();
      });
      await soon();
      const asked: unknown[] = [];
      const interrupt = async (holder: { runId: string; fence: number; isDurable: boolean }): Promise<void> => {
        asked.push([holder.runId, holder.fence === first.fence, holder.isDurable]);
        await first.end();
      };
      const turn = await session.takeTurn({ runId: 'r3', onBusy: 'interrupt', interrupt });
      order.push('r3');
      await turn.end();
      await waiting;
      expectSame(asked, [['r1', true, false]]);
      expectSame(order, ['r3', 'r2']);
      // Who cannot be asked is not waited for.
      const other = await session.takeTurn({ runId: 'r4', durable: true });
      const refuse = (): Promise<void> => Promise.reject(new Error('out of reach'));
      const error = await rejectionOf(() => session.takeTurn({ runId: 'r5', onBusy: 'interrupt', interrupt: refuse }));
      expectSame(error.message, 'out of reach');
      await other.end();
      await (await session.takeTurn({ runId: 'r6', onBusy: 'reject' })).end();
    },
  ),
  'says who has the turn': withTurns(async (session) => {
    if (!session.turnHolder) return;
    expectSame(await session.turnHolder(), undefined);
    const turn = await session.takeTurn({ runId: 'r1', durable: true });
    await turn.note('an approval of book');
    const { fence } = turn;
    expectSame(await session.turnHolder(), { runId: 'r1', fence, isDurable: true, waitsFor: 'an approval of book' });
    // Who works in the turn has nobody before it.
    expectSame(await turn.within(() => session.turnHolder?.()), undefined);
    await turn.end();
    expectSame(await session.turnHolder(), undefined);
  }),
  'joins the turn that it is asked for in': withTurns(async (session) => {
    const turn = await session.takeTurn({ runId: 'r1' });
    await turn.within(async () => {
      const inner = await session.takeTurn({ runId: 'r2' });
      expectSame(inner.fence, turn.fence);
      await inner.within(() => session.addItems([user('inner')]));
      await inner.end();
      await session.addItems([user('outer')]);
    });
    await turn.end();
    expectSame(texts(await session.getItems()), ['inner', 'outer']);
  }),
};

/** For stores in which one session can be opened several times. */
export const SHARED_TURNS: Record<string, Check> = {
  'never interleaves runs that opened the session apart': async (session, open) => {
    const id = await session.getSessionId();
    const many = await Promise.all(Array.from({ length: 5 }, () => open(id)));
    await Promise.all(many.filter(isTurnAwareSession).map((each, n) => converse(each, `r${n}`, 4)));
    if (isTurnAwareSession(session)) await expectWhole(session, 5, 4);
  },
  'knows a turn that was taken through another object': async (session, open) => {
    const other = await open(await session.getSessionId());
    if (!isTurnAwareSession(session) || !isTurnAwareSession(other)) return;
    const turn = await session.takeTurn({ runId: 'r1' });
    const error = await rejectionOf(() => other.takeTurn({ runId: 'r2', onBusy: 'reject' }));
    expectSame('runId' in error && error.runId, 'r1');
    await turn.within(() => other.addItems([user('joined')]));
    await turn.end();
    await (await other.takeTurn({ runId: 'r2', onBusy: 'reject' })).end();
  },
};
