/** Finding runs and removing them. */
import type { EventLog, RunQuery, LogStatus } from '../../log/index.ts';
import { begin, event, expectRefusal, expectSame, infoOf, more } from './support.ts';
import type { Cases } from './support.ts';

const idsOf = async (log: EventLog, query: RunQuery = {}): Promise<string[]> =>
  (await log.list(query)).runs.map(({ runId }) => runId).toSorted();

/** Runs that differ in all that can be asked for. */
async function make(log: EventLog): Promise<void> {
  const statuses: [string, LogStatus][] = [
    ['run', 'running'],
    ['wait', 'paused'],
    ['done', 'finished'],
    ['bad', 'failed'],
  ];
  for (const [runId, status] of statuses) {
    const create = { agent: status === 'failed' ? 'B' : 'A', worker: 'w1', session: `s-${runId}` };
    await begin(log, runId, { create, status, release: status !== 'running' });
  }
  await begin(log, 'run/m1/c0', { create: { agent: 'B', worker: 'w1', parent: { runId: 'run', fence: 1 } } });
  await log.post('wait', { key: 'a', event: event('a') });
}

export const LIST_CASES: Cases = {
  'lists runs by what is asked for': async (log) => {
    await make(log);
    expectSame(await idsOf(log), ['bad', 'done', 'run', 'run/m1/c0', 'wait']);
    expectSame(await idsOf(log, { status: 'paused' }), ['wait']);
    expectSame(await idsOf(log, { status: ['finished', 'failed'] }), ['bad', 'done']);
    expectSame(await idsOf(log, { status: [] }), []);
    expectSame(await idsOf(log, { agent: 'B' }), ['bad', 'run/m1/c0']);
    expectSame(await idsOf(log, { session: 's-done' }), ['done']);
    expectSame(await idsOf(log, { parent: null }), ['bad', 'done', 'run', 'wait']);
    expectSame(await idsOf(log, { parent: 'run' }), ['run/m1/c0']);
    expectSame(await idsOf(log, { isOwned: true, parent: null }), ['run']);
    expectSame(await idsOf(log, { isOwned: false, hasInbox: true }), ['wait']);
    expectSame(await idsOf(log, { hasInbox: false, agent: 'A' }), ['done', 'run']);
    const { createdAt } = await infoOf(log, 'bad');
    expectSame(await idsOf(log, { createdBefore: 1 }), []);
    expectSame((await idsOf(log, { createdFrom: createdAt })).includes('bad'), true);
    expectSame((await idsOf(log, { createdFrom: 1, createdBefore: createdAt + 60_000 })).length, 5);
  },
  'lists copies by what they are copies of': async (log) => {
    await begin(log, 'r1');
    const of = { agent: 'A', worker: 'w1', session: 's1' };
    await begin(log, 'copy', { create: { ...of, forkOf: 'r1' } });
    await begin(log, 'copy of copy', { create: { ...of, forkOf: 'copy' } });
    expectSame(await idsOf(log, { forkOf: 'r1' }), ['copy']);
    expectSame(await idsOf(log, { forkOf: 'copy' }), ['copy of copy']);
    expectSame(await idsOf(log, { session: 's1' }), ['copy', 'copy of copy']);
    expectSame((await infoOf(log, 'copy')).forkOf, 'r1');
    expectSame((await infoOf(log, 'r1')).forkOf, undefined);
  },
  'shows in a list what reading a run shows': async (log) => {
    await make(log);
    for (const info of (await log.list()).runs) expectSame(info, await infoOf(log, info.runId));
  },
  'gives every run once, page after page, newest first': async (log) => {
    for (let n = 0; n < 7; n++) await begin(log, `r${n}`);
    const found: string[] = [];
    const created: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await log.list({ limit: 3, ...(cursor !== undefined && { cursor }) });
      found.push(...page.runs.map(({ runId }) => runId));
      created.push(...page.runs.map(({ createdAt }) => createdAt));
      cursor = page.cursor;
      // What is new comes before all pages, so it shifts none.
      if (found.length === 3) await begin(log, 'z-new');
    } while (cursor !== undefined);
    expectSame(found.filter((runId) => runId !== 'z-new').toSorted(), ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']);
    expectSame(
      created,
      created.toSorted((a, b) => b - a),
    );
  },
  'refuses a query that would find nothing, or all, by mistake': async (log) => {
    await begin(log, 'r1');
    const queries = [{ cursor: 'none' }, { limit: 0 }, { limit: -1 }, { limit: 1.5 }, { limit: Number.NaN }];
    for (const query of queries) await expectRefusal(() => log.list(query), 'user/error');
    await expectRefusal(() => log.list({ status: 'done' as never }), 'user/error');
  },
  'removes a run that is over with all that belongs to it': async (log) => {
    const large = 'x'.repeat(500_000);
    await begin(log, 'r1', { events: [event(0, { large })] });
    await begin(log, 'r2', { events: [event(0, { large })] });
    await begin(log, 'r1/m1/c0', { create: { agent: 'B', worker: 'w1', parent: { runId: 'r1', fence: 1 } } });
    await log.post('r1', { key: 'a', event: event('a') });
    await expectRefusal(() => log.remove({ runIds: ['r1'] }), 'log/not-ended');
    expectSame((await idsOf(log)).length, 3);
    await more(log, 'r1', { status: 'finished', snapshot: { at: 2, state: {} }, release: true });
    expectSame(await log.remove({ runIds: ['r1', 'none'] }), 2);
    expectSame(await idsOf(log), ['r2']);
    expectSame((await log.read('r2'))?.events[0]?.event, event(0, { large }));
    await begin(log, 'r1');
    const run = await log.read('r1', { snapshot: true });
    expectSame([run?.events.length, run?.inbox, run?.snapshot], [1, [], undefined]);
  },
  'removes what is old or belongs to a session, and leaves what is not over': async (log) => {
    await make(log);
    expectSame(await log.remove({ updatedBefore: 1 }), 0);
    expectSame(await log.remove({ session: 's-bad' }), 1);
    expectSame(await log.remove({ updatedBefore: Number.MAX_SAFE_INTEGER, limit: 1 }), 1);
    expectSame(await log.remove({ updatedBefore: Number.MAX_SAFE_INTEGER }), 0);
    expectSame(await idsOf(log), ['run', 'run/m1/c0', 'wait']);
    expectSame(await log.remove({ session: 's-run', evenOpen: true }), 2);
    await expectRefusal(() => more(log, 'run'), 'log/unknown-run');
    expectSame(await idsOf(log), ['wait']);
  },
};
