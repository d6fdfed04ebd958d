import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  AlreadyDecided,
  type AnyAgent,
  DurableError,
  type EventLog,
  memoryLog,
  run,
  RunStore,
  sqliteLog,
  tool,
} from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';

type Made = { agent: AnyAgent; model: ScriptedModel; booked: string[] };

/** An agent that books once, and what it was told to book. */
function booking(steps: ConstructorParameters<typeof ScriptedModel>[0], options: object = {}): Made {
  const booked: string[] = [];
  const model = new ScriptedModel(steps);
  const book = tool({
    name: 'book',
    description: 'Books a flight.',
    parameters: z.object({ flight: z.string() }),
    effect: 'once',
    ...options,
    execute: async ({ flight }) => {
      booked.push(flight);
      return `booked ${flight}`;
    },
  });
  return { agent: new Agent({ name: 'Desk', model, tools: [book] }) as unknown as AnyAgent, model, booked };
}

const call = [functionCall('book', { flight: 'LH1' }, { callId: 'c1' })];
const done = [assistantMessage('Done.')];

describe.each(['memory', 'sqlite'] as const)('runs in a log in %s', { timeout: 30_000 }, (kind) => {
  let dir = '';
  let logs: EventLog[] = [];
  let shared: EventLog | undefined;
  /** A log as another process would open it. */
  const open = (): EventLog => {
    if (kind === 'memory') return (shared ??= memoryLog());
    const log = sqliteLog({ path: join(dir, 'runs.db'), synchronous: 'normal' });
    logs.push(log);
    return log;
  };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'baton-durable-'));
    logs = [];
    shared = undefined;
  });
  afterEach(async () => {
    for (const log of logs) await log.close().catch(() => undefined);
    rmSync(dir, { recursive: true, force: true });
  });

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

/** A run whose process died in its tool, after the tool had booked. */
async function cutOff(log: EventLog, runId: string, options: object = {}): Promise<Made> {
  let hang = true;
  const made = booking([call, done], options);
  const [book] = made.agent.tools;
  if (book?.type !== 'function') throw new Error('There is a tool.');
  const dying = new RunStore({ log, leaseMs: 5000 });
  let inTool = (): void => undefined;
  const reached = new Promise<void>((resolve) => (inTool = resolve));
  const stuck = booking([call], {
    ...options,
    outputGuardrails: [
      {
        name: 'dies',
        run: async () => {
          inTool();
          if (hang) await new Promise(() => undefined);
          return { behavior: { type: 'allow' } };
        },
      },
    ],
  });
  void run(stuck.agent, 'Book LH1.', { durable: { store: dying, runId } }).catch(() => undefined);
  await reached;
  hang = false;
  await dying.drain({ timeoutMs: 1 });
  made.booked.push(...stuck.booked);
  (made.agent as Agent).model = new ScriptedModel([done]);
  return made;
}

/** What a worker that looks again and again takes over. */
async function recovered(store: RunStore): Promise<unknown> {
  for (;;) {
    const taken = await store.recover();
    if (taken.length > 0) return taken;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
