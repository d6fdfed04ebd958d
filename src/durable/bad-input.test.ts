/** What a store is asked for that cannot be: each a typed error that says what to do, and no row is changed. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EncryptedSession, run, RunStore, SQLiteSession, sqliteLog, sqliteSessions } from '../index.ts';
import { booking, call, done } from './booking.fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

let dir = '';
let path = '';
let closing: { close(): Promise<unknown> }[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-bad-'));
  path = join(dir, 'x.db');
  closing = [];
});
afterEach(async () => {
  for (const each of closing) await each.close().catch(() => undefined);
  rmSync(dir, { recursive: true, force: true });
});
const later = <T extends { close(): Promise<unknown> }>(opened: T): T => {
  closing.push(opened);
  return opened;
};

/** All that is stored, but for signs of life. */
function rows(): unknown {
  const db = new DatabaseSync(path, { timeout: 5000 });
  const tables = db.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'baton_workers' ORDER BY name",
  );
  const all = tables.all().map(({ name }) => [name, db.prepare(`SELECT * FROM ${String(name)}`).all()]);
  db.close();
  return all;
}

const { agent } = booking([call, done, call, done], { needsApproval: true });

/** A run that waits for a person, in a session. */
async function waiting(tenant = 'acme') {
  const log = later(sqliteLog({ path, tenant }));
  const session = later(new SQLiteSession('s', { dbPath: path, tenant }));
  const made = booking([call, done], { needsApproval: true });
  await run(made.agent, 'Book LH1.', { session, durable: { store: new RunStore({ log }), runId: 'r1' } });
  return { log, session };
}

const first = async (events: AsyncGenerator<unknown>): Promise<unknown> => (await events.next()).value;
const asked: [string, (store: RunStore, runId: string) => Promise<unknown>][] = [
  ['resume', (store, id) => store.resume(id)],
  ['state', (store, id) => store.state(id)],
  ['events', (store, id) => first(store.events(id))],
  ['fork', (store, id) => store.fork(id)],
  ['replay', (store, id) => store.replay(id)],
  ['approve', (store, id) => store.approve(id, 'c1')],
  ['confirm', (store, id) => store.confirm(id, 'c1', 'done')],
  ['addInput', (store, id) => store.addInput(id, 'Hello')],
  ['cancel', (store, id) => store.cancel(id)],
  ['erase', (store, id) => store.erase({ runId: id })],
];

test.each(asked)('%s of a run that is not there, or is of another tenant', async (_, ask) => {
  await waiting();
  const before = rows();
  for (const [tenant, runId] of [
    ['acme', 'none'],
    ['other', 'r1'],
  ] as const) {
    const store = new RunStore({ log: later(sqliteLog({ path, tenant })), agents: [agent] });
    const error: unknown = await ask(store, runId).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'durable/unknown-run' });
    expect(String(error)).toMatch(/no run "(none|r1)".*list\(\)/);
  }
  expect(rows()).toEqual(before);
});

test('a store without a log, and a run without a store', async () => {
  expect(() => new RunStore({} as never)).toThrow(/RunStore needs `log`/);
  await expect(run(agent, 'Hello', { durable: { runId: 'r1' } as never })).rejects.toThrow(/needs the store/);
});

test('what is no input, and no position', async () => {
  await waiting();
  const before = rows();
  const store = new RunStore({ log: later(sqliteLog({ path })), agents: [agent] });
  for (const input of [5, null, undefined, {}, [null], ['Hello']]) {
    await expect(store.addInput('r1', input as never)).rejects.toThrow(
      /added to run r1 must be a text or a list of items/,
    );
  }
  for (const from of [-1, 1.5, Number.NaN]) {
    await expect(store.events('r1', { from }).next()).rejects.toThrow(/`from` must be/);
    await expect(store.stream('r1', { from }).next()).rejects.toThrow(/`from` must be/);
  }
  expect(rows()).toEqual(before);
});

