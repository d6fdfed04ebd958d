import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent } from '../../agent/index.ts';
import { Usage } from '../../protocol/usage.ts';
import { run, RunState } from '../../run/index.ts';
import { branchConformance } from '../../testing/branch-conformance.ts';
import {
  assistantMessage,
  functionCall,
  modelResponse,
  ScriptedModel,
  sessionConformance,
} from '../../testing/index.ts';
import { tool } from '../../tools/index.ts';
import { MemorySession } from '../memory-session.ts';
import { EncryptedSession } from '../sealed/encrypted-session.ts';
import { SQLiteSession } from '../sqlite/sqlite-session.ts';
import { isBranchAwareSession, type Session } from '../types.ts';
import { BranchedSession } from './branched-session.ts';

const folder = mkdtempSync(join(tmpdir(), 'baton-branches-'));
const dbPath = join(folder, 'sessions.db');
/** Keeps the thread of `dbPath` between tests. */
const keeper = new SQLiteSession('keeper', { dbPath, synchronous: 'normal' });
beforeAll(() => keeper.getItems());
afterAll(async () => {
  await keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

const keys = [{ id: 'k', key: new Uint8Array(32) }];
const memory = (sessionId: string): Session => new MemorySession({ sessionId });
const file = (sessionId: string): Session => new SQLiteSession(sessionId, { dbPath, synchronous: 'normal' });
const stores: [string, (sessionId: string) => Session, boolean][] = [
  ['memory', memory, false],
  ['a file', file, true],
  ['sealed memory', (id) => new EncryptedSession(memory(id), { keys }), false],
];

describe.each(stores)('over %s', (_, open, durable) => {
  const create = (sessionId: string): BranchedSession => new BranchedSession(sessionId, { open });
  const dispose = (session: Session): Promise<void> | undefined =>
    session instanceof BranchedSession ? session.close() : undefined;
  for (const each of branchConformance({ create, dispose, durable })) test(each.name, each.run);
  for (const each of sessionConformance({ create, dispose, durable })) test(each.name, each.run);
});

test('a session from before is one with a single branch', async () => {
  const before = new MemorySession({
    sessionId: 's',
    initialItems: [{ type: 'message', role: 'user', content: 'old' }],
  });
  const open = (id: string): Session => (id === 's' ? before : memory(id));
  const session = new BranchedSession('s', { open });
  expect(isBranchAwareSession(session)).toBe(true);
  expect(await session.getItems()).toHaveLength(1);
  await session.createBranch('a', { turn: 1 });
  expect(await session.getItems()).toEqual([]);
  expect(await before.getItems()).toHaveLength(1);
});

test('no item is copied: what a branch begins with is stored once', async () => {
  const opened: Session[] = [];
  const open = (id: string): Session => {
    const session = memory(id);
    opened.push(session);
    return session;
  };
  const session = new BranchedSession('s', { open });
  await session.addItems(Array.from({ length: 50 }, (_, n) => ({ type: 'message', role: 'user', content: `${n}` })));
  for (let n = 0; n < 5; n++) await session.createBranch(`b${n}`);
  const counts = await Promise.all(opened.map(async (each) => (await each.getItems()).length));
  // The items, and two records for each branch.
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(50 + 10);
});

const answer = (text: string, totalTokens: number): ReturnType<typeof modelResponse> =>
  modelResponse({ output: [assistantMessage(text)], usage: new Usage({ inputTokens: totalTokens, totalTokens }) });

test('runs record what each turn used, also a run that is resumed in parts', async () => {
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    strict: true,
    needsApproval: true,
    execute: () => 'paid',
  });
  const usage = new Usage({ inputTokens: 100, totalTokens: 100 });
  const model = new ScriptedModel([
    answer('Hello', 10),
    modelResponse({ output: [functionCall('pay', {}, { callId: 'c1' })], usage }),
    answer('Paid', 1),
  ]);
  const agent = new Agent({ name: 'A', model, tools: [pay] });
  const session = new BranchedSession('s', { open: memory });
  await run(agent, 'Hi', { session });
  const paused = await run(agent, 'Pay', { session });
  expect((await session.getTurns()).map((turn) => turn.usage.totalTokens)).toEqual([10, 100]);
  const state = await RunState.fromString(agent, paused.state.toString());
  for (const asked of state.getInterruptions()) state.approve(asked);
  await run(agent, state, { session });
  expect((await session.getTurns()).map((turn) => turn.usage.totalTokens)).toEqual([10, 101]);
  expect((await session.getTurns()).map((turn) => turn.usage.requests)).toEqual([1, 2]);
});

test('a fixed branch is read and written whatever is current', async () => {
  const opened = new Map<string, Session>();
  const open = (id: string): Session => {
    const session = opened.get(id) ?? memory(id);
    opened.set(id, session);
    return session;
  };
  const session = new BranchedSession('s', { open });
  await session.createBranch('a');
  await session.switchBranch('main');
  const fixed = new BranchedSession('s', { open, branch: 'a' });
  await fixed.addItems([{ type: 'message', role: 'user', content: 'x' }]);
  expect([await session.getItems(), await fixed.getItems()]).toMatchObject([[], [{ content: 'x' }]]);
  const gone = new BranchedSession('s', { open, branch: 'nobody' });
  await expect(gone.getItems()).rejects.toMatchObject({ code: 'session/unknown-branch' });
});
