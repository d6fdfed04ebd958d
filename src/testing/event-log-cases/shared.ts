/** What several that have a store open see of each other. */
import { begin, event, expectRefusal, expectSame, expectTrue, more, numbersOf } from './support.ts';
import type { Cases } from './support.ts';

export const SHARED_CASES: Cases = {
  'finds its runs when it is opened again': async (log, open) => {
    await begin(log, 'r1', { count: 3, snapshot: { at: 1, state: { a: 1 } } });
    await log.post('r1', { key: 'a', event: event('a') });
    await log.leases.beat('w1');
    const before = await log.read('r1', { snapshot: true });
    await log.close();
    const again = await open();
    expectSame(await again.read('r1', { snapshot: true }), before);
    await more(again, 'r1', { position: 3, consumed: 1 });
  },
  'shares runs between those who have it open': async (log, open) => {
    const other = await open();
    await begin(log, 'r1');
    await more(other, 'r1');
    await expectRefusal(() => more(log, 'r1', { events: [event('else')] }), 'log/conflict');
    expectSame(await numbersOf(log, 'r1'), [0, 1]);
    const watching = log.watch('r1', { head: 2, posted: 0 });
    await other.post('r1', { key: 'a', event: event('a') });
    expectSame((await watching)?.posted, 1);
  },
  'keeps tenants apart, also under one id': async (log, open) => {
    const other = await open(`conformance-${crypto.randomUUID()}`);
    const large = 'x'.repeat(500_000);
    await begin(log, 'r1', { events: [event('ours', { large })] });
    expectSame(await other.read('r1'), undefined);
    expectSame((await other.list()).runs, []);
    await expectRefusal(() => more(other, 'r1'), 'log/unknown-run');
    await expectRefusal(() => other.post('r1', { key: 'a', event: event('a') }), 'log/unknown-run');
    const seen = { owner: 'w1', fence: 1 };
    await expectRefusal(() => other.leases.claim('r1', { worker: 'w1', seen }), 'log/unknown-run');
    const parent = { runId: 'r1', fence: 1 };
    await expectRefusal(() => begin(other, 'c', { create: { agent: 'A', worker: 'w1', parent } }), 'log/unknown-run');
    expectSame(await other.watch('r1', {}), undefined);
    await begin(other, 'r1', { events: [event('theirs', { large })] });
    expectSame(await other.remove({ runIds: ['r1'], evenOpen: true }), 1);
    const [stored] = (await log.read('r1'))?.events ?? [];
    expectSame(stored?.event, event('ours', { large }));
  },
  'tells of a write that belongs into another store': async (log) => {
    await begin(log, 'r1');
    const write = { store: 'elsewhere:/x', component: 'session', command: {}, errorOf: () => new Error('never') };
    await expectRefusal(() => more(log, 'r1', { also: [write] }), 'log/other-store');
    expectTrue((await log.read('r1'))?.events.length === 1, 'nothing changed');
  },
};
