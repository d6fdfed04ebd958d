import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, AlreadyDecided, type AnyAgent, DurableError, type EventLog, run, RunStore, tool } from '../index.ts';
import { assistantMessage, functionCall, modelError, ScriptedModel } from '../testing/index.ts';

import { booking, call, done } from './booking.fixture.ts';
import { portOf } from '../log/port.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

describe.each(kinds)('runs in a log in %s', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test('a run that ended is in the log, and resume gives its result without a model', async () => {
    const { agent, booked } = booking([call, done]);
    const store = new RunStore({ log: open(), agents: [agent] });
    const first = await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    const again = await store.resume('r1');
    expect(again.finalOutput).toBe(first.finalOutput);
    expect(again.state.usage.totalTokens).toBe(first.state.usage.totalTokens);
    expect(again.history).toEqual(first.history);
    expect(booked).toEqual(['LH1']);
    expect((await store.list()).runs.map(({ runId, status }) => [runId, status])).toEqual([['r1', 'finished']]);
  });

  test('an approval is given in another process, once', async () => {
    const { agent, booked } = booking([call, done], { needsApproval: true });
    const store = new RunStore({ log: open(), agents: [agent] });
    const waiting = await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    expect(waiting.interruptions).toHaveLength(1);

    const office = new RunStore({ log: open() });
    expect((await office.list({ status: 'paused' })).runs[0]?.waiting).toMatchObject([{ callId: 'c1', tool: 'book' }]);
    await office.approve('r1', 'c1');
    const late = office.reject('r1', 'c1', { message: 'no' });
    await expect(late).rejects.toBeInstanceOf(AlreadyDecided);
    await expect(late).rejects.toMatchObject({ decision: { approved: true } });
    await expect(office.approve('r1', 'c2')).rejects.toMatchObject({ code: 'durable/not-waiting' });

    const worker = new RunStore({ log: open(), agents: [agent] });
    expect(await worker.recover()).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(booked).toEqual(['LH1']);
    expect(await worker.recover()).toEqual([]);
  });

  test('a run that waits is cancelled from outside', async () => {
    const { agent, booked } = booking([call, done], { needsApproval: true });
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await store.cancel('r1', 'The customer left.');
    const [end] = await store.recover();
    expect(end?.outcome).toMatchObject({ error: { message: 'The customer left.' } });
    expect((await store.list()).runs[0]?.status).toBe('cancelled');
    expect(booked).toEqual([]);
  });

  test('a run under way hears that it is cancelled, and its tool does', async () => {
    const model = new ScriptedModel([call]);
    const heard: unknown[] = [];
    let begun = (): void => undefined;
    const inTool = new Promise<void>((resolve) => (begun = resolve));
    const book = tool({
      name: 'book',
      description: 'Waits.',
      parameters: z.object({ flight: z.string() }),
      effect: 'read',
      execute: (_, __, details) =>
        new Promise<string>((resolve) => {
          begun();
          details?.signal?.addEventListener('abort', () => {
            heard.push('abort');
            resolve('stopped');
          });
        }),
    });
    const agent = new Agent({ name: 'Desk', model, tools: [book] });
    const store = new RunStore({ log: open() });
    const running = run(agent, 'Book.', { durable: { store, runId: 'r1' } });
    await inTool;
    await new RunStore({ log: open() }).cancel('r1');
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(heard).toEqual(['abort']);
  });

  test('a second run of one id is refused, and what it would have done is not done', async () => {
    const { agent, booked } = booking([call, done, call, done]);
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await expect(run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } })).rejects.toMatchObject({
      code: 'log/exists',
    });
    expect(booked).toEqual(['LH1']);
  });

  test('a run that another worker has is not taken from it', async () => {
    const model = new ScriptedModel([call]);
    let release = (): void => undefined;
    const held = new Promise<string>((resolve) => (release = () => resolve('ok')));
    const book = tool({
      name: 'book',
      description: 'Waits.',
      parameters: z.object({ flight: z.string() }),
      effect: 'read',
      execute: () => held,
    });
    const agent = new Agent({ name: 'Desk', model, tools: [book], toolUseBehavior: 'stop_on_first_tool' });
    const log = open();
    const running = run(agent, 'Book.', { durable: { store: new RunStore({ log, leaseMs: 2000 }), runId: 'r1' } });
    await expect.poll(async () => (await log.read('r1'))?.info.status, { timeout: 10_000 }).toBe('running');
    const other = new RunStore({ log: open(), agents: [agent as unknown as AnyAgent], leaseMs: 2000 });
    await expect(other.resume('r1')).rejects.toMatchObject({ code: 'durable/owned' });
    release();
    expect((await running).finalOutput).toBe('ok');
  });

  test('a state that was read before somebody else went on with the run is refused', async () => {
    const { agent } = booking([call, done], { needsApproval: true });
    const store = new RunStore({ log: open(), agents: [agent] });
    const { state } = await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    await new RunStore({ log: open(), agents: [agent] }).resume('r1');
    await expect(run(agent, state, { durable: { store } })).rejects.toMatchObject({ code: 'durable/moved' });
    expect((await store.log.read('r1'))?.info.lease.owner).toBeUndefined();
  });

  /** A log in which another goes on with r1 when somebody is about to claim it. */
  function overtaken(agent: AnyAgent): EventLog {
    const log = open();
    let isFirst = true;
    const claim: EventLog['leases']['claim'] = async (runId, claimed) => {
      if (isFirst) {
        isFirst = false;
        await new RunStore({ log: open(), agents: [agent] }).resume('r1').catch(() => undefined);
      }
      return log.leases.claim(runId, claimed);
    };
    return { ...portOf(log), leases: { claim, beat: (worker, options) => log.leases.beat(worker, options) } };
  }

  test("a run that another worker ends while it is taken up gives its result, and is nobody's", async () => {
    const { agent } = booking([call, done], { needsApproval: true });
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    const other = new RunStore({ log: overtaken(agent), agents: [agent] });
    expect((await other.resume('r1')).finalOutput).toBe('Done.');
    expect((await store.log.read('r1'))?.info.lease.owner).toBeUndefined();
  });

  test('a run that fails at another worker while it is taken up gets no try that nobody asked for', async () => {
    const { agent, booked } = booking([call, modelError(new Error('The model is down.')), done], {
      needsApproval: true,
    });
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    const other = new RunStore({ log: overtaken(agent), agents: [agent] });
    await expect(other.resume('r1')).rejects.toMatchObject({
      code: 'durable/moved',
      message: expect.stringContaining('failed there'),
    });
    const info = (await store.log.read('r1'))?.info;
    expect([info?.status, info?.lease.owner]).toEqual(['failed', undefined]);
    // Asked for, it gets one.
    expect((await other.resume('r1')).finalOutput).toBe('Done.');
    expect(booked).toEqual(['LH1']);
  });

  test('a run that cannot go on, for a wrong option or an edit that throws, is left to others', async () => {
    const { agent, booked } = booking([call, done], { needsApproval: true });
    const store = new RunStore({ log: open(), agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    await expect(store.resume('r1', { maxTurns: -1 })).rejects.toThrow('maxTurns');
    const edit = (): never => {
      throw new Error('no edit');
    };
    await expect(store.fork('r1', { runId: 'copy', edit })).rejects.toThrow('no edit');
    const { runs } = await store.list();
    // A copy that could not be edited as it should be is none.
    expect(runs.map(({ runId, lease }) => [runId, lease.owner])).toEqual([['r1', undefined]]);
    expect((await new RunStore({ log: open(), agents: [agent] }).resume('r1')).finalOutput).toBe('Done.');
    expect(booked).toEqual(['LH1']);
  });

  test('a state in hand goes on in its log', async () => {
    const { agent, booked } = booking([call, done], { needsApproval: true });
    const store = new RunStore({ log: open(), agents: [agent] });
    const waiting = await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    for (const item of waiting.interruptions) waiting.state.approve(item);
    await run(agent, waiting.state, { durable: { store } });
    expect(booked).toEqual(['LH1']);
    expect((await store.list()).runs[0]?.status).toBe('finished');
  });

  test('unknown runs and agents are errors that say what to do', async () => {
    const { agent } = booking([call, done], { needsApproval: true });
    const store = new RunStore({ log: open() });
    await expect(store.resume('nothing')).rejects.toMatchObject({ code: 'durable/unknown-run', runId: 'nothing' });
    await run(agent, 'Book.', { durable: { store, runId: 'r1' } });
    await expect(store.resume('r1')).rejects.toThrow(/agent "Desk".*new RunStore\(\{ agents \}\)/s);
    expect(() => new RunStore({ log: open(), leaseMs: 5 })).toThrow(/leaseMs is 5/);
  });

  test('sub-agents have logs of their own, and their approvals reach them', async () => {
    const sub = booking([call, [assistantMessage('Booked it.')]], { needsApproval: true });
    const asker = new Agent({
      name: 'Asker',
      model: new ScriptedModel([[functionCall('ask_desk', { input: 'LH1' }, { callId: 'a1' })], done]),
      tools: [(sub.agent as Agent).asTool({ toolName: 'ask_desk', toolDescription: 'Asks.' })],
    }) as unknown as AnyAgent;
    const store = new RunStore({ log: open(), agents: [asker] });
    await run(asker, 'Book.', { durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    const worker = new RunStore({ log: open(), agents: [asker] });
    const result = await worker.resume('r1');
    expect(result.finalOutput).toBe('Done.');
    expect(sub.booked).toEqual(['LH1']);
    expect((await store.log.list({ parent: 'r1' })).runs.map(({ status }) => status)).toEqual(['finished']);
  });

  test('the events of a run can be read from anywhere in it, also while it goes on', async () => {
    const { agent } = booking([call, done]);
    const store = new RunStore({ log: open(), agents: [agent] });
    const running = run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await running;
    const all: string[] = [];
    for await (const { event } of store.events('r1')) all.push(event.type);
    expect(all[0]).toBe('run.started');
    expect(all.at(-1)).toBe('run.finished');
    const tail: number[] = [];
    for await (const { position } of store.events('r1', { from: all.length - 2 })) tail.push(position);
    expect(tail).toEqual([all.length - 2, all.length - 1]);
  });

  test('a drained store leaves what it has to others, who go on where it was', async () => {
    const { agent, booked } = booking([call, done]);
    let block = true;
    let reached = (): void => undefined;
    const atModel = new Promise<void>((resolve) => (reached = resolve));
    const slow = new Agent({
      name: 'Desk',
      model: {
        getResponse: async (request) => {
          if (block && Array.isArray(request.input) && request.input.length > 1) {
            reached();
            await new Promise(() => undefined);
          }
          return (agent as Agent).model === undefined
            ? ({} as never)
            : ((agent as Agent).model as ScriptedModel).getResponse(request);
        },
        async *getStreamedResponse() {},
      },
      tools: agent.tools,
    }) as unknown as AnyAgent;
    const store = new RunStore({ log: open(), agents: [slow] });
    const running = run(slow, 'Book LH1.', { durable: { store, runId: 'r1' } });
    const ended = expect(running).rejects.toMatchObject({ code: 'durable/closed' });
    await atModel;
    expect(await store.drain({ timeoutMs: 1 })).toEqual(['r1']);
    await ended;
    block = false;
    const next = new RunStore({ log: open(), agents: [slow] });
    expect(await next.recover()).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(booked).toEqual(['LH1']);
    await expect(store.resume('r1')).rejects.toBeInstanceOf(DurableError);
  });
});
