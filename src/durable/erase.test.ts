/** What is erased is gone: from the log, the session, the traces and the cassettes, and from the bytes of their files. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cassette, cassetteOf, storedCassettes, writeCassette } from '../cassettes/index.ts';
import {
  Agent,
  type AnyAgent,
  BranchedSession,
  createRouter,
  getGlobalTraceProvider,
  memoryLog,
  run,
  RunStore,
  setTraceProcessors,
  setTracingDisabled,
  SQLiteSession,
  sqliteLog,
  sqliteSessions,
  storedTraces,
  tool,
  TraceStoreProcessor,
} from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { z } from 'zod';
import { booking, call, done } from './booking.fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

const SECRET = 'Zwiebelkuchen';

let dir = '';
let path = '';
let closing: { close(): Promise<unknown> }[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-erase-'));
  path = join(dir, 'one.db');
  closing = [];
});
afterEach(async () => {
  for (const each of closing) await each.close().catch(() => undefined);
  setTraceProcessors([]);
  setTracingDisabled(true);
  rmSync(dir, { recursive: true, force: true });
});
const later = <T extends { close(): Promise<unknown> }>(opened: T): T => {
  closing.push(opened);
  return opened;
};
const openLog = () => later(sqliteLog({ path }));
const openSession = (id: string) => later(new SQLiteSession(id, { dbPath: path }));

/** How often a text stands in the bytes of the files. */
function found(text: string, file = path): number {
  return [file, `${file}-wal`]
    .filter((each) => existsSync(each))
    .reduce((sum, each) => sum + readFileSync(each).toString('latin1').split(text).length - 1, 0);
}
const rowsOf = (table: string): unknown[] => {
  const db = new DatabaseSync(path, { timeout: 5000 });
  const rows = db.prepare(`SELECT * FROM ${table}`).all();
  db.close();
  return rows;
};

test('a session with its runs, copies, sub-agents, traces and cassettes is gone from every byte; others stay', async () => {
  const traces = join(dir, 'traces', 'traces.db');
  const processor = new TraceStoreProcessor({ path: traces });
  setTraceProcessors([processor]);
  setTracingDisabled(false);
  const places = [
    later(sqliteSessions({ dbPath: path })),
    later(storedTraces({ path: traces })),
    storedCassettes({ folder: dir }),
  ];
  const sub = new Agent({ name: 'Sub', model: new ScriptedModel([[assistantMessage(`${SECRET} sub`)]]) });
  const asker = (said: string): AnyAgent =>
    new Agent({
      name: 'Asker',
      model: new ScriptedModel([
        [functionCall('ask', { input: `${said} asked` }, { callId: 'a1' })],
        [assistantMessage(`${said} answered ${'.'.repeat(30_000)}`)],
        [assistantMessage(`${said} again`)],
      ]),
      tools: [sub.asTool({ toolName: 'ask', toolDescription: 'Asks.' })],
    }) as unknown as AnyAgent;
  const store = new RunStore({ log: openLog(), places });
  for (const [id, said] of [
    ['mine', SECRET],
    ['other', 'Apfelkuchen'],
  ] as const) {
    const agent = asker(said);
    const session = openSession(id);
    const { state } = await run(agent, `${said} please`, { session, durable: { store, runId: `run of ${id}` } });
    await store.fork(`run of ${id}`, { agent, runId: `copy of ${id}`, session: openSession(`copy for ${id}`) });
    await writeCassette(join(dir, `${id}.json`), cassetteOf(state));
    // Popped and cleared items leave nothing either.
    await session.addItems([{ type: 'message', role: 'user', content: `${said} popped` }]);
    await session.popItem();
    const branched = new BranchedSession(id, { open: openSession });
    await branched.createBranch('again');
    await branched.addItems([{ type: 'message', role: 'user', content: `${said} on a branch` }]);
  }
  await getGlobalTraceProvider().forceFlush();
  expect([found(SECRET), found(SECRET, traces)].every((n) => n > 5)).toBe(true);

  const erased = await store.erase({ sessionId: 'mine' });
  expect(erased).toEqual({ runs: 3, places: { sessions: 4, traces: 2, cassettes: 1 } });
  expect([found(SECRET), found('of mine'), found(SECRET, traces), found('of mine', traces)]).toEqual([0, 0, 0, 0]);
  expect([existsSync(join(dir, 'mine.json')), existsSync(join(dir, 'other.json'))]).toEqual([false, true]);
  expect(found('Apfelkuchen')).toBeGreaterThan(5);
  expect(found('Apfelkuchen', traces)).toBeGreaterThan(1);
  expect((await store.log.list()).runs).toHaveLength(3);
  // Again: nothing is left to do.
  expect(await store.erase({ sessionId: 'mine' })).toEqual({
    runs: 0,
    places: { sessions: 0, traces: 0, cassettes: 0 },
  });

  expect(await store.erase({ all: true })).toEqual({ runs: 3, places: { sessions: 4, traces: 2, cassettes: 1 } });
  expect([found('Apfelkuchen'), found('Apfelkuchen', traces), found('other')]).toEqual([0, 0, 0]);
  for (const table of ['runs', 'run_events', 'run_snapshots', 'blobs', 'session_items', 'session_operations']) {
    expect([table, rowsOf(`baton_${table}`)]).toEqual([table, []]);
  }
});

