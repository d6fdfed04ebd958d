/** Decisions of people: which call is meant, and what is said to who comes second. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, AlreadyDecided, type AnyAgent, run, RunStore, tool } from '../index.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';
import { booking, call, cutOff, done, recovered } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

describe.each(kinds)('decisions on runs in a log in %s', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test('where two sub-agents wait under one call id, it must be said which is meant', async () => {
    const paid: string[] = [];
    const pay = tool({
      name: 'pay',
      description: 'Pays.',
      parameters: z.object({}),
      needsApproval: true,
      effect: 'once',
      execute: (_input, _context, details) => {
        paid.push(details?.idempotencyKey ?? '');
        return 'paid';
      },
    });
    const steps = Array.from({ length: 9 }, () =>
      modelResponder(({ request: { input } }) =>
        Array.isArray(input) && input.some(({ type }) => type === 'function_call_result')
          ? [assistantMessage('Done.')]
          : [functionCall('pay', {}, { callId: 'call_0' })],
      ),
    );
    const clerk = new Agent({ name: 'Clerk', tools: [pay], model: new ScriptedModel(steps) });
    const ask = clerk.asTool({ toolName: 'clerk', toolDescription: 'Pays.' });
    const both = ['a', 'b'].map((input) => functionCall('clerk', { input }, { callId: input }));
    const model = new ScriptedModel([both, done]);
    const agent = new Agent({ name: 'Desk', tools: [ask], model }) as unknown as AnyAgent;
    const log = open();
    const store = new RunStore({ log, agents: [agent] });
    await run(agent, 'Pay.', { durable: { store, runId: 'r1' } });
    const waiting = (await store.list()).runs[0]?.waiting as { run: string; callId: string }[];
    expect(waiting.map(({ callId }) => callId)).toEqual(['call_0', 'call_0']);

    const office = new RunStore({ log });
    await expect(office.approve('r1', 'call_0')).rejects.toMatchObject({ code: 'durable/ambiguous-call' });
    await office.approve('r1', 'call_0', { run: waiting[1]?.run ?? '' });
    await office.reject('r1', 'call_0', { run: waiting[0]?.run ?? '', message: 'Not that one.' });
    const again = office.approve('r1', 'call_0', { run: waiting[0]?.run ?? '' });
    await expect(again).rejects.toMatchObject({ decision: { approved: false, message: 'Not that one.' } });
    expect((await store.resume('r1')).finalOutput).toBe('Done.');
    expect(paid).toEqual(['r1/m1/c1/m1/c0']);
  });

  test('who decides after the run went on hears what was decided', async () => {
    const { agent } = booking([call, done], { needsApproval: true });
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await store.reject('r1', 'c1', { message: 'Too dear.' });
    await store.resume('r1');
    const late = store.approve('r1', 'c1');
    await expect(late).rejects.toBeInstanceOf(AlreadyDecided);
    await expect(late).rejects.toMatchObject({ decision: { approved: false, message: 'Too dear.' } });
    await expect(store.approve('r1', 'c2')).rejects.toMatchObject({ code: 'durable/not-waiting' });
  });

  test('what somebody found out to have happened was confirmed, not rejected', async () => {
    const log = open();
    const made = await cutOff(log, 'r1');
    const store = new RunStore({ log, agents: [made.agent], leaseMs: 5000 });
    await recovered(store);
    await store.confirm('r1', 'c1', 'booked LH1');
    const second = store.approve('r1', 'c1');
    await expect(second).rejects.toThrow(/was confirmed already/);
    await expect(second).rejects.toMatchObject({ decision: { approved: false, result: 'booked LH1' } });
  });

  test.each(['yes', {}, { happened: 'yes' }, null])(
    'reconcile() that gives %j has found out nothing',
    async (answer) => {
      const log = open();
      const made = await cutOff(log, 'r1', { reconcile: () => answer as never });
      const store = new RunStore({ log, agents: [made.agent], leaseMs: 5000 });
      expect(await recovered(store)).toEqual([{ runId: 'r1', outcome: { status: 'paused' } }]);
      expect(made.booked).toEqual(['LH1']);
    },
  );
});
