import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  BranchedSession,
  EncryptedSession,
  MemorySession,
  run,
  type Session,
  SessionBusy,
  SQLiteSession,
  tool,
} from '../index.ts';
import { assistantMessage, functionCall, modelError, modelResponder, ScriptedModel } from '../testing/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'baton-turns-'));
const opened: SQLiteSession[] = [];
let sessions = 0;
afterAll(async () => {
  for (const session of opened) await session.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The same session, as often as it is opened. */
function sqlite(): () => Session {
  const id = `s${sessions++}`;
  return () => {
    const session = new SQLiteSession(id, { dbPath: join(folder, 'x.db'), synchronous: 'normal' });
    opened.push(session);
    return session;
  };
}
const one = (session: Session): (() => Session) => (() => session) as () => Session;
const key = new Uint8Array(32).fill(7);
const kinds: Record<string, () => () => Session> = {
  memory: () => one(new MemorySession()),
  SQLite: sqlite,
  'SQLite in memory': () => one(new SQLiteSession('s')),
  encrypted: () => one(new EncryptedSession(new MemorySession(), { keys: [{ id: 'k', key }] })),
  branched: () => one(new BranchedSession('s', { open: (sessionId) => new MemorySession({ sessionId }) })),
};

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Answers with how much it was shown, after a call of a slow tool. */
function counting(name: string, work: () => unknown = pause): Agent {
  const slow = tool({
    name: 'slow',
    description: 'Takes a while.',
    parameters: z.object({}),
    execute: async () => {
      await work();
      return name;
    },
  });
  const model = new ScriptedModel([
    [functionCall('slow', {}, { callId: `${name}-call` })],
    modelResponder(({ request: { input } }) => [
      assistantMessage(`${name} saw ${Array.isArray(input) ? input.length : 1}`),
    ]),
  ]);
  return new Agent({ name, model, tools: [slow] });
}

const shown = async (session: Session): Promise<string[]> =>
  (await session.getItems()).map((item) => {
    if (item.type === 'function_call' || item.type === 'function_call_result') return item.callId.replace('-call', '');
    const { content } = item as { content: string | { text?: string }[] };
    return typeof content === 'string' ? content : ((content[0]?.text ?? '').split(' ')[0] ?? '');
  });

describe.each(Object.entries(kinds))('%s', (_, make) => {
  test('runs at once on one session come one after the other, and each sees all before it', async () => {
    const open = make();
    const session = open();
    const names = ['a', 'b', 'c', 'd'];
    const results = await Promise.all(names.map((name) => run(counting(name), name, { session: open() })));
    const said = await shown(session);
    const order = [0, 4, 8, 12].map((at) => said[at] ?? '');
    expect(order.toSorted()).toEqual(names);
    // Input, call, result and answer of each stand together.
    expect(said).toEqual(order.flatMap((name) => [name, name, name, name]));
    for (const [n, name] of names.entries())
      expect(results[n]?.finalOutput).toBe(`${name} saw ${order.indexOf(name) * 4 + 3}`);
  });

  test('with onBusy reject a second run fails at once, and says which run it met', async () => {
    const open = make();
    let goOn = (): void => undefined;
    let started = (): void => undefined;
    const inTool = new Promise<void>((resolve) => (started = resolve));
    const hold = new Promise<void>((resolve) => (goOn = resolve));
    const first = run(
      counting('a', () => {
        started();
        return hold;
      }),
      'a',
      { session: open() },
    );
    await inTool;
    const second = run(counting('b'), 'b', { session: open(), sessionTurn: { onBusy: 'reject' } });
    const error = await second.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SessionBusy);
    const waited = run(counting('c'), 'c', { session: open(), sessionTurn: { turnTimeoutMs: 20 } });
    await expect(waited).rejects.toBeInstanceOf(SessionBusy);
    const aborted = run(counting('d'), 'd', { session: open(), signal: AbortSignal.timeout(20) });
    await expect(aborted).rejects.toThrow('timeout');
    goOn();
    const { state } = await first;
    expect(error).toMatchObject({ runId: JSON.parse(state.toString()).run.runId });
    expect(await shown(open())).toEqual(['a', 'a', 'a', 'a']);
    await run(counting('e'), 'e', { session: open(), sessionTurn: { onBusy: 'reject' } });
  });

  test('a run that is started in a tool of the run that has the turn joins it', async () => {
    const open = make();
    const outer = counting('outer', () => run(counting('inner'), 'inner', { session: open() }));
    await run(outer, 'outer', { session: open(), sessionTurn: { turnTimeoutMs: 1000 } });
    const said = await shown(open());
    expect(said.filter((text) => text === 'inner')).toHaveLength(4);
    expect(said.at(-1)).toBe('outer');
  });

  test('a run that fails or waits for a person gives the turn back; the latter takes it again', async () => {
    const open = make();
    const failing = new Agent({ name: 'failing', model: new ScriptedModel([modelError(new Error('broken'))]) });
    await expect(run(failing, 'x', { session: open() })).rejects.toThrow('broken');
    const asking = new Agent({
      name: 'asking',
      model: new ScriptedModel([[functionCall('ask', {}, { callId: 'c' })], [assistantMessage('done')]]),
      tools: [
        tool({
          name: 'ask',
          description: 'Asks.',
          parameters: z.object({}),
          needsApproval: true,
          execute: async () => 'ok',
        }),
      ],
    });
    const { state, interruptions } = await run(asking, 'asks', { session: open() });
    for (const item of interruptions) state.approve(item);

    let goOn = (): void => undefined;
    let started = (): void => undefined;
    const inTool = new Promise<void>((resolve) => (started = resolve));
    const hold = new Promise<void>((resolve) => (goOn = resolve));
    const between = run(
      counting('b', () => {
        started();
        return hold;
      }),
      'b',
      { session: open() },
    );
    await inTool;
    const busy = run(asking, state, { session: open(), sessionTurn: { onBusy: 'reject' } });
    await expect(busy).rejects.toBeInstanceOf(SessionBusy);
    // The state is as it was, and goes on another time.
    const resumed = run(asking, state, { session: open() });
    goOn();
    await between;
    expect((await resumed).finalOutput).toBe('done');
    expect((await shown(open())).slice(-2)).toEqual(['c', 'done']);
  });
});

test('what cannot be is refused by name', async () => {
  const agent = counting('a');
  const session = new MemorySession();
  await expect(run(agent, 'a', { session, sessionTurn: { onPause: 'hold' } })).rejects.toThrow('onPause');
  await expect(run(agent, 'a', { session, sessionTurn: { turnTimeoutMs: -1 } })).rejects.toThrow('turnTimeoutMs is -1');
  const onBusy = 'wait' as 'queue';
  await expect(run(agent, 'a', { session, sessionTurn: { onBusy } })).rejects.toThrow('sessionTurn.onBusy');
});

test('a session of one’s own without turns is used as before', async () => {
  const items: Awaited<ReturnType<Session['getItems']>> = [];
  const session: Session = {
    getSessionId: async () => 'own',
    getItems: async () => items.slice(),
    addItems: async (added) => void items.push(...added),
    popItem: async () => items.pop(),
    clearSession: async () => void items.splice(0),
  };
  const results = await Promise.all(['a', 'b'].map((name) => run(counting(name), name, { session })));
  expect(results.map(({ finalOutput }) => finalOutput)).toEqual(['a saw 3', 'b saw 3']);
});