/** How often a text stands in the bytes of all files below the folder. */
const everywhere = (text: string): number =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + found(text, join(parentPath, name)), 0);

test('what cassettes recorded in its runs and on its session goes too, and nothing else of their files', async () => {
  const store = new RunStore({
    log: openLog(),
    places: [later(sqliteSessions({ dbPath: path })), storedCassettes({ folder: join(dir, 'cassettes') })],
  });
  const shared = join(dir, 'cassettes', 'shared.json');
  const own = join(dir, 'cassettes', 'deeper', 'own.json');
  const model = (file: string, ...said: string[]) =>
    cassette({ file, mode: 'auto', model: new ScriptedModel(said.map((text) => [assistantMessage(text)])) });
  const asker = (file: string, name: string, said: string) => {
    const sub = new Agent({ name: 'Sub', model: model(file, `${said} sub`) });
    const first = [functionCall('ask', { input: `${said} asked` }, { callId: 'a1' })];
    const inner = new ScriptedModel([first, [assistantMessage(`${said} answered`)]]);
    const routed = createRouter({
      models: { r: { targets: [{ model: cassette({ file, mode: 'auto', model: inner }) }] } },
    });
    return new Agent({
      name,
      model: routed('r'),
      tools: [sub.asTool({ toolName: 'ask', toolDescription: 'Asks.' })],
    });
  };
  // A durable run, with a sub-agent, through a router; a run on the session that no log knows; and those of another.
  for (const [id, said] of [
    ['mine', SECRET],
    ['other', 'Apfelkuchen'],
  ] as const) {
    const session = openSession(id);
    const durable = { store, runId: `run of ${id}` };
    await run(asker(shared, 'Asker', said), `${said} please`, { session, durable });
    await run(new Agent({ name: 'B', model: model(shared, `${said} streamed`) }), `${said} again`, { session });
  }
  await run(new Agent({ name: 'C', model: model(own, `${SECRET} alone`) }), `${SECRET} only`, {
    session: openSession('mine'),
  });
  await run(new Agent({ name: 'D', model: model(shared, 'of nobody') }), 'whose?');
  expect([everywhere(SECRET) > 10, existsSync(own)]).toEqual([true, true]);

  const erased = await store.erase({ sessionId: 'mine' });
  expect(erased).toEqual({ runs: 2, places: { sessions: 1, cassettes: 2 } });
  expect([everywhere(SECRET), everywhere('of mine'), existsSync(own)]).toEqual([0, 0, false]);
  const left = await readFile(shared, 'utf8');
  expect(left.split('"kind"').length - 1).toBe(5);
  expect(left).toContain('Apfelkuchen streamed');

  // What is left is played as before, and the tape of this process brings nothing back.
  const replay = cassette({ file: shared, mode: 'replay' });
  expect((await run(new Agent({ name: 'D', model: replay }), 'whose?')).finalOutput).toBe('of nobody');
  await run(new Agent({ name: 'E', model: model(shared, 'something new') }), 'new');
  expect(everywhere(SECRET)).toBe(0);
  expect(await store.erase({ all: true })).toEqual({ runs: 2, places: { sessions: 1, cassettes: 1 } });
  expect([everywhere('Apfelkuchen'), everywhere('of nobody') > 0]).toEqual([0, true]);
});

