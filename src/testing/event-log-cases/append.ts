/** Creating runs, appending to them, reading them. */
import type { Committed } from '../../log/index.ts';
import { begin, event, events, expectRefusal, expectSame, expectTrue, infoOf, more, numbersOf } from './support.ts';
import type { Cases } from './support.ts';

const outcomeOf = ({ head, fence, posted, isRepeated }: Committed): object => ({ head, fence, posted, isRepeated });

export const APPEND_CASES: Cases = {
  'makes a run with its first events': async (log) => {
    const committed = await begin(log, 'r1', { count: 3, create: { agent: 'A', worker: 'w1', session: 's1' } });
    expectSame(outcomeOf(committed), { head: 3, fence: 1, posted: 0, isRepeated: false });
    const run = await log.read('r1');
    expectSame(
      run?.events,
      [0, 1, 2].map((n) => ({ position: n, at: committed.at, event: event(n) })),
    );
    const { createdAt, updatedAt, bytes, ...info } = run?.info ?? (await infoOf(log, 'r1'));
    expectTrue(createdAt > 0 && updatedAt >= createdAt && bytes > 0, 'times and a size');
    const lease = { owner: 'w1', fence: 1 };
    expectSame(info, {
      runId: 'r1',
      agent: 'A',
      session: 's1',
      status: 'running',
      head: 3,
      posted: 0,
      consumed: 0,
      lease,
    });
  },
  'knows no run that was not made': async (log) => {
    expectSame(await log.read('none'), undefined);
    await expectRefusal(() => more(log, 'none'), 'log/unknown-run');
    expectSame(await log.read('none'), undefined);
  },
  'appends in order': async (log) => {
    await begin(log, 'r1');
    for (let n = 1; n < 40; n += 3) {
      await more(log, 'r1', { position: n, events: events(n, n + 3) });
    }
    expectSame(
      await numbersOf(log, 'r1'),
      Array.from({ length: 40 }, (_, n) => n),
    );
  },
  'refuses a commit that expects another end, and changes nothing': async (log) => {
    await begin(log, 'r1', { count: 2 });
    for (const position of [0, 1, 3]) {
      const commit = { position, events: [event('other')], status: 'failed' as const, release: true };
      await expectRefusal(() => more(log, 'r1', commit), 'log/conflict');
    }
    expectSame(await numbersOf(log, 'r1'), [0, 1]);
    const { status, lease } = await infoOf(log, 'r1');
    expectSame([status, lease.owner], ['running', 'w1']);
  },
  'takes one of several commits to the same position': async (log) => {
    await begin(log, 'r1');
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((n) => more(log, 'r1', { events: [event(n)] })));
    expectSame(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    expectSame((await numbersOf(log, 'r1'))?.length, 2);
  },
  'acknowledges a repeated commit again, and makes it once': async (log) => {
    const created = await begin(log, 'r1', { count: 2 });
    const again = await begin(log, 'r1', { count: 2 });
    expectSame(outcomeOf(again), { ...outcomeOf(created), isRepeated: true });
    const commit = { position: 2, events: events(2, 4) };
    await more(log, 'r1', commit);
    expectSame(outcomeOf(await more(log, 'r1', commit)), { head: 4, fence: 1, posted: 0, isRepeated: true });
    await more(log, 'r1', { position: 4, events: events(4, 5) });
    expectSame(outcomeOf(await more(log, 'r1', commit)), { head: 4, fence: 1, posted: 0, isRepeated: true });
    const last = { position: 5, events: events(5, 6), status: 'finished' as const, release: true };
    await more(log, 'r1', last);
    expectSame(outcomeOf(await more(log, 'r1', last)), { head: 6, fence: 1, posted: 0, isRepeated: true });
    expectSame(await numbersOf(log, 'r1'), [0, 1, 2, 3, 4, 5]);
  },
  'knows a repeated event by its content, whatever the order of its keys': async (log) => {
    await begin(log, 'r1');
    await more(log, 'r1', { events: [event(1, { a: 1, b: { c: 2, d: 3 } })] });
    await more(log, 'r1', { events: [event(1, { b: { d: 3, c: 2 }, a: 1 })] });
    await expectRefusal(() => more(log, 'r1', { events: [event(1, { a: 2 })] }), 'log/conflict');
  },
  'refuses to make a run that is there': async (log) => {
    await begin(log, 'r1');
    await expectRefusal(() => begin(log, 'r1', { count: 2 }), 'log/exists');
    await expectRefusal(() => begin(log, 'r1', { create: { agent: 'Tester', worker: 'w2' } }), 'log/exists');
    expectSame(await numbersOf(log, 'r1'), [0]);
  },
  'keeps status and what a run waits for, each until it is said anew': async (log) => {
    await begin(log, 'r1', { waiting: { for: ['approval'] } });
    await more(log, 'r1', { status: 'paused' });
    let info = await infoOf(log, 'r1');
    expectSame([info.status, info.waiting], ['paused', { for: ['approval'] }]);
    await more(log, 'r1', { position: 2, events: [], status: 'running', waiting: null });
    info = await infoOf(log, 'r1');
    expectSame([info.status, info.waiting, info.head], ['running', undefined, 2]);
  },
  'reads from a position, and as many as are asked for': async (log) => {
    await begin(log, 'r1', { count: 6 });
    const read = async (options: object) => (await log.read('r1', options))?.events.map(({ position }) => position);
    expectSame(await read({ from: 4 }), [4, 5]);
    expectSame(await read({ from: 2, limit: 2 }), [2, 3]);
    expectSame(await read({ from: 6 }), []);
    expectSame(await read({ limit: 0 }), []);
  },
  'replaces earlier events in the step of a commit, and what followed from them': async (log) => {
    const long = 'x'.repeat(600_000);
    const told = { type: 'told', text: long };
    await begin(log, 'r1', { count: 2 });
    await more(log, 'r1', { position: 2, events: [told, event(3)], snapshot: { at: 3, state: { text: long } } });
    const replaced = [{ position: 2, event: { type: 'told', text: 'withheld' } }];
    await expectRefusal(() => more(log, 'r1', { position: 3, events: [event('late')], replaced }), 'log/conflict');
    expectSame((await log.read('r1', { from: 2, limit: 1 }))?.events[0]?.event, told);
    const commit = { position: 4, events: [event(4)], replaced };
    await more(log, 'r1', commit);
    const isRepeated = (await more(log, 'r1', commit)).isRepeated;
    expectTrue(isRepeated, 'the same commit is acknowledged again');
    const run = await log.read('r1', { snapshot: true });
    expectSame(run?.snapshot, undefined);
    expectSame(
      run?.events.map((each) => each.event),
      [event(0), event(1), { type: 'told', text: 'withheld' }, event(3), event(4)],
    );
    // A newer snapshot that comes along stays.
    await more(log, 'r1', { position: 5, events: [], replaced, snapshot: { at: 5, state: { sum: 5 } } });
    expectSame((await log.read('r1', { snapshot: true }))?.snapshot, { at: 5, state: { sum: 5 } });
  },
  'keeps the newest snapshot, and reads what follows it': async (log) => {
    await begin(log, 'r1', { count: 4, snapshot: { at: 2, state: { sum: 2 } } });
    await more(log, 'r1', { position: 4, events: events(4, 6), snapshot: { at: 5, state: { sum: 5 } } });
    const run = await log.read('r1', { snapshot: true });
    expectSame(run?.snapshot, { at: 5, state: { sum: 5 } });
    expectSame(
      run?.events.map(({ position }) => position),
      [5],
    );
    const whole = await log.read('r1');
    expectSame([whole?.snapshot, whole?.events.length], [undefined, 6]);
    await begin(log, 'r2');
    expectSame((await log.read('r2', { snapshot: true }))?.events.length, 1);
  },
  'keeps every character, and events of a megabyte': async (log) => {
    const texts = ['', '\0 nul', '\ud83d alone', '👩‍👩‍👧', '\u2028', '"\\\'; DROP TABLE runs; --', 'عربى'];
    const large = 'ü'.repeat(600_000);
    const kept = [
      ...texts.map((text) => event(0, { text, [`key ${text}`]: text })),
      event(1, { large, again: [large], '$baton:blob': 'no hash', deep: { '$baton:blob': large } }),
      JSON.parse('{"type":"tested","__proto__":{"a":1}}'),
      event(2, { many: Array.from({ length: 60_000 }, (_, n) => `${n}`) }),
    ];
    await begin(log, 'ключ ✓/m1/c0', { events: kept });
    expectSame(
      (await log.read('ключ ✓/m1/c0'))?.events.map((stored) => stored.event),
      kept,
    );
    await begin(log, 'ключ ✓/m1/c0', { events: kept });
  },
  'keeps what it was given when the caller changes it later': async (log) => {
    const list = [1];
    await begin(log, 'r1', { events: [event(0, { list })] });
    list.push(2);
    const [stored] = (await log.read('r1'))?.events ?? [];
    expectSame(stored?.event, event(0, { list: [1] }));
    Object.assign(stored?.event ?? {}, { type: 'changed' });
    expectSame((await log.read('r1'))?.events[0]?.event.type, 'tested');
  },
  'refuses what is no event, a name that is none, and a position that is none': async (log) => {
    const wrong: object[] = [
      { events: [null] },
      { events: [{ n: 1 }] },
      { events: [{ type: 'x', big: 1n }] },
      { events: 'text' },
      { runId: '' },
      { runId: 'a\0b' },
      { position: -1 },
      { position: 0.5 },
      { fence: Number.NaN },
      { snapshot: { at: 9, state: {} } },
    ];
    await begin(log, 'r1');
    for (const commit of wrong) await expectRefusal(() => more(log, 'r1', commit), 'user/error');
    await expectRefusal(() => more(log, 'r1', { fence: 0 }), 'user/error');
    expectSame(await numbersOf(log, 'r1'), [0]);
  },
  'fails calls after it was closed': async (log, open) => {
    const other = await open();
    await other.close();
    await other.close();
    await expectRefusal(() => begin(other, 'r1'), 'log/closed');
    await expectRefusal(() => other.list(), 'log/closed');
    expectSame((await log.list()).runs, []);
  },
};
