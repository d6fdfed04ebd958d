import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, type AnyAgent, type EventLog, run, RunStore, tool } from '../index.ts';
import { functionCall, ScriptedModel } from '../testing/index.ts';

import { booking, call, cutOff, done, recovered } from './booking.fixture.ts';
import { portOf } from '../log/port.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

describe.each(kinds)('runs in a log in %s', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test('a call that was cut off after it began is asked about, and settled as a person says', async () => {
    const log = open();
    for (const [runId, settle, booked] of [
      ['repeat', (store: RunStore) => store.approve('repeat', 'c1'), ['LH1', 'LH1']],
      ['happened', (store: RunStore) => store.confirm('happened', 'c1', 'booked LH1'), ['LH1']],
      ['dropped', (store: RunStore) => store.reject('dropped', 'c1', { message: 'Leave it.' }), ['LH1']],
    ] as const) {
      const made = await cutOff(log, runId);
      const store = new RunStore({ log, agents: [made.agent], leaseMs: 5000 });
      expect(await recovered(store)).toEqual([{ runId, outcome: { status: 'paused' } }]);
      const [item] = (await store.state(runId)).getInterruptions();
      expect(item?.uncertain).toBe(1);
      await settle(store);
      const result = await store.resume(runId);
      expect(result.finalOutput).toBe('Done.');
      expect(made.booked).toEqual(booked);
      expect(result.history.filter(({ type }) => type === 'function_call_result')).toMatchObject([
        { output: { text: runId === 'dropped' ? 'Leave it.' : 'booked LH1' } },
      ]);
      expect((await store.replay(runId)).status).toBe('finished');
    }
  });

  test('a tool that can find out is asked instead of a person', async () => {
    const log = open();
    const asked: unknown[] = [];
    const made = await cutOff(log, 'r1', {
      reconcile: ({ input, idempotencyKey, attempt }: { input: unknown; idempotencyKey: string; attempt: number }) => {
        asked.push([input, idempotencyKey, attempt]);
        return { happened: true, output: 'booked LH1, says the airline' };
      },
    });
    const store = new RunStore({ log, agents: [made.agent], leaseMs: 5000 });
    expect(await recovered(store)).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(asked).toEqual([[{ flight: 'LH1' }, 'r1/m1/c0', 2]]);
    expect(made.booked).toEqual(['LH1']);
  });

  test('a tool without side effects is called again without asking', async () => {
    const log = open();
    const made = await cutOff(log, 'r1', { effect: 'idempotent' });
    const store = new RunStore({ log, agents: [made.agent], leaseMs: 5000 });
    expect(await recovered(store)).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(made.booked).toEqual(['LH1', 'LH1']);
  });

  test('a sub-agent that was at work when its run stopped and its process died is left, and nobody has its run', async () => {
    const log = open();
    let asked = (): void => undefined;
    const inSub = new Promise<void>((resolve) => (asked = resolve));
    const hangs = {
      getResponse: () => {
        asked();
        return new Promise<never>(() => undefined);
      },
    };
    const sub = new Agent({ name: 'Sub', model: hangs as never });
    const ask = sub.asTool({ toolName: 'ask', toolDescription: 'Asks.' });
    const model = new ScriptedModel([[functionCall('ask', { input: 'x' }, { callId: 'c1' })]]);
    const agent = new Agent({ name: 'Desk', model, tools: [ask] }) as unknown as AnyAgent;
    let isDead = false;
    const dying: EventLog = {
      ...portOf(log),
      async append(commit) {
        if (isDead) return new Promise<never>(() => undefined);
        const committed = await log.append(commit);
        isDead = commit.events.some(({ type }) => type === 'run.stopping');
        return isDead ? new Promise<never>(() => undefined) : committed;
      },
    };
    const controller = new AbortController();
    const first = new RunStore({ log: dying, worker: 'w' });
    void run(agent, 'Go.', { durable: { store: first, runId: 'r1' }, signal: controller.signal }).catch(
      () => undefined,
    );
    await inSub;
    controller.abort(new Error('enough'));
    await expect.poll(() => isDead, { timeout: 10_000 }).toBe(true);

    const second = new RunStore({ log, agents: [agent], worker: 'w' });
    expect(await second.recover()).toMatchObject([{ runId: 'r1', outcome: { error: { message: 'enough' } } }]);
    const { runs } = await second.list({ parent: 'r1' });
    expect(runs.map(({ runId, status, lease }) => [runId, status, lease.owner])).toEqual([
      ['r1/m1/c0', 'running', undefined],
    ]);
    const { status, lease } = (await second.list()).runs[0] ?? {};
    expect([status, lease?.owner]).toEqual(['cancelled', undefined]);
  });

  test('a copy goes on from where nothing was under way, and asks before it acts on the world', async () => {
    const { agent, model, booked } = booking([call, done]);
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    const add = (steps: ConstructorParameters<typeof ScriptedModel>[0]): void => {
      (agent as Agent).model = new ScriptedModel(steps);
    };
    add([[functionCall('book', { flight: 'LH2' }, { callId: 'c2' })], done]);
    const copy = await store.fork('r1', { runId: 'r2', edit: (state) => state.addInput('And LH2.') });
    expect(copy.interruptions.map(({ callId }) => callId)).toEqual(['c2']);
    expect(booked).toEqual(['LH1']);
    await store.approve('r2', 'c2');
    expect((await store.resume('r2')).finalOutput).toBe('Done.');
    expect(booked).toEqual(['LH1', 'LH2']);

    add([call, done]);
    const stub = await store.fork('r1', { at: 4, once: 'stub' });
    expect(stub.finalOutput).toBe('Done.');
    expect(booked).toEqual(['LH1', 'LH2']);
    await expect(store.fork('r1', { at: 0 })).rejects.toMatchObject({ code: 'durable/no-fork-point' });
    expect((await store.replay('r2')).status).toBe('finished');
    expect(model.calls).toHaveLength(2);
  });

  test('a replay with other agents says where it differs', async () => {
    const { agent } = booking([call, done]);
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    expect(await store.replay('r1')).toMatchObject({ status: 'finished' });
    const other = (agent as Agent).clone({ toolUseBehavior: 'stop_on_first_tool' }) as unknown as AnyAgent;
    await expect(store.replay('r1', { agent: other })).rejects.toMatchObject({
      code: 'durable/replay-mismatch',
      message: expect.stringMatching(
        /differs at event \d+: the log says effect.requested .*"m2".*output.chosen/s,
      ) as string,
    });
  });

  test('a run that rested while its agents changed goes on, is refused, or is told', async () => {
    const { agent } = booking([call, call, call], { needsApproval: true });
    const log = open();
    const store = new RunStore({ log, agents: [agent] });
    for (const runId of ['r1', 'r2', 'r3']) await run(agent, 'Book LH1.', { durable: { store, runId } });
    const model = new ScriptedModel([done, done]);
    const changed = (agent as Agent).clone({
      instructions: 'New ones.',
      model,
      tools: [...agent.tools],
    }) as unknown as AnyAgent;
    for (const runId of ['r1', 'r2', 'r3']) await store.approve(runId, 'c1');
    const at = (onPlanChange: NonNullable<ConstructorParameters<typeof RunStore>[0]['onPlanChange']>): RunStore =>
      new RunStore({ log, agents: [changed], onPlanChange });
    await expect(at('refuse').resume('r1')).rejects.toMatchObject({
      code: 'durable/plan-changed',
      message: expect.stringContaining('instructions of agent "Desk" changed') as string,
    });
    expect((await at('continue').resume('r1')).finalOutput).toBe('Done.');
    const told = await at(({ changes }) => ({ input: changes.join() })).resume('r2');
    expect(told.history.some((item) => JSON.stringify(item).includes('instructions of agent'))).toBe(true);
    const [mine] = (await log.read('r2'))?.events.filter(({ event }) => event.type === 'plan.recorded').slice(1) ?? [];
    expect(mine).toBeDefined();
  });

  test('a long run is taken up from its snapshot, and its state is whole', async () => {
    const turns = 160;
    const steps = Array.from({ length: turns }, (_, n) => [
      functionCall('book', { flight: `F${n}` }, { callId: `c${n}` }),
    ]);
    const { agent, booked } = booking([...steps, [functionCall('stop', {}, { callId: 'end' })], done], {
      effect: 'read',
    });
    const stop = tool({
      name: 'stop',
      effect: 'read',
      description: 'Asks.',
      parameters: z.object({}),
      needsApproval: true,
      execute: () => 'ok',
    });
    const withStop = (agent as Agent).clone({ tools: [...agent.tools, stop] as never }) as unknown as AnyAgent;
    const log = open();
    await run(withStop, 'Go.', { maxTurns: null, durable: { store: new RunStore({ log }), runId: 'r1' } });
    const read = await log.read('r1', { snapshot: true });
    expect(read?.snapshot?.at).toBeGreaterThan(500);
    expect(read?.events.length).toBeLessThan(1 + (read?.info.head ?? 0) - 500);
    const store = new RunStore({ log, agents: [withStop] });
    await store.approve('r1', 'end');
    const result = await store.resume('r1', { maxTurns: null });
    expect(result.finalOutput).toBe('Done.');
    expect(booked).toHaveLength(turns);
    expect(result.history).toHaveLength(2 * turns + 4);
    const { RunState } = await import('../index.ts');
    const copy = await RunState.fromString(withStop, result.state.toString());
    expect(copy.history).toEqual(result.history);
    expect(copy.usage.totalTokens).toBe(result.state.usage.totalTokens);
    expect((await store.state('r1')).history).toEqual(result.history);
  });
});
