/** Random calls of a log, and what comes of them: what must be the same for every driver. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { memoryLog } from './memory-log.ts';
import type { Commit, EventLog, Lease, LogEvent, LogStatus } from './types.ts';

type Call = (log: EventLog) => Promise<unknown>;

const runId = fc.constantFrom('a', 'b', 'a/m1/c0');
const worker = fc.constantFrom('w1', 'w2');
const small = fc.nat({ max: 4 });
const someEvents: fc.Arbitrary<LogEvent[]> = fc.array(
  fc.record({
    type: fc.constantFrom('x', 'y'),
    data: fc.oneof(
      { weight: 1, arbitrary: fc.constant('z'.repeat(300_000)) },
      { weight: 9, arbitrary: fc.json({ maxDepth: 1 }) },
    ),
  }),
  { maxLength: 2 },
);
const status = fc.constantFrom<LogStatus>('running', 'paused', 'finished', 'failed', 'cancelled');
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const commit: fc.Arbitrary<Commit> = fc
  .record({
    runId,
    position: small,
    fence: fc.integer({ min: 1, max: 3 }),
    events: someEvents,
    create: optional(
      fc.record({
        agent: fc.constant('A'),
        worker,
        parent: optional(fc.record({ runId, fence: fc.integer({ min: 1, max: 2 }) })),
      }),
    ),
    status: optional(status),
    waiting: optional(fc.constantFrom(null, { for: 1 })),
    consumed: optional(small),
    release: fc.boolean(),
  })
  .map(({ create, waiting, ...rest }): Commit => {
    const made = create && {
      agent: create.agent,
      worker: create.worker,
      ...(create.parent && { parent: create.parent }),
    };
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    return {
      ...(given as unknown as Commit),
      ...(waiting !== undefined && { waiting }),
      ...(made && { create: made, position: 0, fence: 0 }),
    };
  });

const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 6,
    arbitrary: commit.map(
      (one): Call =>
        (log) =>
          log.append(one),
    ),
  },
  // The most likely to be taken: at the end, under the fence that holds.
  {
    weight: 6,
    arbitrary: fc.tuple(runId, commit).map(([id, one]): Call => async (log) => {
      const info = (await log.read(id))?.info;
      const { create: _, ...rest } = one;
      return log.append({ ...rest, runId: id, position: info?.head ?? 0, fence: info?.lease.fence ?? 1 });
    }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(runId, worker, fc.boolean()).map(([id, w, isRight]): Call => async (log) => {
      const seen: Lease = (isRight && (await log.read(id))?.info.lease) || { fence: 1, owner: 'w1' };
      return log.leases.claim(id, { worker: w, seen });
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(worker, fc.boolean()).map(
      ([w, leave]): Call =>
        (log) =>
          log.leases.beat(w, { leave }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(runId, fc.constantFrom('k', 'l'), someEvents).map(
      ([id, key, [one]]): Call =>
        (log) =>
          log.post(id, { key, event: one ?? { type: 'posted' } }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(runId, optional(small), optional(small), fc.boolean()).map(
      ([id, from, limit, snapshot]): Call =>
        (log) =>
          log.read(id, { snapshot, ...(from !== undefined && { from }), ...(limit !== undefined && { limit }) }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(runId, fc.boolean()).map(
      ([id, evenOpen]): Call =>
        (log) =>
          log.remove({ runIds: [id], evenOpen }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(status, fc.boolean()).map(
      ([of, hasInbox]): Call =>
        (log) =>
          log.list({ status: of, hasInbox }),
    ),
  },
);

/** Without times, which differ. */
async function outcomeOf(log: EventLog, one: Call): Promise<unknown> {
  const [outcome] = await Promise.allSettled([one(log)]);
  const timeless = (key: string, value: unknown): unknown =>
    ['at', 'createdAt', 'updatedAt'].includes(key) ? 0 : value;
  if (outcome?.status === 'rejected') return { code: outcome.reason.code, message: outcome.reason.message };
  const plain: unknown = JSON.parse(JSON.stringify({ value: outcome?.value }, timeless));
  return plain;
}

/** Expects a driver to answer every sequence of calls as the log in memory does. `open` gives an empty one. */
export async function expectAgreement(open: () => EventLog, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 30 }), async (calls) => {
      const logs = [memoryLog(), open()];
      try {
        for (const one of calls) {
          const [memory, driver] = await Promise.all(logs.map((log) => outcomeOf(log, one)));
          expect(driver).toEqual(memory);
        }
        const [memory, driver] = await Promise.all(
          logs.map(async (log) => ({
            list: await outcomeOf(log, async () =>
              (await log.list()).runs.toSorted((a, b) => (a.runId < b.runId ? -1 : 1)),
            ),
            reads: await Promise.all(
              ['a', 'b', 'a/m1/c0'].map((id) => outcomeOf(log, () => log.read(id, { snapshot: true }))),
            ),
          })),
        );
        expect(driver).toEqual(memory);
      } finally {
        for (const log of logs) await log.close();
      }
    }),
    { numRuns },
  );
}
