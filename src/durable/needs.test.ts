/** Runs that go on under other code than they were started with. */
import { describe, expect, test } from 'vitest';
import { Agent, type AnyAgent, run, RunStore } from '../index.ts';
import { functionCall, ScriptedModel } from '../testing/index.ts';
import { booking, call, done } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

describe.each(kinds)('other code, in a log in %s', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test('a run whose tool has gone is left as it is, with the approval that it has, or goes on without the call', async () => {
    const log = open();
    const { agent, booked } = booking([call, done, call, done], { needsApproval: true });
    const renamed = booking([done], { needsApproval: true, name: 'reserve' }).agent;
    for (const runId of ['r1', 'r2', 'r3']) {
      await run(agent, 'Book LH1.', { durable: { store: new RunStore({ log, agents: [agent] }), runId } });
      (agent as Agent).model = new ScriptedModel([call, done]);
    }
    (agent as Agent).model = new ScriptedModel([done]);
    const wrong = new RunStore({ log, agents: [renamed] });
    await wrong.approve('r1', 'c1');
    await expect(wrong.resume('r1')).rejects.toMatchObject({ code: 'durable/plan-changed' });
    await expect(wrong.resume('r1')).rejects.toThrow(/needs tool "book" of agent "Desk", for call c1/);
    expect((await wrong.list({ limit: 3 })).runs.at(-1)).toMatchObject({ runId: 'r1', status: 'paused', lease: {} });
    expect((await new RunStore({ log, agents: [agent] }).resume('r1')).finalOutput).toBe('Done.');
    expect(booked).toEqual(['LH1']);

    await wrong.reject('r2', 'c1');
    expect((await wrong.resume('r2')).finalOutput).toBe('Done.');
    await wrong.cancel('r3');
    expect(await wrong.recover()).toMatchObject([{ runId: 'r3' }]);
    expect((await wrong.list({ status: 'cancelled' })).runs).toHaveLength(1);
  });

  test('a run at an agent that has gone is left as it is', async () => {
    const log = open();
    const { agent: clerk } = booking([call, done], { needsApproval: true });
    const to = [functionCall('transfer_to_Desk', {}, { callId: 'h1' })];
    const first = new Agent({ name: 'First', model: new ScriptedModel([to]), handoffs: [clerk as Agent] });
    const store = new RunStore({ log, agents: [first as unknown as AnyAgent] });
    await run(first, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    const alone = new Agent({ name: 'First' }) as unknown as AnyAgent;
    const wrong = new RunStore({ log, agents: [alone] });
    await expect(wrong.resume('r1')).rejects.toThrow(/needs agent "Desk", which is at work in it/);
    expect((await store.list()).runs[0]).toMatchObject({ status: 'paused', lease: {} });
    expect((await store.resume('r1')).finalOutput).toBe('Done.');
  });

  test.each([undefined, 'move', {}, { input: 5 }])(
    'onPlanChange that gives %j is told what it may give',
    async (given) => {
      const log = open();
      const { agent } = booking([call], { needsApproval: true });
      await run(agent, 'Book LH1.', { durable: { store: new RunStore({ log, agents: [agent] }), runId: 'r1' } });
      const changed = booking([done], { needsApproval: true, effect: 'read' }).agent;
      const store = new RunStore({ log, agents: [changed], onPlanChange: () => given as never });
      await store.approve('r1', 'c1');
      await expect(store.resume('r1')).rejects.toThrow(/onPlanChange gave .* for run r1/);
      expect((await store.list()).runs[0]).toMatchObject({ status: 'paused', lease: {} });
    },
  );
});
