/** A durable run that is refused as it begins, since another has its session. */
import { describe, expect, test } from 'vitest';
import { MemorySession, run, RunStore, SessionBusy } from '../index.ts';
import { portOf } from '../log/port.fixture.ts';
import { booking, call, done } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

const reject = { sessionTurn: { onBusy: 'reject' as const } };

describe.each(kinds)('a run in a log in %s that finds its session busy', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test('and is to reject that, leaves nothing: it can be started again under its id', async () => {
    const store = new RunStore({ log: open() });
    const session = new MemorySession();
    const turn = await session.takeTurn({ runId: 'other' });
    const options = { session, ...reject, durable: { store, runId: 'r1' } };
    for (const attempt of [1, 2]) {
      const refused = run(booking([done]).agent, `Attempt ${attempt}`, options);
      await expect(refused).rejects.toMatchObject({ name: 'SessionBusy', runId: 'other' });
      expect((await store.list()).runs).toEqual([]);
    }
    await turn.end();
    expect((await run(booking([done]).agent, 'Hello', options)).finalOutput).toBe('Done.');
    expect((await store.list()).runs).toMatchObject([{ runId: 'r1', status: 'finished' }]);
    expect(await store.replay('r1', { agent: booking([done]).agent })).toMatchObject({ status: 'finished' });
  });

  test('leaves nothing also where it began at the same moment as the other', async () => {
    const store = new RunStore({ log: open() });
    const session = new MemorySession();
    const started = ['r1', 'r2', 'r3'].map((runId) =>
      run(booking([call, done]).agent, 'Book LH1.', { session, ...reject, durable: { store, runId } }),
    );
    const ends = await Promise.allSettled(started);
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect((await store.list()).runs).toMatchObject([{ status: 'finished' }]);
    expect(await session.getItems()).toHaveLength(4);
  });

  test('goes on from the state of its error, and then its log is whole', async () => {
    const store = new RunStore({ log: open() });
    const session = new MemorySession();
    const turn = await session.takeTurn({ runId: 'other' });
    const { agent } = booking([call, done]);
    const options = { session, ...reject, durable: { store, runId: 'r1' } };
    const error: unknown = await run(agent, 'Book LH1.', options).catch((thrown: unknown) => thrown);
    if (!(error instanceof SessionBusy) || !error.state) throw new Error('It was to be refused, with its state.');
    const state = error.state as Parameters<typeof run>[1];
    await expect(run(agent, state, options)).rejects.toBeInstanceOf(SessionBusy);
    await turn.end();
    expect((await run(agent, state, options)).finalOutput).toBe('Done.');
    expect((await store.list()).runs).toMatchObject([{ runId: 'r1', status: 'finished' }]);
    expect(await store.replay('r1', { agent })).toMatchObject({ status: 'finished' });
    expect((await store.state('r1', { agent })).history).toMatchObject([{ content: 'Book LH1.' }, {}, {}, {}]);
  });

  test('and has waited in line, stays as failed, and is resumed', async () => {
    const { agent } = booking([done]);
    const store = new RunStore({ log: open(), agents: [agent] });
    const session = new MemorySession();
    const turn = await session.takeTurn({ runId: 'other' });
    const options = { session, sessionTurn: { turnTimeoutMs: 5 }, durable: { store, runId: 'r1' } };
    await expect(run(agent, 'Hello', options)).rejects.toBeInstanceOf(SessionBusy);
    expect((await store.list()).runs).toMatchObject([{ runId: 'r1', status: 'failed' }]);
    await turn.end();
    expect((await store.resume('r1', { session })).finalOutput).toBe('Done.');
  });

  test('stays as failed where the log cannot remove it now', async () => {
    const log = open();
    const stuck = { ...portOf(log), remove: () => Promise.reject(new Error('not now')) };
    const store = new RunStore({ log: stuck });
    const session = new MemorySession();
    await session.takeTurn({ runId: 'other' });
    const options = { session, ...reject, durable: { store, runId: 'r1' } };
    await expect(run(booking([done]).agent, 'Hello', options)).rejects.toBeInstanceOf(SessionBusy);
    expect((await store.list()).runs).toMatchObject([{ runId: 'r1', status: 'failed' }]);
  });
});
