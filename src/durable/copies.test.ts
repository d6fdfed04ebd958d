/** What copies of runs may do to the world. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, type AnyAgent, run, RunStore, tool } from '../index.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';
import { booking, call, done } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

describe.each(kinds)('copies of runs in a log in %s', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test('wherever a copy begins, what must not happen twice is asked about first', async () => {
    const { agent, booked } = booking([]);
    const always = modelResponder(({ request: { input } }) =>
      Array.isArray(input) && input.some(({ type }) => type === 'function_call_result') ? done : call,
    );
    (agent as Agent).model = new ScriptedModel(Array.from({ length: 100 }, () => always));
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    const head = (await store.list()).runs[0]?.head ?? 0;
    expect(booked).toEqual(['LH1']);
    const asked = [];
    for (let at = 3; at <= head; at++) {
      const copy = await store.fork('r1', { at, runId: `copy-${at}` });
      asked.push(copy.interruptions.length);
    }
    // Also where the model's reply was accepted and its call not begun; where it was answered there is nothing to ask.
    expect(booked).toEqual(['LH1']);
    expect(asked.filter((count) => count === 1).length).toBeGreaterThan(3);
  });

  test('tools of sub-agents are asked about and stubbed as those of the run itself', async () => {
    const paid: string[] = [];
    const pay = tool({
      name: 'pay',
      description: 'Pays.',
      parameters: z.object({}),
      effect: 'once',
      execute: (_input, _context, details) => {
        paid.push(details?.idempotencyKey ?? '');
        return 'paid';
      },
    });
    const twice = (first: ReturnType<typeof functionCall>): ScriptedModel =>
      new ScriptedModel(
        Array.from({ length: 20 }, () =>
          modelResponder(({ request: { input } }) =>
            Array.isArray(input) && input.some(({ type }) => type === 'function_call_result')
              ? [assistantMessage('Done.')]
              : [first],
          ),
        ),
      );
    const clerk = new Agent({ name: 'Clerk', tools: [pay], model: twice(functionCall('pay', {}, { callId: 'p' })) });
    const ask = clerk.asTool({ toolName: 'clerk', toolDescription: 'Pays.' });
    const model = twice(functionCall('clerk', { input: 'Pay.' }, { callId: 'c' }));
    const agent = new Agent({ name: 'Desk', tools: [ask], model }) as unknown as AnyAgent;
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Pay.', { durable: { store, runId: 'r1' } });
    paid.length = 0;

    const copy = await store.fork('r1', { at: 2, runId: 'asks' });
    expect(copy.interruptions.map(({ callId }) => callId)).toEqual(['p']);
    expect((await store.fork('r1', { at: 2, once: 'stub' })).finalOutput).toBe('Done.');
    expect(paid).toEqual([]);
    await store.approve('asks', 'p');
    await store.resume('asks');
    await store.fork('r1', { at: 2, once: 'run', runId: 'runs' });
    expect(paid).toEqual(['asks/m1/c0/m1/c0', 'runs/m1/c0/m1/c0']);
  });

  test('what a copy cannot be told is refused, and no copy is made', async () => {
    const { agent } = booking([done]);
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Hello', { durable: { store, runId: 'r1' } });
    await expect(store.fork('r1', { once: 'never' as never })).rejects.toThrow(/`once` is "never"/);
    for (const at of [-1, 1.5, Number.NaN]) await expect(store.fork('r1', { at })).rejects.toThrow(/`at` is/);
    expect((await store.list()).runs).toHaveLength(1);
  });
});