test('of a session among many, of items of all sizes, no page keeps a trace', async () => {
  const sessions = Array.from({ length: 12 }, (_, n) => openSession(`s${n}`));
  for (let round = 0; round < 60; round++) {
    await Promise.all(
      sessions.map(async (session, n) => {
        const size = [3, 40, 300, 1200, 9000][(round * 7 + n) % 5] ?? 3;
        const item = (n === 5 ? SECRET : 'Apfelkuchen').repeat(Math.ceil(size / 12));
        await session.append([
          { type: 'message', role: 'user', content: item },
          { type: 'function_call', callId: `${n === 5 ? SECRET : 'c'}${round}`, name: 'f', arguments: '{}' },
        ]);
        if (round % 9 === 8) await session.popItem();
        if (round === 30 && n % 3 === 2) await session.clearSession();
      }),
    );
  }
  expect(found(SECRET)).toBeGreaterThan(100);
  const place = later(sqliteSessions({ dbPath: path }));
  expect(await place.erase({ sessions: ['s5'], runs: [] })).toBe(1);
  expect(found(SECRET)).toBe(0);
  expect(await sessions[4]?.getItems()).toHaveLength(114);
});

test('another tenant keeps what it has', async () => {
  const { agent } = booking([call, done, call, done]);
  const stores = ['a', 'b'].map((tenant) => ({
    session: later(new SQLiteSession('s', { dbPath: path, tenant })),
    store: new RunStore({
      log: later(sqliteLog({ path, tenant })),
      places: [later(sqliteSessions({ dbPath: path, tenant }))],
    }),
  }));
  for (const { store, session } of stores) await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
  const [first, second] = stores;
  expect(await first?.store.erase({ all: true })).toEqual({ runs: 1, places: { sessions: 1 } });
  expect([await first?.session.getItems(), (await first?.store.list())?.runs]).toEqual([[], []]);
  expect(await second?.session.getItems()).toHaveLength(4);
  expect((await second?.store.list())?.runs).toHaveLength(1);
});

test('a run that waits for a person is erased, and its session with the turn that it holds', async () => {
  const { agent } = booking([call, done], { needsApproval: true });
  const store = new RunStore({ log: openLog(), places: [later(sqliteSessions({ dbPath: path }))] });
  const session = openSession('s');
  await run(agent, 'Book LH1.', { session, durable: { store, runId: 'r1' } });
  const other = new RunStore({ log: openLog(), places: [later(sqliteSessions({ dbPath: path }))] });
  expect(await other.erase({ sessionId: 's' })).toEqual({ runs: 1, places: { sessions: 1 } });
  await expect(store.resume('r1', { agent })).rejects.toMatchObject({ code: 'durable/unknown-run' });
  expect(rowsOf('baton_session_turns')).toEqual([]);
});

/** A run in its tool, until it is told to stop. */
async function underWay(store: RunStore, runId: string, session?: SQLiteSession) {
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
        details?.signal?.addEventListener('abort', () => resolve('stopped'));
      }),
  });
  const agent = new Agent({ name: 'Desk', model: new ScriptedModel([call]), tools: [book] });
  const ended = run(agent, 'Book.', { durable: { store, runId }, ...(session && { session }) }).then(
    () => undefined,
    (error: unknown) => error,
  );
  await inTool;
  return { ended };
}

test(
  'while a worker has a run nothing is erased; with cancel the run is stopped first',
  { timeout: 60_000 },
  async () => {
    const log = openLog();
    const store = new RunStore({ log, leaseMs: 6000 });
    const session = openSession('s');
    const { agent } = booking([call, done]);
    await run(agent, 'Book LH1.', { session, durable: { store, runId: 'before' } });
    const { ended } = await underWay(store, 'r1', session);
    const places = [later(sqliteSessions({ dbPath: path }))];
    const office = new RunStore({ log: openLog(), places, leaseMs: 6000 });
    await expect(office.erase({ sessionId: 's' })).rejects.toMatchObject({ code: 'durable/owned', runId: 'r1' });
    await expect(store.erase({ sessionId: 's' })).rejects.toMatchObject({ code: 'durable/owned', runId: 'r1' });
    expect([(await office.list()).runs.length, (await session.getItems()).length]).toEqual([2, 4]);
    expect(await office.erase({ sessionId: 's' }, { cancel: true })).toEqual({ runs: 2, places: { sessions: 1 } });
    expect(await ended).toMatchObject({ name: 'AbortError' });
    expect([(await office.list()).runs, await session.getItems()]).toEqual([[], []]);
  },
);

