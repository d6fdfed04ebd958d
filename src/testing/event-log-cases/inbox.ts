/** How others reach a run. */
import { begin, event, expectRefusal, expectSame, expectTrue, infoOf, more } from './support.ts';
import type { Cases } from './support.ts';

export const INBOX_CASES: Cases = {
  'keeps the first post of a key and shows it to the second': async (log) => {
    await begin(log, 'r1');
    const first = await log.post('r1', { key: 'approve/m1/c0', event: event('yes') });
    expectSame([first.isFirst, first.posting.position, first.status], [true, 1, 'running']);
    const second = await log.post('r1', { key: 'approve/m1/c0', event: event('no') });
    expectSame(second, { ...first, isFirst: false });
    const other = await log.post('r1', { key: 'cancel', event: event('stop') });
    expectSame([other.isFirst, other.posting.position], [true, 2]);
    expectSame((await log.read('r1'))?.inbox, [first.posting, other.posting]);
  },
  'lets one of those who post at once be the first': async (log) => {
    await begin(log, 'r1');
    const posts = await Promise.all([1, 2, 3, 4].map((n) => log.post('r1', { key: 'k', event: event(n) })));
    expectSame(posts.filter(({ isFirst }) => isFirst).length, 1);
    expectSame(new Set(posts.map(({ posting }) => JSON.stringify(posting))).size, 1);
  },
  'shows the owner at its next commit that something came, until it is consumed': async (log) => {
    await begin(log, 'r1');
    await log.post('r1', { key: 'a', event: event('a') });
    expectSame((await more(log, 'r1')).posted, 1);
    await log.post('r1', { key: 'b', event: event('b') });
    expectSame((await more(log, 'r1', { position: 2, consumed: 1 })).posted, 2);
    const run = await log.read('r1');
    expectSame(
      run?.inbox.map(({ key }) => key),
      ['b'],
    );
    expectSame([run?.info.posted, run?.info.consumed], [2, 1]);
  },
  'consumes with the commit, and not with one that is refused': async (log) => {
    await begin(log, 'r1');
    await log.post('r1', { key: 'a', event: event('a') });
    await expectRefusal(() => more(log, 'r1', { position: 5, consumed: 1 }), 'log/conflict');
    expectSame((await log.read('r1'))?.inbox.length, 1);
    await more(log, 'r1', { consumed: 1 });
    expectSame((await log.read('r1'))?.inbox, []);
    await more(log, 'r1', { position: 2, consumed: 0 });
    expectSame((await infoOf(log, 'r1')).consumed, 1);
    const late = await log.post('r1', { key: 'a', event: event('late') });
    expectSame([late.isFirst, late.posting.event], [false, event('a')]);
  },
  'takes posts for a run that nobody has, and none for one that is finished': async (log) => {
    await expectRefusal(() => log.post('none', { key: 'a', event: event('a') }), 'log/unknown-run');
    await begin(log, 'r1', { status: 'paused', release: true });
    expectSame((await log.post('r1', { key: 'a', event: event('a') })).status, 'paused');
    await begin(log, 'r2');
    await log.post('r2', { key: 'a', event: event('a') });
    await more(log, 'r2', { status: 'finished', release: true });
    await expectRefusal(() => log.post('r2', { key: 'b', event: event('b') }), 'log/ended');
    expectSame((await log.post('r2', { key: 'a', event: event('b') })).isFirst, false);
  },
  'wakes who watches a run for events, postings and its removal': async (log) => {
    await begin(log, 'r1');
    expectSame((await log.watch('r1', {}))?.head, 1);
    expectSame((await log.watch('r1', { head: 0 }))?.head, 1);
    await log.post('r1', { key: 'first', event: event('first') });
    expectSame((await log.watch('r1', { head: 9, posted: 0 }))?.posted, 1);
    expectSame(await log.watch('none', {}), undefined);
    const posted = log.watch('r1', { head: 1, posted: 1 });
    // Who waits for events is not told of postings.
    const appended = log.watch('r1', { head: 1 });
    await log.post('r1', { key: 'a', event: event('a') });
    expectSame((await posted)?.posted, 2);
    await more(log, 'r1', { status: 'failed' });
    expectSame((await appended)?.status, 'failed');
    const removed = log.watch('r1', { head: 2 });
    await log.remove({ runIds: ['r1'] });
    expectSame(await removed, undefined);
  },
  'lets go of who watches no longer': async (log) => {
    await begin(log, 'r1');
    const known = { head: 1, posted: 0 };
    const over = new Error('watched enough');
    const controller = new AbortController();
    const watching = log.watch('r1', known, controller.signal).catch((error: unknown) => error);
    controller.abort(over);
    expectTrue((await watching) === over, 'the reason of the signal');
    const already = await log.watch('r1', known, AbortSignal.abort(over)).catch((error: unknown) => error);
    expectTrue(already === over, 'the reason of the signal');
  },
};
