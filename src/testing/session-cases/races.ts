/** Many who have one session open at once. */
import type { AgentInputItem } from '../../protocol/items.ts';
import { isSessionHistoryTransactionAwareSession } from '../../session/index.ts';
import type { Session } from '../../session/index.ts';
import { append, expectSame, expectTrue, isPositioned, replace, texts, user } from './support.ts';
import type { Check, Open, PositionedSession } from './support.ts';

async function openMany(session: Session, open: Open, count: number): Promise<PositionedSession[]> {
  const id = await session.getSessionId();
  const all = await Promise.all(Array.from({ length: count }, () => open(id)));
  return all.filter(isPositioned);
}

const isIn = (items: readonly AgentInputItem[], text: string): boolean => texts(items).includes(text);

export const RACES: Record<string, Check> = {
  'gives each append positions of its own, in the order in which items are read': async (session, open) => {
    const many = await openMany(session, open, 4);
    if (many.length === 0) return;
    const done = await Promise.all(
      many.flatMap((one, who) =>
        Array.from({ length: 20 }, async (_, n) => ({
          items: [`${who}/${n}/a`, `${who}/${n}/b`],
          at: await one.append([user(`${who}/${n}/a`), user(`${who}/${n}/b`)]),
        })),
      ),
    );
    const ordered = done.toSorted((a, b) => a.at.first - b.at.first);
    expectSame(
      ordered.map(({ at }) => at.first),
      ordered.map((_, n) => 2 * n + 1),
    );
    expectSame(
      texts(await session.getItems()),
      ordered.flatMap(({ items }) => items),
    );
    for (const who of many.keys()) {
      const own = done.slice(who * 20, who * 20 + 20).map(({ at }) => at.first);
      expectSame(
        own,
        own.toSorted((a, b) => a - b),
      );
    }
  },
  'does an operation once when many ask for it at the same time': async (session, open) => {
    const many = await openMany(session, open, 6);
    if (many.length === 0) return;
    for (let round = 0; round < 10; round++) {
      const at = await Promise.all(many.map((one) => one.append([user(`r${round}`)], { operationId: `o${round}` })));
      for (const position of at) expectSame(position, at[0]);
    }
    expectSame(
      texts(await session.getItems()),
      Array.from({ length: 10 }, (_, n) => `r${n}`),
    );
  },
  'lets one of many through who expect the same head': async (session, open) => {
    const many = await openMany(session, open, 6);
    if (many.length === 0) return;
    for (let head = 0; head < 8; head++) {
      const outcomes = await Promise.allSettled(many.map((one) => one.append([user('x')], { expectedHead: head })));
      expectSame(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    }
    expectSame((await session.getItems()).length, 8);
  },
  'keeps after a clear what came after it, and nothing else': async (session, open) => {
    const many = await openMany(session, open, 4);
    if (many.length === 0) return;
    const done: { text: string; generation: number }[] = [];
    const appending = many.map(async (one, who) => {
      for (let n = 0; n < 40; n++) {
        const text = `${who}/${n}`;
        const { generation } = await one.append([user(text)]);
        done.push({ text, generation });
      }
    });
    for (let n = 0; n < 5; n++) await session.clearSession();
    await Promise.all(appending);
    await session.addItems([user('end')]);
    const items = await session.getItems();
    const { generation } = (await many[0]?.position()) ?? { generation: 0 };
    for (const one of done) {
      const expected = one.generation === generation;
      expectTrue(
        isIn(items, one.text) === expected,
        `${one.text} of generation ${one.generation} to be ${expected ? 'kept' : 'gone'}`,
      );
    }
    expectSame(items.length, done.filter((one) => one.generation === generation).length + 1);
  },
  'gives each item to one of many who pop while others append': async (session, open) => {
    const many = await openMany(session, open, 4);
    if (many.length === 0) return;
    const added = many.slice(0, 2).map(async (one, who) => {
      for (let n = 0; n < 25; n++) await one.append([user(`${who}/${n}`)]);
    });
    const popped: AgentInputItem[] = [];
    const popping = many.slice(2).map(async (one) => {
      for (let n = 0; n < 20; n++) popped.push(...[await one.popItem()].flatMap((item) => (item ? [item] : [])));
    });
    await Promise.all([...added, ...popping]);
    const all = [...texts(popped), ...texts(await session.getItems())];
    expectSame(all.length, 50);
    expectSame(new Set(all).size, 50);
  },
  'replaces a suffix only while it is the newest, and loses no append beside it': async (session, open) => {
    const [one, other] = await openMany(session, open, 2);
    if (!one || !other || !isSessionHistoryTransactionAwareSession(one)) return;
    for (let n = 0; n < 15; n++) {
      await session.addItems([user(`old ${n}`)]);
      const transaction = replace([user(`old ${n}`)], [user(`new ${n}`)]);
      const [replaced] = await Promise.allSettled([
        Promise.resolve(one.applyHistoryTransaction({ operationId: `o${n}`, transaction })),
        other.append([user(`beside ${n}`)]),
      ]);
      const newest = texts(await session.getItems(2));
      const kept = replaced.status === 'fulfilled' ? 'new' : 'old';
      expectSame(newest, [`${kept} ${n}`, `beside ${n}`]);
    }
    const transaction = append(user('last'));
    await one.applyHistoryTransaction({ operationId: 'last', transaction });
    expectSame(texts(await session.getItems(1)), ['last']);
  },
};