test('a run whose worker has died is taken from it and erased; its worker, were it alive, writes nothing more', async () => {
  const log = memoryLog();
  const create = { agent: 'A', worker: 'gone' };
  await log.append({ runId: 'r1', position: 0, fence: 0, create, events: [{ type: 'run.started' }] });
  await log.leases.beat('gone');
  const store = new RunStore({ log, leaseMs: 200 });
  expect(await store.erase({ runId: 'r1' })).toEqual({ runs: 1, places: {} });
  const late = log.append({ runId: 'r1', position: 1, fence: 1, events: [{ type: 'late' }] });
  await expect(late).rejects.toMatchObject({ code: 'log/unknown-run' });
});

test('what an erasure that failed half-way left is erased by the next', async () => {
  const { agent } = booking([call, done]);
  const log = openLog();
  let fails = true;
  const broken = {
    name: 'elsewhere',
    erase: async ({ runs }: { runs: readonly string[] }) => {
      if (fails) throw new Error('elsewhere is down');
      return runs.length;
    },
    close: async () => undefined,
  };
  const store = new RunStore({ log, places: [later(sqliteSessions({ dbPath: path })), broken] });
  await run(agent, 'Book LH1.', { session: openSession('s'), durable: { store, runId: 'r1' } });
  await expect(store.erase({ sessionId: 's' })).rejects.toThrow('elsewhere is down');
  expect((await store.list()).runs).toHaveLength(1);
  fails = false;
  expect(await store.erase({ sessionId: 's' })).toEqual({ runs: 1, places: { sessions: 0, elsewhere: 1 } });
});

test('a log that is damaged can be erased', async () => {
  const { agent } = booking([call, done]);
  const store = new RunStore({ log: openLog() });
  await run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec("UPDATE baton_run_events SET event = 'x' WHERE position = 2; UPDATE baton_runs SET status = 'paused'");
  db.close();
  await expect(store.state('r1', { agent })).rejects.toMatchObject({ code: 'log/corrupt' });
  expect(await store.erase({ runId: 'r1' })).toEqual({ runs: 1, places: {} });
});

test('what cannot be erased is said: an unknown run, one of a sub-agent, a session in the turn of another run', async () => {
  const store = new RunStore({ log: openLog() });
  await expect(store.erase({ runId: 'none' })).rejects.toMatchObject({ code: 'durable/unknown-run' });
  const create = { agent: 'A', worker: 'w' };
  await store.log.append({ runId: 'r1', position: 0, fence: 0, create, events: [] });
  const parent = { runId: 'r1', fence: 1 };
  await store.log.append({ runId: 'r1/m1/c0', position: 0, fence: 0, create: { ...create, parent }, events: [] });
  await expect(store.erase({ runId: 'r1/m1/c0' })).rejects.toThrow('belongs to: r1');
  const session = openSession('s');
  await session.addItems([{ type: 'message', role: 'user', content: 'kept' }]);
  const turn = await session.takeTurn({ runId: 'busy' });
  const sessions = later(sqliteSessions({ dbPath: path }));
  await expect(sessions.erase({ sessions: ['s'], runs: [] })).rejects.toMatchObject({ code: 'session/turn-taken' });
  expect(await session.getItems()).toHaveLength(1);
  await turn.end();
  expect(await sessions.erase({ sessions: ['s'], runs: [] })).toBe(1);
});

test('while somebody reads an older state, the file is not clean, and the error says so; the next call ends it', async () => {
  const session = openSession('s');
  await session.addItems([{ type: 'message', role: 'user', content: SECRET }]);
  const reader = new DatabaseSync(path);
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM baton_session_items').get();
  const sessions = later(sqliteSessions({ dbPath: path, timeoutMs: 200 }));
  const dirty = sessions.erase({ sessions: ['s'], runs: [] });
  await expect(dirty).rejects.toMatchObject({ code: 'session/busy' });
  await expect(dirty).rejects.toThrow('is deleted, but');
  reader.exec('COMMIT');
  reader.close();
  expect(await sessions.erase({ sessions: ['s'], runs: [] })).toBe(0);
  expect(found(SECRET)).toBe(0);
});
