import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BranchedSession, EncryptedSession, MemorySession, run, type Session, SQLiteSession } from '../index.ts';
import { counting, gate, held, turnCases } from './turn-cases.fixture.ts';

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

describe.each(Object.entries(kinds))('%s', (_, make) => turnCases(make));

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

test('who is aborted while it asks whom to join neither joins nor waits', async () => {
  const { started: goOn, isStarted: hold } = gate();
  const session = new MemorySession();
  const first = await held('a', { session, hold });
  const controller = new AbortController();
  const { turnHolder } = session;
  session.turnHolder = async () => {
    controller.abort(new Error('enough'));
    return turnHolder.call(session);
  };
  const { signal } = controller;
  const joining = run(counting('b'), 'b', { session, sessionTurn: { onBusy: 'merge' }, signal });
  await expect(joining).rejects.toThrow('enough');
  goOn();
  await first.completed;
  expect(first.finalOutput).toBe('a saw 3');
});
