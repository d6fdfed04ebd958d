import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  type AnyAgent,
  LogError,
  MemorySession,
  run,
  RunStore,
  SQLiteSession,
  sqliteLog,
  tool,
} from '../index.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';

let dir = '';
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'baton-nested-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test.each([
  ['a session of the process', () => new MemorySession()],
  ['a session in SQLite', () => new SQLiteSession('s', { dbPath: join(dir, 'one.db'), synchronous: 'normal' })],
])(
  'a durable run in a tool is taken up by the run that started it, and keeps nobody waiting for a turn: %s',
  { timeout: 60_000 },
  async (_, make) => {
    const log = sqliteLog({ path: join(dir, 'one.db'), synchronous: 'normal' });
    const session = make();
    let isDying = true;
    let deepest = (): void => undefined;
    const reached = new Promise<void>((resolve) => (deepest = resolve));
    const reply = modelResponder(async ({ request: { input } }) => {
      if (isDying) {
        deepest();
        await new Promise(() => undefined);
      }
      return [assistantMessage(`Inner saw ${Array.isArray(input) ? input.length : 1}.`)];
    });
    const inner = new Agent({ name: 'Inner', model: new ScriptedModel([reply, reply, reply]) });
    const stores: RunStore[] = [];
    const delegate = tool({
      name: 'delegate',
      description: 'Starts a durable run of its own.',
      parameters: z.object({}),
      effect: 'idempotent',
      execute: async () => {
        const store = stores.at(-1) as RunStore;
        try {
          const result = await run(inner, 'Inner?', { session, durable: { store, runId: 'inner' } });
          return String(result.finalOutput);
        } catch (error) {
          if (!(error instanceof LogError && error.code === 'log/exists')) throw error;
          return String((await store.resume('inner', { session })).finalOutput);
        }
      },
    });
    const outer = new Agent({
      name: 'Outer',
      model: new ScriptedModel([
        [functionCall('delegate', {}, { callId: 'c1' })],
        [assistantMessage('Outer is done.')],
      ]),
      tools: [delegate],
    });
    const open = (): RunStore => {
      const agents = [outer, inner] as unknown as AnyAgent[];
      stores.push(new RunStore({ log, agents, worker: 'w', resumeOptions: () => ({ session }) }));
      return stores.at(-1) as RunStore;
    };
    const dying = open();
    void run(outer, 'Outer?', { session, durable: { store: dying, runId: 'outer' } }).catch(() => undefined);
    await reached;
    await dying.drain({ timeoutMs: 1 });
    isDying = false;

    const store = open();
    // The inner one alone, as by a worker with one place left: it is left, and the outer one is not forgotten for it.
    expect(await store.recover({ skip: ({ runId }) => runId === 'outer' })).toEqual([]);
    expect((await log.read('inner'))?.info.lease).not.toHaveProperty('owner');
    expect(await store.recover()).toEqual([{ runId: 'outer', outcome: { status: 'finished' } }]);
    expect((await store.list()).runs.map(({ runId, status }) => `${runId} ${status}`).toSorted()).toEqual([
      'inner finished',
      'outer finished',
    ]);
    // The turn is free, and each run's words are in the session once.
    await (await session.takeTurn({ runId: 'next', onBusy: 'reject' })).end();
    const roles = (await session.getItems()).map((item) => ('role' in item ? item.role : item.type));
    expect(roles.toSorted()).toEqual(
      ['user', 'assistant', 'user', 'function_call', 'function_call_result', 'assistant'].toSorted(),
    );
    if ('close' in session) await session.close();
    await log.close();
  },
);
