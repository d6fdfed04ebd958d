/** What becomes of work that a crash cut off, other than calls of tools; and of what a tool says of itself. */
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  type AgentInputItem,
  type AnyAgent,
  type EventLog,
  MemorySession,
  run,
  RunStore,
  type Session,
  SystemError,
  tool,
} from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { booking, call, done } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

type NoOptions = Record<string, never>;

/** Starts a run in a process that dies at the commit which answers an effect like that, before it is stored. */
async function diesBefore(
  log: EventLog,
  answer: string,
  { agent, runId, options = {} }: { agent: AnyAgent; runId: string; options?: Parameters<typeof run>[2] | NoOptions },
): Promise<void> {
  const dying: EventLog = {
    ...log,
    store: log.store,
    leases: log.leases,
    append: (commit) =>
      commit.events.some(({ type }) => type === answer) ? Promise.reject(new Error('killed')) : log.append(commit),
    read: (...args) => log.read(...args),
    list: (...args) => log.list(...args),
    post: (...args) => log.post(...args),
    watch: (...args) => log.watch(...args),
    remove: (...args) => log.remove(...args),
    close: async () => undefined,
  };
  const store = new RunStore({ log: dying, worker: 'w' });
  await expect(run(agent, 'Book LH1.', { ...options, durable: { store, runId } } as never)).rejects.toThrow('killed');
}

/** A process of the same name goes on: it takes back at once what it had. */
const heir = (log: EventLog, agent: AnyAgent, options: object = {}): RunStore =>
  new RunStore({ log, agents: [agent], worker: 'w', ...options });

/** A session with the five methods of the published interface and no more. */
function plainSession(options: { acceptsRunContext?: true } = {}): Session & { items: AgentInputItem[] } {
  const items: AgentInputItem[] = [];
  return {
    ...options,
    items,
    getSessionId: async () => 'plain',
    getItems: async (limit) => (limit === undefined ? items.slice() : items.slice(-limit)),
    addItems: async (added) => void items.push(...added),
    popItem: async () => items.pop(),
    clearSession: async () => void items.splice(0),
  };
}

