/** How often the log of a run is read to go on with it. */
import { describe, expect, test } from 'vitest';
import { Agent, type AnyAgent, type EventLog, memoryLog, run, RunStore } from '../index.ts';
import type { LogEvent, RunInfo } from '../log/index.ts';
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

/** Head asks Sub, which books. After `hang` it waits when it has booked next, until that is ended, if ever. */
function nested(): { agent: AnyAgent; hang(until?: (end: () => void) => void): Promise<void> } {
  let onBooked: (() => Promise<void>) | undefined;
  const wait = { name: 'waits', run: async () => (await onBooked?.(), { behavior: { type: 'allow' as const } }) };
  const sub = booking([call, done], { effect: 'idempotent', outputGuardrails: [wait] }).agent;
  return {
    agent: head(sub),
    hang: (until) =>
      new Promise((reached) => {
        onBooked = () => {
          onBooked = undefined;
          reached();
          return new Promise((end) => until?.(end));
        };
      }),
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

  test('that waits in a sub-agent, and goes on waiting when it is taken up, keeps no lease', async () => {
    const log = open();
    const agent = system();
    const store = new RunStore({ log, agents: [agent] });
    await run(agent, 'Go.', { durable: { store, runId: 'r1' } });
    expect((await store.resume('r1')).interruptions).toHaveLength(1);
    expect(await leasesIn(log)).toEqual(['r1 paused', `${SUB} paused`]);
    await store.approve('r1', 'c1');
    expect((await store.resume('r1')).finalOutput).toBe('All done.');
    expect(await leasesIn(log)).toEqual(['r1 finished', `${SUB} finished`]);
  });

  test("whose sub-agent's run ended between the look and its claim keeps no lease of it", async () => {
    const under = open();
    await leftInSub(under);
    const agents = [nested().agent];
    const ending = (await finishedSub()).slice((await under.read(SUB))?.info.head);
    const late = atSub(under, 'claim', async ({ head: position, lease: { fence } }) => {
      await under.append({ runId: SUB, position, fence, events: ending, status: 'finished', release: true });
    });
    expect(await recovered(new RunStore({ log: late, agents, leaseMs: 5000 }))).toEqual([
      { runId: 'r1', outcome: { status: 'finished' } },
    ]);
    expect(await leasesIn(under)).toEqual(['r1 finished', `${SUB} finished`]);
  });

  // Of the same name, so that the next need not wait for the lease.
  test.each(['look', 'claim'] as const)('that another ended meanwhile is left alone: before the %s', async (what) => {
    const under = open();
    await leftInSub(under);
    const made = nested();
    const next = new RunStore({ log: under, agents: [made.agent], worker: 'w' });
    const late = atSub(under, what, async () => void (await recovered(next)));
    expect(await new RunStore({ log: late, agents: [made.agent], worker: 'w' }).recover()).toEqual([]);
    expect(await leasesIn(under)).toEqual(['r1 finished', `${SUB} finished`]);
  });

  test.each(['look', 'claim'] as const)(
    'that another goes on with meanwhile is left to it: before the %s',
    async (what) => {
      const under = open();
      await leftInSub(under);
      const made = nested();
      const next = new RunStore({ log: under, agents: [made.agent], worker: 'w' });
      let goOn = (): void => undefined;
      let ended: Promise<unknown> | undefined;
      const late = atSub(under, what, async () => {
        const reached = made.hang((resolve) => (goOn = resolve));
        ended = recovered(next);
        await reached;
      });
      expect(await new RunStore({ log: late, agents: [made.agent], worker: 'w' }).recover()).toEqual([]);
      goOn();
      expect(await ended).toEqual([{ runId: 'r1', outcome: { status: 'finished' } }]);
      expect(await leasesIn(under)).toEqual(['r1 finished', `${SUB} finished`]);
    },
  );
});

/** A run that was left while its sub-agent booked. */
async function leftInSub(log: EventLog): Promise<void> {
  const made = nested();
  const reached = made.hang();
  const dying = new RunStore({ log, leaseMs: 5000 });
  void run(made.agent, 'Go.', { durable: { store: dying, runId: 'r1' } }).catch(() => undefined);
  await reached;
  await dying.drain({ timeoutMs: 1 });
}

/** How the sub-agent's run ends: the events of another like it. */
async function finishedSub(): Promise<LogEvent[]> {
  const log = memoryLog();
  await run(nested().agent, 'Go.', { durable: { store: new RunStore({ log }), runId: 'r1' } });
  return (await log.read(SUB))?.events.map(({ event }) => event) ?? [];
}

/** A log in which something happens, once: when r1 was claimed, before its sub-agent's run is looked at or claimed. */
function atSub(log: EventLog, what: 'look' | 'claim', happens: (info: RunInfo) => Promise<void>): EventLog {
  let isTime = false;
  const reach = async (runId: string, call: 'look' | 'claim'): Promise<void> => {
    const info = isTime && runId === SUB && call === what ? (await log.read(SUB, { limit: 0 }))?.info : undefined;
    if (!info) return;
    isTime = false;
    await happens(info);
  };
  const claim: EventLog['leases']['claim'] = async (runId, claimed) => {
    await reach(runId, 'claim');
    isTime ||= runId === 'r1';
    return log.leases.claim(runId, claimed);
  };
  const read: EventLog['read'] = async (runId, options) => {
    await reach(runId, 'look');
    return log.read(runId, options);
  };
  return { ...portOf(log), leases: { ...leasesOf(log), claim }, read };
}

/** Run, status and owner, where it has one. */
async function leasesIn(log: EventLog): Promise<string[]> {
  const found = await Promise.all(['r1', SUB].map((runId) => log.read(runId, { limit: 0 })));
  return found.map((one) => [one?.info.runId, one?.info.status, one?.info.lease.owner].filter(Boolean).join(' '));
}

const leasesOf = ({ leases }: EventLog): EventLog['leases'] => ({
  claim: (runId, claimed) => leases.claim(runId, claimed),
  beat: (worker, options) => leases.beat(worker, options),
});