test('a session of another tenant is not seen, not changed and not erased', async () => {
  await waiting();
  const before = rows();
  const sessions = later(sqliteSessions({ dbPath: path, tenant: 'other' }));
  expect(await sessions.erase({ sessions: ['s'], runs: ['r1'] })).toBe(0);
  const store = new RunStore({ log: later(sqliteLog({ path, tenant: 'other' })), places: [sessions] });
  expect(await store.erase({ sessionId: 's' })).toEqual({ runs: 0, places: { sessions: 0 } });
  expect(await store.erase({ all: true })).toEqual({ runs: 0, places: { sessions: 0 } });
  expect(rows()).toEqual(before);
  expect(() => new SQLiteSession('s', { dbPath: path, requireTenant: true })).toThrow('needs option `tenant`');
});

test('a log that a newer version wrote: its tables, or one of its events', async () => {
  const { log, session } = await waiting();
  const stored = await log.read('r1');
  const lease = stored?.info.lease ?? { fence: 0 };
  await log.leases.claim('r1', { worker: 'w', seen: lease });
  const at = { position: stored?.info.head ?? 0, fence: lease.fence + 1 };
  await log.append({ runId: 'r1', ...at, events: [{ type: 'run.teleported' }], release: true });
  const before = rows();
  const store = new RunStore({ log, agents: [agent] });
  await expect(store.resume('r1')).rejects.toMatchObject({ code: 'durable/newer-event', runId: 'r1' });
  expect(rows()).toEqual(before);
  await session.close();
  await log.close();
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec("INSERT INTO baton_migrations (component, version) VALUES ('log', 99)");
  db.close();
  const newer = rows();
  const old = new RunStore({ log: later(sqliteLog({ path, tenant: 'acme' })), agents: [agent] });
  await expect(old.resume('r1')).rejects.toMatchObject({ code: 'log/newer-schema' });
  await expect(old.erase({ all: true })).rejects.toThrow('Upgrade the package');
  await expect(old.prune({ maxAgeMs: 0 })).rejects.toMatchObject({ code: 'log/newer-schema' });
  expect(rows()).toEqual(newer);
});

test('a truncated file, opened as a copy to read only', async () => {
  const { log, session } = await waiting();
  await session.close();
  await log.close();
  const copy = join(dir, 'copy.db');
  copyFileSync(path, copy);
  truncateSync(copy, 4096 * 3 + 100);
  const before = readFileSync(copy);
  const store = new RunStore({
    log: later(sqliteLog({ path: copy, tenant: 'acme', readOnly: true })),
    agents: [agent],
  });
  const codes = /^log\/(corrupt|not-a-database|store|cannot-open|read-only)$/;
  for (const [, ask] of asked) {
    const error: unknown = await ask(store, 'r1').catch((e: unknown) => e);
    expect(error).toMatchObject({ code: expect.stringMatching(codes) });
    expect(String(error)).toMatch(/restore|Restore|backup|write access|folder|damaged/);
  }
  expect(readFileSync(copy).equals(before)).toBe(true);
});

test('a session whose key is another one: the run fails with that, and the items stay', async () => {
  const { log } = await waiting('sealed');
  const seal = (fill: number) =>
    new EncryptedSession(later(new SQLiteSession('secret', { dbPath: path, tenant: 'sealed' })), {
      tenant: 'sealed',
      keys: [{ id: 'k1', key: new Uint8Array(32).fill(fill) }],
    });
  await seal(1).addItems([{ type: 'message', role: 'user', content: 'kept' }]);
  const items = () => (rows() as [string, unknown][]).find(([name]) => name === 'baton_session_items');
  const before = items();
  const store = new RunStore({ log });
  const bad = run(booking([call, done]).agent, 'Book LH1.', { session: seal(2), durable: { store, runId: 'r2' } });
  await expect(bad).rejects.toMatchObject({ code: 'session/wrong-key' });
  expect(items()).toEqual(before);
  expect(await seal(1).getItems()).toHaveLength(1);
});