describe.each(kinds)('work that was cut off, in a log in %s', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test('a model call in a conversation that the provider keeps is not repeated, though nobody says so again', async () => {
    const log = open();
    const { agent, model } = booking([done, done]);
    await diesBefore(log, 'model.replied', { agent, runId: 'held', options: { conversationId: 'conv_1' } });
    const store = heir(log, agent);
    const end = store.resume('held');
    await expect(end).rejects.toBeInstanceOf(SystemError);
    await expect(end).rejects.toThrow(/"call_model" \(held\/m1\).*could do it twice/s);
    expect(model.calls).toHaveLength(1);
    expect((await store.list()).runs[0]?.status).toBe('failed');
    expect((await store.replay('held')).status).toBe('failed');
    // A person who found out that it is well may go on.
    expect((await store.resume('held')).finalOutput).toBe('Done.');
    expect(model.calls[1]?.request.conversationId).toBe('conv_1');
  });

  test('a model call on an earlier response, or on nothing, is repeated', async () => {
    const log = open();
    for (const [runId, options] of [
      ['chain', { previousResponseId: 'resp_1' }],
      ['plain', {}],
    ] as const) {
      const { agent, model } = booking([done, done]);
      await diesBefore(log, 'model.replied', { agent, runId, options });
      expect((await heir(log, agent).resume(runId)).finalOutput).toBe('Done.');
      expect(model.calls).toHaveLength(2);
    }
  });

  test.each([
    ['with operation ids', () => new MemorySession()],
    ['without', () => plainSession()],
    ['without, that is told of the run', () => plainSession({ acceptsRunContext: true })],
  ])('a session %s gets what was saved once', async (_, make) => {
    const log = open();
    const session = make();
    const { agent } = booking([done]);
    await diesBefore(log, 'session.saved', { agent, runId: 'r1', options: { session } });
    expect(await session.getItems()).toHaveLength(2);
    await heir(log, agent, { resumeOptions: () => ({ session }) }).resume('r1');
    expect((await session.getItems()).map((item) => ('role' in item ? item.role : item.type))).toEqual([
      'user',
      'assistant',
    ]);
  });

  test('a run that could not read its history reads it when it goes on', async () => {
    const log = open();
    const session = new MemorySession({ sessionId: 'plain' });
    await session.addItems([
      { type: 'message', role: 'user', content: 'I am Ada.' },
      { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Hello.' }] },
    ]);
    const broken: Session = Object.assign(plainSession(), { getItems: () => Promise.reject(new Error('no network')) });
    const { agent, model } = booking([done]);
    const store = heir(log, agent);
    const durable = { store, runId: 'r1' };
    await expect(run(agent, 'Who am I?', { session: broken, durable })).rejects.toThrow('no network');
    const result = await store.resume('r1', { session });
    expect(model.calls[0]?.request.input).toHaveLength(3);
    expect(result.history).toHaveLength(4);
    expect(await session.getItems()).toHaveLength(4);
    expect((await store.replay('r1', { options: { session } })).status).toBe('finished');
  });

  test('a tool that says nothing counts as once, in sub-agents too, and is named in one warning', async () => {
    const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    try {
      const log = open();
      const bare = (name: string, run_: () => string | Promise<string>) =>
        tool({ name, description: 'Acts.', parameters: z.object({}), execute: run_ });
      let isDying = true;
      let acted = 0;
      const act = bare('act', () => {
        acted += 1;
        return isDying ? new Promise<string>(() => undefined) : 'acted';
      });
      const model = new ScriptedModel([[functionCall('act', {}, { callId: 's1' })], [assistantMessage('Acted.')]]);
      const sub = new Agent({ name: 'Sub', model, tools: [act] });
      const agent = new Agent({
        name: 'Desk',
        model: new ScriptedModel([[functionCall('ask_sub', { input: 'Act.' }, { callId: 'c1' })], done]),
        tools: [sub.asTool({ toolName: 'ask_sub', toolDescription: 'Asks.' }), bare('other', () => '')],
      }) as unknown as AnyAgent;
      const dying = heir(log, agent);
      void run(agent, 'Go.', { durable: { store: dying, runId: 'r1' } }).catch(() => undefined);
      await expect.poll(() => acted, { timeout: 20_000 }).toBe(1);
      await dying.drain({ timeoutMs: 1 });
      isDying = false;

      const store = heir(log, agent);
      const waiting = await store.resume('r1');
      expect(waiting.interruptions).toMatchObject([{ uncertain: 1 }]);
      expect(acted).toBe(1);
      await store.confirm('r1', 's1', 'acted, says the world');
      expect((await store.resume('r1')).finalOutput).toBe('Done.');
      expect(acted).toBe(1);
      await run(booking([done]).agent, 'Hi.', { durable: { store, runId: 'r2' } });

      const warnings = said.mock.calls.map(([text]) => String(text));
      // Each by the store that starts the run, not by the one that takes it up, and not the agent that is a tool.
      expect(warnings.map((text) => /Tool "(\w+)"/.exec(text)?.[1] ?? '').toSorted()).toEqual(['act', 'other']);
      expect(warnings[0]).toMatch(/counts as effect: 'once'.*Give it effect/s);
    } finally {
      said.mockRestore();
    }
  });

  test('a change in a sub-agent is a change of the plan, told in words', async () => {
    const log = open();
    const desk = (instructions: string, effect: 'once' | 'read'): AnyAgent => {
      const sub = booking([], { effect });
      const asker = (sub.agent as Agent).clone({ name: 'Sub', instructions });
      const ask = asker.asTool({ toolName: 'ask_sub', toolDescription: 'Asks.' });
      const { agent } = booking([call, done], { needsApproval: true });
      return (agent as Agent).clone({ tools: [...agent.tools, ask] as never }) as unknown as AnyAgent;
    };
    const agent = desk('Old.', 'once');
    const store = new RunStore({ log, agents: [agent] });
    await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await store.approve('r1', 'c1');
    const next = new RunStore({ log, agents: [desk('New.', 'read')], onPlanChange: 'refuse' });
    const refused = next.resume('r1');
    await expect(refused).rejects.toMatchObject({ code: 'durable/plan-changed' });
    await expect(refused).rejects.toThrow(/instructions of agent "Desk\/ask_sub\/Sub" changed; tool "book" of agent/);
    // It was given back: whoever has the old code may go on.
    expect((await store.resume('r1')).finalOutput).toBe('Done.');
  });
});
