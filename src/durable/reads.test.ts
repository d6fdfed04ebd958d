/** How often the log of a run is read to go on with it. */
import { describe, expect, test } from 'vitest';
import { Agent, type AnyAgent, type EventLog, memoryLog, run, RunStore } from '../index.ts';
import { portOf } from '../log/port.fixture.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { booking, call, cutOff, done, recovered } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

/** A log that counts whose events were read, and from where. */
function counting(log: EventLog): { log: EventLog; read: string[] } {
  const read: string[] = [];
  const counted: EventLog = {
    ...portOf(log),
    read: async (runId, options) => {
      const found = await log.read(runId, options);
      if (found && options?.limit !== 0) read.push(`${runId} ${found.events[0]?.position}`);
      return found;
    },
  };
  return { log: counted, read };
}

/** Desk asks Sub, which books when a person agrees. */
const system = (): AnyAgent => head(booking([call, done], { needsApproval: true }).agent);

function head(sub: AnyAgent): AnyAgent {
  const ask = (sub as Agent).asTool({ toolName: 'ask', toolDescription: 'Asks.' });
  const steps = [[functionCall('ask', { input: 'x' }, { callId: 'a1' })], [assistantMessage('All done.')]];
  return new Agent({ name: 'Head', model: new ScriptedModel(steps), tools: [ask] }) as unknown as AnyAgent;
}

const SUB = 'r1/m1/c0';

/** Desk asks Sub, which books; after `hang`, whoever books waits for ever, and `hang` is kept when somebody does. */
function nested(): { agent: AnyAgent; hang(): Promise<void> } {
  let onBook: (() => Promise<unknown>) | undefined;
  const wait = { name: 'waits', run: async () => (await onBook?.(), { behavior: { type: 'allow' as const } }) };
  const sub = booking([call, done], { effect: 'idempotent', outputGuardrails: [wait] }).agent;
  return {
    agent: head(sub),
    hang: () => new Promise((resolve) => (onBook = () => (resolve(), new Promise(() => undefined)))),
  };
}

describe.each(kinds)('a run in a log in %s', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test('that waits is read once to go on, and so are the runs of its sub-agents', async () => {
    const { log, read } = counting(open());
    const agent = system();
    const store = new RunStore({ log, agents: [agent] });
    await run(agent, 'Go.', { durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    read.length = 0;
    expect((await store.resume('r1')).finalOutput).toBe('All done.');
    expect(read).toEqual(['r1 0', 'r1/m1/c0 0']);
  });

  test('whose process died is read once by who takes it up', async () => {
    const { log, read } = counting(open());
    const made = await cutOff(log, 'r1', { effect: 'idempotent' });
    const store = new RunStore({ log, agents: [made.agent], leaseMs: 5000 });
    expect(await recovered(store)).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(read).toEqual(['r1 0']);
  });

  test('that went on between the look and the claim is read again, and goes on from there', async () => {
    const under = open();
    const made = await cutOff(under, 'r1', { effect: 'idempotent' });
    const first = await under.read('r1');
    if (!first) throw new Error('There is a run.');
    let isLate = true;
    const { log, read } = counting(under);
    const claim: EventLog['leases']['claim'] = async (runId, claimed) => {
      const { head, lease } = first.info;
      // The worker before answers the call in the last moment.
      const events = [{ type: 'tool.returned', id: 'm1/c0', text: 'booked LH1' }];
      if (isLate) await under.append({ runId, position: head, fence: lease.fence, events });
      isLate = false;
      return under.leases.claim(runId, claimed);
    };
    const late: EventLog = { ...portOf(log), leases: { ...leasesOf(under), claim } };
    const store = new RunStore({ log: late, agents: [made.agent], leaseMs: 5000 });
    expect(await recovered(store)).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(read).toEqual(['r1 0', 'r1 0']);
    expect(made.booked).toEqual(['LH1']);
  });

  test("whose sub-agent's run ended between the look and its claim keeps no lease of it", async () => {
    // How the sub-agent's run ends: as another like it did.
    const whole = memoryLog();
    await run(nested().agent, 'Go.', { durable: { store: new RunStore({ log: whole }), runId: 'r1' } });
    const ending = (await whole.read(SUB))?.events.map(({ event }) => event) ?? [];

    const under = open();
    const made = nested();
    const reached = made.hang();
    const dying = new RunStore({ log: under, leaseMs: 5000 });
    void run(made.agent, 'Go.', { durable: { store: dying, runId: 'r1' } }).catch(() => undefined);
    await reached;
    await dying.drain({ timeoutMs: 1 });

    let isLate = true;
    const claim: EventLog['leases']['claim'] = async (runId, claimed) => {
      const { head: position, lease } = (await under.read(SUB))!.info;
      // The worker before, in the last moment: it still had the lease.
      const last = { runId: SUB, position, fence: lease.fence, events: ending.slice(position) };
      if (runId === SUB && isLate) {
        isLate = false;
        await under.append({ ...last, status: 'finished', waiting: null, release: true });
      }
      return under.leases.claim(runId, claimed);
    };
    const log: EventLog = { ...portOf(under), leases: { ...leasesOf(under), claim } };
    const store = new RunStore({ log, agents: [nested().agent], leaseMs: 5000 });
    expect(await recovered(store)).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
    expect(isLate).toBe(false);
    for (const runId of ['r1', SUB]) {
      const info = (await under.read(runId, { limit: 0 }))?.info;
      expect(info?.status).toBe('finished');
      expect(info?.lease.owner).toBeUndefined();
    }
  });
});

const leasesOf = ({ leases }: EventLog): EventLog['leases'] => ({
  claim: (runId, claimed) => leases.claim(runId, claimed),
  beat: (worker, options) => leases.beat(worker, options),
});
