/** Who may append. */
import type { EventLog } from '../../log/index.ts';
import { begin, event, events, expectRefusal, expectSame, expectTrue, infoOf, more, numbersOf } from './support.ts';
import type { Cases } from './support.ts';

const leaseOf = async (log: EventLog, runId: string) => (await infoOf(log, runId)).lease;

/** Claims a run as it is now. */
async function take(log: EventLog, runId: string, worker: string): Promise<number> {
  const claimed = await log.leases.claim(runId, { worker, seen: await leaseOf(log, runId) });
  expectTrue(claimed.isGranted, 'the lease');
  return claimed.fence;
}

export const LEASE_CASES: Cases = {
  'fences a worker whose lease another has taken, and changes nothing': async (log) => {
    await begin(log, 'r1');
    expectSame(await take(log, 'r1', 'w2'), 2);
    for (const commit of [{}, { events: [] }, { release: true }, { position: 7 }]) {
      await expectRefusal(() => more(log, 'r1', commit), 'log/fenced');
    }
    await more(log, 'r1', { fence: 2 });
    const run = await log.read('r1');
    expectSame([run?.events.length, run?.info.lease.owner], [2, 'w2']);
  },
  'fences also a worker that repeats what it had committed': async (log) => {
    await begin(log, 'r1');
    await more(log, 'r1');
    await take(log, 'r1', 'w2');
    await expectRefusal(() => more(log, 'r1'), 'log/fenced');
  },
  'gives a lease to one of those who saw the same': async (log) => {
    await begin(log, 'r1', { release: true });
    const seen = await leaseOf(log, 'r1');
    expectSame(seen, { fence: 1 });
    const claims = await Promise.all(['w2', 'w3', 'w4'].map((worker) => log.leases.claim('r1', { worker, seen })));
    const granted = claims.filter(({ isGranted }) => isGranted);
    expectSame(granted, [{ isGranted: true, fence: 2 }]);
    const [refusal] = claims.filter(({ isGranted }) => !isGranted);
    expectTrue(refusal !== undefined && !refusal.isGranted && refusal.lease.fence === 2, 'the lease as it is');
  },
  'refuses a claim of a lease whose owner has beaten since': async (log) => {
    await log.leases.beat('w1');
    await begin(log, 'r1');
    const seen = await leaseOf(log, 'r1');
    expectTrue(seen.owner === 'w1' && seen.beat !== undefined, 'an owner that beats');
    const beat = await log.leases.beat('w1');
    expectTrue(beat > (seen.beat ?? 0), 'beats that grow');
    const claim = await log.leases.claim('r1', { worker: 'w2', seen });
    expectTrue(!claim.isGranted && claim.lease.beat === beat, 'a refusal that shows the new beat');
    await more(log, 'r1');
    expectSame(await take(log, 'r1', 'w2'), 2);
  },
  'shows that a worker has left': async (log) => {
    await log.leases.beat('w1');
    await begin(log, 'r1');
    await log.leases.beat('w1', { leave: true });
    expectSame(await leaseOf(log, 'r1'), { owner: 'w1', fence: 1 });
    expectSame(await take(log, 'r1', 'w2'), 2);
  },
  'ends a lease with the commit that says so': async (log) => {
    await begin(log, 'r1');
    await more(log, 'r1', { release: true, status: 'paused' });
    expectSame(await leaseOf(log, 'r1'), { fence: 1 });
    await expectRefusal(() => more(log, 'r1', { position: 2, events: [event('late')] }), 'log/fenced');
    await expectRefusal(() => more(log, 'r1', { position: 2, events: [] }), 'log/fenced');
    expectSame(await take(log, 'r1', 'w1'), 2);
    await more(log, 'r1', { position: 2, fence: 2, events: events(2, 3) });
    expectSame(await numbersOf(log, 'r1'), [0, 1, 2]);
  },
  'claims no run that is not there': async (log) => {
    await expectRefusal(() => log.leases.claim('none', { worker: 'w1', seen: { fence: 0 } }), 'log/unknown-run');
  },
  'makes children only for who has the lease of the parent': async (log) => {
    await begin(log, 'r1');
    const child = (fence: number) => ({ agent: 'Sub', worker: 'w1', parent: { runId: 'r1', fence } });
    await begin(log, 'r1/m1/c0', { create: child(1) });
    await take(log, 'r1', 'w2');
    await expectRefusal(() => begin(log, 'r1/m1/c1', { create: child(1) }), 'log/fenced');
    expectSame(await log.read('r1/m1/c1'), undefined);
    const parent = { runId: 'none', fence: 1 };
    await expectRefusal(() => begin(log, 'x', { create: { agent: 'Sub', worker: 'w1', parent } }), 'log/unknown-run');
  },
};
